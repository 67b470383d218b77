//! Values that are redacted when they are printed.

use std::fmt;

use buttress_redact::{ConfigError, Detector, Form, Lines, Redacted, Redactor, RedactorBuilder, Report};

#[derive(Clone, Debug)]
#[expect(dead_code, reason = "printed")]
struct Login {
    user: &'static str,
    password: Option<&'static str>,
    pin: u16,
    history: Vec<(&'static str, &'static str)>,
}

const LOGIN: Login = Login { user: "ann", password: Some("hunter2"), pin: 1234, history: Vec::new() };

#[test]
fn a_debugged_structure_shows_no_secret_on_one_line_or_many() {
    let login = Redacted::new(LOGIN);
    let line = r#"Login { user: "ann", password: Some("***REDACTED***"), pin: ***REDACTED***, history: [] }"#;
    assert_eq!(format!("{login:?}"), line);
    let lines = format!("{login:#?}");
    assert!(lines.contains("\n    password: Some(\n"), "{lines}");
    assert!(!lines.contains("hunter2"), "{lines}");
}

#[test]
fn a_displayed_text_is_redacted_by_the_redactor_it_was_given() {
    let text = "john@example.com has token=abc";
    assert_eq!(Redacted::new(text).to_string(), "joh***@example.com has token=***REDACTED***");
    let redactor = Redactor::builder().ignore(Detector::Email).build().unwrap();
    assert_eq!(redactor.wrap(text).to_string(), "john@example.com has token=***REDACTED***");
}

/// Prints for ever, as far as anybody lets it.
struct Endless;

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        loop {
            f.write_str("secretly é ")?;
        }
    }
}

#[test]
fn what_prints_for_ever_is_stopped_at_the_limit() {
    let redactor = Redactor::builder().max_bytes(100).build().unwrap();
    assert_eq!(redactor.wrap(Endless).to_string(), "***REDACTED:too_long***");
}

struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

#[test]
fn an_error_in_printing_stays_one() {
    let mut out = String::new();
    assert!(fmt::write(&mut out, format_args!("{}", Redacted::new(Broken))).is_err());
    assert_eq!(out, "");
}

#[test]
fn the_value_is_there_for_those_who_need_it() {
    let wrapped = Redacted::new(String::from("hunter2"));
    assert_eq!(wrapped.get_ref(), "hunter2");
    assert_eq!(wrapped.into_inner(), "hunter2");
}

#[test]
fn everything_may_cross_threads() {
    fn is_shared<T: Send + Sync + Unpin + 'static>() {}
    is_shared::<Redactor>();
    is_shared::<RedactorBuilder>();
    is_shared::<Redacted<String>>();
    is_shared::<Lines>();
    is_shared::<Report>();
    is_shared::<Form>();
    is_shared::<Detector>();
    is_shared::<ConfigError>();
}
