//! Values that are redacted when they are serialised.

use std::collections::BTreeMap;

use buttress_redact::{Redacted, Redactor};
use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

fn serialised(value: impl Serialize) -> Value {
    serde_json::to_value(Redacted::new(value)).unwrap()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Login {
    user: String,
    password: Option<String>,
    api_key: &'static str,
    pin: u16,
    card: u64,
    tokens: u32,
    secrets: Vec<u8>,
    contact: Contact,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Serialize)]
enum Contact {
    None,
    Mail(String),
    Password(String),
    Both(String, String),
    Named { mail: String, token: String },
}

fn login(contact: Contact) -> Login {
    Login {
        user: "john@example.com".into(),
        password: Some("hunter2".into()),
        api_key: "abc",
        pin: 1234,
        card: 4_111_111_111_111_111,
        tokens: 4096,
        secrets: vec![1, 2],
        contact,
        note: None,
    }
}

#[test]
fn a_structure_is_serialised_as_its_json_would_be_redacted() {
    for contact in [
        Contact::None,
        Contact::Mail("ann@example.com".into()),
        Contact::Password("hunter2".into()),
        Contact::Both("ann@example.com".into(), "x".into()),
        Contact::Named { mail: "ann@example.com".into(), token: "abc".into() },
    ] {
        let login = login(contact);
        let json = serde_json::to_string(&login).unwrap();
        let expected: Value = serde_json::from_str(&Redactor::default().json(&json)).unwrap();
        assert_eq!(serialised(&login), expected);
        assert!(!expected.to_string().contains("hunter2"));
    }
}

#[test]
fn maps_are_redacted_in_names_and_values() {
    let map = BTreeMap::from([("password", "x"), ("john@example.com", "y"), ("plain", "z")]);
    let expected = json!({"password": "***REDACTED***", "joh***@example.com": "y", "plain": "z"});
    assert_eq!(serialised(map), expected);
    let numbers = BTreeMap::from([(4_111_111_111_111_111_u64, 1), (12, 2)]);
    assert_eq!(serialised(numbers), json!({"****-****-****-1111": 1, "12": 2}));
}

#[test]
fn a_known_secret_that_is_a_number_is_hidden_among_names_and_values() {
    let redactor = Redactor::builder().secret("471147").build().unwrap();
    let numbers = BTreeMap::from([(471_147, 12), (12, 471_147)]);
    let expected = json!({"***REDACTED***": 12, "12": "***REDACTED***"});
    assert_eq!(serde_json::to_value(redactor.wrap(numbers)).unwrap(), expected);
}

#[test]
fn options_tuples_and_bytes_are_walked() {
    assert_eq!(
        serialised((1, "token=abc", Some("a"), None::<u8>, ())),
        json!([1, "token=***REDACTED***", "a", null, null])
    );
    assert_eq!(serialised(BTreeMap::from([("password", None::<&str>)])), json!({"password": null}));
    assert_eq!(serialised(BTreeMap::from([("password", true)])), json!({"password": true}));
    assert_eq!(serialised(BTreeMap::from([("password", 'x')])), json!({"password": "***REDACTED***"}));
    assert_eq!(serialised("{\"password\":1234}"), json!("{\"password\":\"***REDACTED***\"}"));
}

#[test]
fn what_is_too_deep_is_masked() {
    let redactor = Redactor::builder().max_depth(2).build().unwrap();
    let value = json!({"a": {"b": {"c": 1}, "d": 2}});
    let expected = json!({"a": {"b": "***REDACTED:too_deep***", "d": 2}});
    assert_eq!(serde_json::to_value(redactor.wrap(value)).unwrap(), expected);
}

/// A key that is no name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Odd;

impl Serialize for Odd {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_variant("Odd", 0, "password", "hunter2")
    }
}

#[test]
fn under_a_key_that_is_no_name_nothing_is_seen() {
    assert_eq!(serialised(BTreeMap::from([(Odd, "x")])), json!({"***REDACTED***": "***REDACTED***"}));
}

fn value() -> impl Strategy<Value = Value> {
    let text = prop::sample::select(
        &[
            "plain",
            "",
            "token=abc",
            "john@example.com",
            "4111 1111 1111 1111",
            "line\n\"q\"",
            "{\"pin\":1}",
            "***REDACTED***",
        ][..],
    );
    let name = prop::sample::select(
        &["a", "password", "tokens", "session", "ssn", "pan", "b\"c", "auth", "cookies"][..],
    );
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u32>().prop_map(Value::from),
        Just(Value::from(4_111_111_111_111_111_u64)),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..4).prop_map(|members| {
                Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn to_serialise_redacted_is_to_redact_what_is_serialised(value in value()) {
        let json: Value = serde_json::from_str(&Redactor::default().json(&value.to_string())).unwrap();
        prop_assert_eq!(serialised(&value), json);
    }
}
