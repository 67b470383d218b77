//! That the work grows with the input and no faster, counted in bytes that are looked at.

use crate::effort;
use crate::{Detector, Redactor};

/// How much longer the longer input is.
const FACTOR: usize = 8;
const SHORT: usize = 1_500;

/// Inputs made of parts that invite a detector to look far, and to look again.
const PARTS: &[(&str, &str, &str)] = &[
    ("", "a", ""),
    ("", "1", ""),
    ("", "eyJ", ""),
    ("", "-eyJ", ""),
    ("", "-eyJ", ".aaaa.bbbb"),
    ("", "eyJabcdefgh.", ""),
    ("", "sk-", ""),
    ("", "-sk-", ""),
    ("", "-ghp_", "a"),
    ("", "AKIA", ""),
    ("", "8Q~", ""),
    ("", "://", ""),
    ("", "a://", ""),
    ("", "a://b:c", ""),
    ("", "a://b:c/", ""),
    ("", "a://b:", "@"),
    ("", "@", ""),
    ("", "a@", ""),
    ("", "a.", "@"),
    ("", "a@b.", "c"),
    ("", "%40", ""),
    ("", "=", ""),
    ("", "a=", ""),
    ("", "auth=", ""),
    ("", "auth=a", ""),
    ("", "auth:", ""),
    ("", "auth: ", ""),
    ("", "token:", ""),
    ("", "token=\"", ""),
    ("", "auth=\"", ""),
    ("", "auth=\"x\\", "\""),
    ("", "auth='", "\""),
    ("", "tokens=1", ""),
    ("", "token={", ""),
    ("", "auth={", ""),
    ("", "token=[]", ""),
    ("", "token= ", ""),
    ("", "token :", ""),
    ("", "Cookie: ", ""),
    ("", "Cookie: a ", "="),
    ("", "\"Cookie: ", ""),
    ("", "Authorization: ", ""),
    ("", "Authorization: Bearer ", ""),
    ("", "Authorization: Digest ", ""),
    ("", "Bearer ", ""),
    ("", "Basic ", ""),
    ("", "Basic YWFh", ""),
    ("", "<auth>", ""),
    ("", "<token>", "</"),
    ("", "-----BEGIN ", ""),
    ("", "-----BEGIN PRIVATE KEY-----", ""),
    ("", "-----BEGIN X-----", ""),
    ("", "4111 ", ""),
    ("", "4111-", ""),
    ("", "411111111111111", " "),
    ("", "219-09-", "9999"),
    ("", "1234-", ""),
    ("", "DE89 3704 ", ""),
    ("", "DE893704", ""),
    ("", "+49 1234 ", ""),
    ("", "(1234)", ""),
    ("", "Aa1bcdefghijklmnopqrst-", ""),
    ("", "\\", ""),
    ("", "\\\"", ""),
    ("", "\"", ""),
    ("", "***REDACTED", ""),
    ("", "token=***", ""),
    ("token=", "***REDACTED:", ""),
    ("token=", ".", ""),
    ("", "hooks.slack.com/services/", ""),
    // As JSON these are valid, or begin to be.
    ("[", "[],", "[]]"),
    ("", "[", ""),
    ("[", "{\"a\":\"\\\"\"},", "1]"),
    ("{", "\"token\":[],", "\"a\":1}"),
    ("{", "\"a\\u0041\":\"\\u0041\",", "\"a\":1}"),
    ("\"", "{\\\"a\\\":1}", "\""),
    ("[\"{", "\\\"a\\\":1,", "\\\"a\\\":1}\"]"),
    ("[", "\"-eyJ\",", "1]"),
    ("[", "\"a:b\",", "1]"),
    ("[", "\"auth=a\",", "1]"),
    ("[", "1234567890123,", "1]"),
    ("", "a=b&", ""),
    ("?", "%41=%42&", ""),
    ("//", "a@", ""),
];

fn input((front, part, back): (&str, &str, &str), len: usize) -> String {
    format!("{front}{}{back}", part.repeat(len / part.len()))
}

fn worst(pass: impl Fn(&Redactor, &str)) -> Vec<String> {
    let redactor = Redactor::builder().detect(Detector::Phone).detect(Detector::Entropy).build().unwrap();
    let spent = |parts, len| effort::measure(|| pass(&redactor, &input(parts, len)));
    let faster = PARTS.iter().filter_map(|parts| {
        let (short, long) = (spent(*parts, SHORT), spent(*parts, SHORT * FACTOR));
        let too_fast = long > (short + SHORT) * FACTOR * 12 / 10;
        // Whatever is looked at, it is a few times at most for each detector.
        let too_much = long > SHORT * FACTOR * 64;
        (too_fast || too_much)
            .then(|| format!("{parts:?}: {short} for {SHORT} bytes, {long} for {FACTOR} times as many"))
    });
    faster.collect()
}

#[test]
fn the_work_on_text_grows_no_faster_than_the_text() {
    assert_eq!(worst(|redactor, text| drop(redactor.text(text))), [""; 0]);
}

#[test]
fn the_work_on_json_grows_no_faster_than_the_json() {
    assert_eq!(worst(|redactor, text| drop(redactor.json(text))), [""; 0]);
}

#[test]
fn the_work_on_a_url_grows_no_faster_than_the_url() {
    assert_eq!(worst(|redactor, text| drop(redactor.url(text))), [""; 0]);
}
