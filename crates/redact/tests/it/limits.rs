//! What is too long or too deep is masked, never passed.

use buttress_redact::{Form, Redactor};

fn nested(depth: usize) -> String {
    format!("{}1{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn json_is_looked_into_as_deep_as_the_limit_says_and_no_deeper() {
    let redactor = Redactor::builder().max_depth(3).build().unwrap();
    assert_eq!(redactor.json(&nested(3)), nested(3));
    assert_eq!(redactor.json(&nested(4)), r#"[[["***REDACTED:too_deep***"]]]"#);
    let json = r#"{"a":{"b":{"c":{"secret":"x"},"d":[],"e":1}}}"#;
    let expected = r#"{"a":{"b":{"c":"***REDACTED:too_deep***","d":"***REDACTED:too_deep***","e":1}}}"#;
    assert_eq!(redactor.json(json), expected);
}

#[test]
fn the_deepest_limit_holds_and_a_bottomless_input_does_no_harm() {
    let redactor = Redactor::builder().max_depth(256).build().unwrap();
    assert_eq!(redactor.json(&nested(256)), nested(256));
    let deep = redactor.json(&nested(257)).into_owned();
    assert!(deep.contains("too_deep"), "{deep}");
    let bottomless = "[".repeat(1_000_000);
    assert_eq!(redactor.json(&bottomless), bottomless);
    let within = format!("\"{}\"", "{\\\"a\\\":".repeat(100_000));
    assert_eq!(redactor.json(&within), within);
}

#[test]
fn a_report_says_that_something_was_too_deep() {
    let redactor = Redactor::builder().max_depth(1).build().unwrap();
    let mut out = Vec::new();
    let report = redactor.json_into(br#"{"a":[],"token":[1],"b":{}}"#, &mut out);
    assert_eq!((report.names(), report.values(), report.limited()), (1, 0, 2));
    assert_eq!(report.form(), Form::Json);
}

#[test]
fn what_is_longer_than_the_limit_is_one_mask_in_every_reading() {
    let redactor = Redactor::builder().max_bytes(64).build().unwrap();
    let (fits, long) = ("a".repeat(64), "a".repeat(65));
    assert_eq!(redactor.text(&fits), fits);
    assert_eq!(redactor.text(&long), "***REDACTED:too_long***");
    assert_eq!(redactor.url(&long), "***REDACTED:too_long***");
    assert_eq!(redactor.query(&long), "***REDACTED:too_long***");
    assert_eq!(redactor.field("a", &long), "***REDACTED:too_long***");
    assert_eq!(redactor.json(&format!("\"{long}\"")), "\"***REDACTED:too_long***\"");
    let mut out = b"before ".to_vec();
    let report = redactor.json_into(long.as_bytes(), &mut out);
    assert_eq!((report.form(), report.limited()), (Form::TooLong, 1));
    assert_eq!(out, b"before \"***REDACTED:too_long***\"");
}

#[test]
fn what_is_no_json_says_so_and_leaves_nothing_behind_of_the_first_try() {
    let mut out = b"> ".to_vec();
    let report = Redactor::default().json_into(br#"{"token":"abc","token":"def",}"#, &mut out);
    assert_eq!(report.form(), Form::Text);
    assert_eq!(report.names(), 2);
    assert_eq!(out, br#"> {"token":"***REDACTED***","token":"***REDACTED***",}"#);
}
