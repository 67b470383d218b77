//! That there is no doubt too few: what is looked at in full never finds more than what is looked at where there are
//! doubts.

use proptest::prelude::*;

use super::{Doubts, has_none, is_short_and_clear};
use crate::json::documents::{PIECES, REDACTORS, documents};
use crate::json::naive;
use crate::name::{HIDDEN, HIDDEN_IN_QUERIES};
use crate::scan::literals;
use crate::{Detector, Redactor};

fn assert_same(redactor: &Redactor, text: &str) {
    let (rules, bytes) = (&redactor.rules, text.as_bytes());
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(shown(&redactor.bytes(bytes)), shown(&naive::text(rules, bytes)), "{text}");
    assert_eq!(shown(&redactor.json_bytes(bytes)), shown(&naive::json(rules, bytes)), "{text} as JSON");
    let mut out = Vec::new();
    redactor.json_into(bytes, &mut out);
    assert_eq!(shown(&out), shown(&naive::json(rules, bytes)), "{text} as JSON into a buffer");
}

/// In all forms in which it may stand somewhere, and at the edges of blocks.
fn assert_same_everywhere(redactor: &Redactor, text: &str) {
    let json = text.replace('\\', "\\\\").replace('"', "\\\"");
    for form in [
        text.to_owned(),
        format!("{{\"a\":\"{json}\",\"b\":[1,\"{json}\"]}}"),
        format!("{{\"{json}\":\"x\"}}"),
    ] {
        assert_same(redactor, &form);
    }
    for before in [30, 60, 63, 100] {
        assert_same(redactor, &format!("{} {text}", "x".repeat(before)));
        assert_same(redactor, &format!("{{\"{}\":\"{json}\"}}", "x".repeat(before)));
    }
}

/// The names of a table, in many a spelling.
fn names() -> impl Iterator<Item = String> {
    let rows = HIDDEN.iter().chain(HIDDEN_IN_QUERIES);
    let own = ["shoesize", "area51id", "zeta"];
    let words = rows.flat_map(|(_, _, words)| words.iter().copied()).chain(own);
    words.flat_map(|word| {
        let apart = |by: &str| {
            word.chars().flat_map(|letter| std::iter::once(letter).chain(by.chars())).collect::<String>()
        };
        [
            word.to_owned(),
            word.to_ascii_uppercase(),
            format!("my_{word}"),
            format!("my-{word}-2"),
            format!("{word}_hash"),
            format!("x.{word}3[0]"),
            apart("_"),
            apart(" - "),
            apart("\u{200b}"),
            word.chars().map(|letter| char::from_u32(letter as u32 + 0xfee0).unwrap()).collect(),
        ]
    })
}

#[test]
fn every_name_leaves_a_doubt_in_every_notation() {
    for name in names() {
        for redactor in REDACTORS.iter() {
            for text in [
                format!("{{\"{name}\":\"hunter2hunter2\"}}"),
                format!("{{\"a\":\"\",\"{name}\" \n : 4111111111111111}}"),
                format!("{{\"{name}\":[\"\",{{\"b\":1}}],\"{name}\":\"\"}}"),
                format!("[{{\"{name}\":null,\"é\":\"{name}=hunter2 x\"}}]"),
                format!("{}{name}=hunter2hunter2", "x ".repeat(29)),
                format!("see {name}: hunter2hunter2"),
                format!("{name} := 'hunter2'"),
                format!("'{name}' => `hunter2`"),
                format!("/a?b=c&{name}=hunter2hunter2hunter2"),
                format!("?{name}[0] = hunter2hunter2hunter2"),
                format!("<{name} a=\"b\">hunter2</{name}>"),
                format!("***REDACTED***{name}***REDACTED:jwt***=hunter2"),
                format!("\"{name}\":\"\",\"{name}\":null,\"{name}\":x1!abc"),
                // A quote that is doubled does not close.
                format!("\"{name}\":\"\"hunter2\"\",x"),
                format!("\"{name}\":nullified1!"),
            ] {
                assert_same(redactor, &text);
            }
        }
    }
}

#[test]
fn a_parameter_leaves_a_doubt_however_far_from_its_sign_it_begins() {
    for (between, behind) in [(0, ""), (60, " "), (100, ""), (114, "[12345678]        ")] {
        let url = format!("/a?x_amz{}signature{behind}=hunter2hunter2hunter2", "_".repeat(between));
        assert!(!Redactor::default().is_clean(&url), "{url}");
        assert_same(&Redactor::default(), &url);
    }
}

#[test]
fn every_fixed_text_leaves_a_doubt_if_it_belongs_to_a_secret() {
    let all =
        Detector::ALL.into_iter().fold(Redactor::builder(), crate::RedactorBuilder::detect).build().unwrap();
    let plain = Redactor::default();
    for (text, _) in literals(|_| true) {
        let text = String::from_utf8(text).unwrap();
        for tail in [
            "A1b2C3d4E5f6G7h8",
            "0123456789abcdef0123456789abcdef",
            "0123456789abcdef0123456789abcde",
            "0123456789abcdef0123456789abcdef01",
            "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJKLMNOPQRSTUVW",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJKLMNOPQRSTUV",
            "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijklmnopqrstuv",
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "ann:hunter2@example.com",
            "PRIVATE KEY-----abc-----END PRIVATE KEY-----",
            " abcdef123456",
            "YW5uOmh1bnRlcjI=",
            "Og",
            "example.com",
        ] {
            for front in ["", "B", "x-", "https"] {
                let text = format!("{front}{text}{tail}");
                assert_same(&all, &text);
                assert_same(&plain, &text);
                assert_same(
                    &plain,
                    &format!("{{\"{}\":\"{text}\",\"{text}\":1}}", "x".repeat(text.len() * 7 % 130)),
                );
            }
        }
    }
}

