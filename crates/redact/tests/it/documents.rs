//! Documents with secrets in them, written in every way that documents are written: no secret is left.

use std::fmt::Write;

use buttress_redact::{Redactor, Report};
use proptest::prelude::*;
use serde_json::{Map, Value};

/// A secret and how it may be given away.
#[derive(Clone, Debug)]
struct Secret {
    /// What must not be left.
    core: String,
    /// What is written, if its looks are enough; otherwise it needs a telling name.
    looks: Option<String>,
}

const TELLING: &[&str] = &[
    "password",
    "db_password",
    "userPassword",
    "PASSWORD",
    "passwd",
    "token",
    "access_token",
    "csrfToken",
    "api_key",
    "X-Api-Key",
    "apiKey",
    "secret",
    "clientSecret",
    "client_secret",
    "private_key",
    "auth_key",
    "credential",
    "encrypted_credentials",
    "session_id",
    "refresh-token",
    "signing.key",
];

const HARMLESS: &[&str] =
    &["id", "name", "user", "level", "message", "count", "path", "note", "items", "kéy"];

fn core() -> impl Strategy<Value = String> {
    // Never a part of a mask or of what stands around it.
    "[a-z]{4}7[A-Z]{4}[a-z0-9]{12}Zq9"
}

fn secret() -> impl Strategy<Value = Secret> {
    let named = core().prop_map(|core| Secret { core, looks: None });
    let forms = prop::sample::select(
        &[
            ("Bearer ", ""),
            ("ghp_", "0000"),
            ("sk_live_", ""),
            ("sk-", ""),
            ("glpat-", ""),
            ("postgres://app:", "@db/x"),
            ("https://ann:", "@example.com/a"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.", ""),
            ("xoxb-", ""),
            ("npm_", "000000000000"),
            ("-----BEGIN PRIVATE KEY-----\n", "\n-----END PRIVATE KEY-----"),
        ][..],
    );
    let looking = (forms, core()).prop_map(|((front, back), core)| {
        let looks = Some(format!("{front}{core}{back}"));
        Secret { core, looks }
    });
    prop_oneof![named, looking]
}

/// Words around a secret in a string.
fn around() -> impl Strategy<Value = (String, String)> {
    let words =
        prop::sample::select(&["", "see ", "failed: ", "(", "é ", "a/b \"q\" \\ ", "line\n", "x, "][..]);
    let after = prop::sample::select(&["", " then", ", done", ")", "\n next", " 😀"][..]);
    (words, after).prop_map(|(before, after)| (before.to_owned(), after.to_owned()))
}

/// A document, and the secrets in it.
fn document() -> impl Strategy<Value = (Value, Vec<String>)> {
    let leaf = prop_oneof![
        3 => (secret(), prop::sample::select(TELLING), around()).prop_map(planted),
        2 => prop::sample::select(HARMLESS).prop_map(|name| (member(name, Value::from("ordinary text")), Vec::new())),
        1 => any::<i32>().prop_map(|number| (member("count", Value::from(number)), Vec::new())),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        (prop::collection::vec(inner, 1..4), prop::sample::select(HARMLESS), any::<bool>()).prop_map(gathered)
    })
}

fn planted((secret, name, (before, after)): (Secret, &str, (String, String))) -> (Value, Vec<String>) {
    let value = match &secret.looks {
        None => member(name, Value::from(secret.core.clone())),
        Some(looks) => member("note", Value::from(format!("{before}{looks}{after}"))),
    };
    (value, vec![secret.core])
}

fn gathered((parts, name, listed): (Vec<(Value, Vec<String>)>, &str, bool)) -> (Value, Vec<String>) {
    let (values, secrets): (Vec<Value>, Vec<Vec<String>>) = parts.into_iter().unzip();
    let inner = if listed { Value::from(values) } else { merged(values) };
    (member(name, inner), secrets.concat())
}

fn merged(values: Vec<Value>) -> Value {
    let mut all = Map::new();
    for (place, value) in values.into_iter().enumerate() {
        for (name, value) in value.as_object().cloned().unwrap_or_default() {
            let name = if all.contains_key(&name) { format!("{place}_{name}") } else { name };
            all.insert(name, value);
        }
    }
    Value::Object(all)
}

fn member(name: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), value)]))
}

