//! What tests look at, and by which rules: JSON of the pieces of which secrets and what resembles them are made.

use std::sync::LazyLock;

use proptest::prelude::*;

use crate::Redactor;
use crate::detector::Detector;

pub(crate) static REDACTORS: LazyLock<[Redactor; 3]> = LazyLock::new(redactors);

fn redactors() -> [Redactor; 3] {
    let all = Detector::ALL.into_iter().fold(Redactor::builder(), crate::RedactorBuilder::detect);
    let none = Detector::ALL.into_iter().fold(Redactor::builder(), crate::RedactorBuilder::ignore);
    let own = none
        .clone()
        .secret("s3cr3t-of-ours")
        .token("ours", "own-", 8)
        .hide_name("shoe size")
        .hide_names_ending("area51 id")
        .hide_names_with("zeta");
    [all, own, Redactor::builder().max_depth(3)].map(|builder| builder.build().unwrap())
}

/// The words of names, values and everything between them.
pub(crate) const PIECES: &[&str] = &[
    "user",
    "id",
    "_",
    "-",
    ".",
    "token",
    "Token",
    "pass",
    "word",
    "Word",
    "pass_word",
    "secret",
    "secretary",
    "key",
    "api",
    "code",
    "count",
    "session",
    "pwd",
    "pin",
    "2",
    "42",
    "1234",
    "20100101",
    "4111111111111111",
    "4111 1111 1111 1111",
    "219-09-9999",
    "DE89370400440532013000",
    "DE89 3704 0044 0532 0130 00",
    "GB29 NWBK 6016 1331 9268 19",
    "john@example.com",
    "=",
    ":",
    ": ",
    ">",
    "<token>x</token>",
    "password=hunter2",
    "otp: 123456",
    "T10:12:13.5Z",
    "Bearer abcdef123456",
    "sk-",
    "ghp_",
    "s3cr3t-of-ours",
    "own-12345678",
    "shoeSize",
    "zeta",
    "é",
    "\\n",
    "\\u0070",
    "\\\"",
    "\\\\",
    "***REDACTED***",
    "+49 30 1234567",
    " ",
    "a",
    "aaaaaaaaaaaaaaaaaaaa",
    "ＰＡＳＳ",
    "p",
    "P",
    "s.s.n",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
];

fn string() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..5)
        .prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

/// JSON, in which everything may be missing or wrong once in a while.
pub(crate) fn documents() -> impl Strategy<Value = String> {
    let word = prop::sample::select(
        &["true", "false", "null", "0", "12", "-1.5e3", "4111111111111111", "219099999", "01", "tru"][..],
    );
    let leaf = prop_oneof![6 => string(), 2 => word.prop_map(str::to_owned)];
    let blank = || prop::sample::select(&["", "", "", " ", "\n\t"][..]);
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let member = (string(), blank(), blank(), inner.clone()).prop_map(|(name, a, b, value)| format!("{name}{a}:{b}{value}"));
        let comma = (blank(), blank()).prop_map(|(a, b)| format!("{a},{b}"));
        prop_oneof![
            2 => (prop::collection::vec(inner.clone(), 0..5), comma.clone()).prop_map(|(items, comma)| format!("[{}]", items.join(&comma))),
            4 => (prop::collection::vec(member, 0..8), comma).prop_map(|(members, comma)| format!("{{{}}}", members.join(&comma))),
            1 => inner.prop_map(|json| format!("\"{}\"", json.replace('\\', "\\\\").replace('"', "\\\""))),
        ]
    })
}