#[test]
fn every_number_leaves_a_doubt_whatever_stands_before_it() {
    let phones = Redactor::builder().detect(Detector::Phone).build().unwrap();
    for number in [
        "4111 1111 1111 1111",
        "3782-822463-10005",
        "4111111111111111",
        "219-09-9999",
        "DE89 3704 0044 0532 0130 00",
        "DE89370400440532013000",
        "+442079460958",
        "415 555 2671",
    ] {
        for before in
            (0..=0x7f).map(char::from).map(String::from).chain(["\\n", "a-", "-12-"].map(Into::into))
        {
            for redactor in [&Redactor::default(), &phones] {
                assert_same(redactor, &format!("{before}{number}"));
                assert_same(redactor, &format!("see {before}{number} x"));
            }
        }
    }
}

#[test]
fn no_fixed_text_can_stand_in_a_uuid() {
    let is_of_a_uuid = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-');
    assert!(!literals(|_| true).iter().any(|(text, _)| text.iter().all(is_of_a_uuid)));
}

#[test]
fn the_corpus_is_redacted_as_if_all_of_it_were_looked_at() {
    for file in [
        include_str!("../../tests/corpus/text.positive"),
        include_str!("../../tests/corpus/text.negative"),
        include_str!("../../tests/corpus/json.positive"),
        include_str!("../../tests/corpus/json.negative"),
        include_str!("../../tests/corpus/url.positive"),
        include_str!("../../tests/corpus/url.negative"),
    ] {
        for line in file.lines() {
            let line = line.strip_prefix("< ").or_else(|| line.strip_prefix("> ")).unwrap_or(line);
            REDACTORS.iter().for_each(|redactor| assert_same(redactor, line));
            assert_same_everywhere(&Redactor::default(), line);
        }
    }
}

#[test]
fn most_of_what_is_harmless_leaves_no_doubt() {
    let file = include_str!("../../tests/corpus/text.negative");
    let redactor = Redactor::default();
    let clean = file.lines().filter(|line| Doubts::new(&redactor.rules, line.as_bytes()).are_none()).count();
    // Its lines are those that look like something.
    assert!(clean * 4 > file.lines().count(), "{clean} of {}", file.lines().count());
    for line in [
        r#"{"timestamp":"2026-11-20T10:12:13.123456Z","level":"info","logger":"app.http","trace_id":"0af7651916cd43dd8448eb211c80319c"}"#,
        r#"{"status_code":200,"correlation_id":"2f8f1a3e-9c1d-4c59-8d0f-0a4f7a1f7b11","api_token":"","token":null}"#,
        "GET /api/v1/devices/17 from 10.0.0.1 took 12.5 ms, path=/a status=200 name=x",
    ] {
        assert!(Doubts::new(&redactor.rules, line.as_bytes()).are_none(), "{line}");
    }
    for short in
        ["/api/v1/devices/17421", "connection reset by peer", "apps.web", "order 2026 of 1042", "passed"]
    {
        assert!(is_short_and_clear(&redactor.rules, short.as_bytes()), "{short}");
    }
}

#[test]
fn brackets_are_counted_where_there_is_no_doubt() {
    let redactor = Redactor::builder().max_depth(2).build().unwrap();
    for json in [
        "[[1]]",
        "[[[1]]]",
        "[\"]]\",[[\"[[[\"]]]",
        "[[],[],[]]",
        "[\"[[[[\"]",
        "[[[",
        "[\"]]\",[\"]]\",[1]]]",
    ] {
        assert_same(&redactor, json);
    }
}

/// Parts of secrets and of what looks like one, with anything between.
fn text() -> impl Strategy<Value = String> {
    let odd = [
        "p", "w", "d", "ss", "to", "ken", "K", "SK", "\"", "'", "[", "]", "?", "&", "%", "+", "<", "</", "@",
        "4111", "-", "99",
    ];
    let piece = prop_oneof![
        3 => prop::sample::select(PIECES).prop_map(str::to_owned),
        2 => prop::sample::select(odd.to_vec()).prop_map(str::to_owned),
        1 => "[ -~]{1,4}",
        1 => "[a-z]{20,70}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_is_redacted_as_if_all_of_it_were_looked_at(text in text()) {
        REDACTORS.iter().for_each(|redactor| assert_same(redactor, &text));
        assert_same(&Redactor::default(), &text);
    }

    #[test]
    fn a_uuid_leaves_no_doubt(
        uuid in prop_oneof![
            "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
            "[0-9]{8}(-[0-9]{4}){3}-[0-9]{12}",
            "[0-9a]{8}(-[0-9]{4}){3}-[0-9a]{12}",
        ],
    ) {
        prop_assert!(has_none(&Redactor::default().rules, uuid.as_bytes()), "{uuid}");
    }

    #[test]
    fn json_is_redacted_as_if_all_of_it_were_looked_at(json in documents()) {
        REDACTORS.iter().for_each(|redactor| assert_same(redactor, &json));
        assert_same(&Redactor::default(), &json);
    }
}