/// The document with every letter of its names and strings written as an escape.
fn escaped(value: &Value) -> String {
    let string = |text: &str| -> String {
        let units = text.encode_utf16().fold(String::new(), |mut out, unit| {
            write!(out, "\\u{unit:04x}").unwrap();
            out
        });
        format!("\"{units}\"")
    };
    match value {
        Value::String(text) => string(text),
        Value::Array(items) => format!("[{}]", items.iter().map(escaped).collect::<Vec<_>>().join(",")),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| format!("{}:{}", string(name), escaped(value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(" ,\n"))
        }
        other => other.to_string(),
    }
}

/// The scalar members of a document, one after another.
fn leaves(value: &Value, name: &str, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| leaves(value, name, out)),
        Value::Array(items) => items.iter().for_each(|value| leaves(value, name, out)),
        Value::String(text) => out.push((name.to_owned(), text.clone())),
        other => out.push((name.to_owned(), other.to_string())),
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
        out
    })
}

fn assert_gone(secrets: &[String], form: &str, before: &str, after: &str) -> Result<(), TestCaseError> {
    for secret in secrets {
        prop_assert!(
            before.contains(secret.as_str()) || form == "escaped",
            "{}: the test lost {}",
            form,
            secret
        );
        prop_assert!(
            !after.contains(secret.as_str()),
            "{}: {} is left in {} of {}",
            form,
            secret,
            after,
            before
        );
        // Escaped, it would be just as readable.
        let read = after.replace("\\u00", "").replace('%', "");
        let hex = secret.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        prop_assert!(!read.contains(&hex), "{}: {} is left in escapes in {}", form, secret, after);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_secret_of_a_document_survives_in_any_form((document, secrets) in document()) {
        let redactor = Redactor::default();
        let compact = document.to_string();
        let pretty = serde_json::to_string_pretty(&document).unwrap();
        let within = Value::from(compact.clone()).to_string();
        let twice = member("body", Value::from(member("inner", Value::from(pretty.clone())).to_string())).to_string();
        for (form, json) in [
            ("compact", compact.clone()), ("pretty", pretty.clone()), ("escaped", escaped(&document)),
            ("within a string", within), ("within a string within a string", twice),
        ] {
            assert_gone(&secrets, form, &json, &redactor.json(&json))?;
        }
        for (form, text) in [
            ("JSON in text", format!("sent {compact} upstream")), ("pretty JSON in text", format!("sent {pretty}")),
            ("escaped JSON in text", format!("body={compact:?} status=200")),
            ("cut off", format!("{compact},")), ("a debugged document", format!("{document:?}")),
        ] {
            assert_gone(&secrets, form, &text, &redactor.text(&text))?;
            assert_gone(&secrets, form, &text, &redactor.json(&text))?;
        }
    }

    #[test]
    fn no_secret_of_a_document_survives_as_pairs_or_in_a_url((document, secrets) in document()) {
        let redactor = Redactor::default();
        let mut pairs = Vec::new();
        leaves(&document, "", &mut pairs);
        let quoted: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        let debugged: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        let elements: Vec<String> = pairs.iter().map(|(name, value)| format!("<{name}>{value}</{name}>")).collect();
        for (form, text) in [
            ("pairs", quoted.join(" ")), ("pairs with commas", quoted.join(", ")),
            ("a struct", format!("Struct {{ {} }}", debugged.join(", "))), ("elements", elements.concat()),
        ] {
            assert_gone(&secrets, form, &text, &redactor.text(&text))?;
        }
        let query: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{}={}", percent_encoded(name), percent_encoded(value))).collect();
        let url = format!("https://example.com/a?{}#top", query.join("&"));
        assert_gone(&secrets, "a URL", &url, &redactor.url(&url))?;
        for (name, value) in &pairs {
            let field = redactor.field(name, value);
            prop_assert!(!secrets.iter().any(|secret| field.contains(secret.as_str())), "{}: {}", name, field);
        }
    }

    #[test]
    fn the_report_counts_what_the_output_shows((document, secrets) in document()) {
        let mut out = b"kept ".to_vec();
        let report: Report = Redactor::default().json_into(document.to_string().as_bytes(), &mut out);
        let out = String::from_utf8(out).unwrap();
        prop_assert!(out.starts_with("kept "));
        prop_assert!(report.names() + report.values() >= secrets.len().min(1));
        prop_assert_eq!(report.is_touched(), out.contains("***"));
    }
}
