//! Private keys that run over many lines.

use buttress_redact::Redactor;

const MASK: &str = "***REDACTED:private_key***";

fn lines(input: &str) -> Vec<String> {
    let mut lines = Redactor::default().lines();
    input.lines().map(|line| String::from_utf8(lines.line(line.as_bytes()).into_owned()).unwrap()).collect()
}

#[test]
fn everything_between_begin_and_end_is_masked() {
    let input = "a\nkey: -----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nmadeUp==\n-----END RSA PRIVATE KEY-----\nb";
    assert_eq!(lines(input), ["a", &format!("key: {MASK}"), MASK, MASK, MASK, MASK, "b"]);
}

#[test]
fn a_key_on_one_line_says_nothing_of_the_next() {
    let input = "-----BEGIN PRIVATE KEY-----madeUp-----END PRIVATE KEY-----\nmadeUp";
    assert_eq!(lines(input), [MASK, "madeUp"]);
}

#[test]
fn a_key_that_is_cut_off_ends_where_something_else_begins() {
    let input = "-----BEGIN PRIVATE KEY-----\nmadeUp\n2026-11-20 INFO token=abc\nmadeUp";
    assert_eq!(lines(input), [MASK, MASK, "2026-11-20 INFO token=***REDACTED***", "madeUp"]);
}

#[test]
fn a_certificate_is_no_key() {
    let input = "-----BEGIN CERTIFICATE-----\nmadeUp\n-----END CERTIFICATE-----";
    assert_eq!(lines(input), input.lines().collect::<Vec<_>>());
}
