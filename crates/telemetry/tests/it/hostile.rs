//! Values that do what they can to break a line, the log or the thread that logs.

use std::fmt;

use serde_json::json;

use crate::sink::{Seen, alone, is_alone};

struct Panics;

impl fmt::Display for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half a secret")?;
        panic!("on purpose")
    }
}

#[derive(Clone)]
struct Fails;

impl fmt::Debug for Fails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half a value")?;
        Err(fmt::Error)
    }
}

struct Endless;

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        loop {
            f.write_str("for ever ")?;
        }
    }
}

/// Logs itself while it is printed, which would go on for ever.
struct Logs;

impl fmt::Display for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tracing::info!(inner = %Logs, "from inside");
        f.write_str("printed")
    }
}

#[test]
fn a_value_that_panics_fails_or_never_ends_costs_its_own_field_only() {
    let seen = Seen::json();
    tracing::info!(before = 1, panics = %Panics, fails = ?Fails, endless = %Endless, after = 2, "still here");
    let span = tracing::info_span!("s", panics = %Panics, late = tracing::field::Empty);
    span.record("late", tracing::field::debug(Fails));
    span.in_scope(|| tracing::info!("{}", Panics));
    let objects = seen.objects();
    for (name, value) in [
        ("panics", json!("<panicked when it was printed>")),
        ("fails", json!("<could not be printed>")),
        ("endless", json!("***REDACTED:too_long***")),
        ("before", json!(1)),
        ("after", json!(2)),
        ("message", json!("still here")),
    ] {
        assert_eq!(objects[0][name], value, "{name}");
    }
    assert_eq!(objects[1]["message"], "<panicked when it was printed>");
    assert_eq!(objects[1]["late"], "<could not be printed>");
}

#[test]
fn a_value_that_logs_while_it_is_printed_comes_to_an_end() {
    let seen = Seen::json();
    tracing::info!(outer = %Logs, "from outside");
    let objects = seen.objects();
    let outside = objects.iter().find(|line| line["message"] == "from outside").unwrap();
    assert_eq!(outside["outer"], "printed");
    // Whether tracing lets the inner ones through depends on how the subscriber was set.
    assert!(objects.len() <= 2, "{objects:?}");
}

#[test]
fn a_log_of_the_whole_process_counts_lines_that_are_begun_too_deep() {
    if is_alone() {
        let guard = crate::sink::builder().to_stderr().init().unwrap();
        tracing::info!(outer = %Logs, "from outside");
        assert!(guard.flush(crate::sink::LONG));
        assert_eq!(guard.counts().dropped_nested, 1);
        assert!(crate::sink::builder().init().is_err(), "a process has one log");
        return;
    }
    // In a process of its own, since a process has one log.
    let stderr = alone("hostile::a_log_of_the_whole_process_counts_lines_that_are_begun_too_deep");
    assert_eq!(stderr.matches("from inside").count(), 1, "{stderr}");
    assert!(stderr.contains(r#""outer":"printed""#), "{stderr}");
}

#[test]
fn texts_that_are_long_are_cut_between_characters_and_the_line_says_so() {
    let seen = Seen::json();
    tracing::info!(short = "é".repeat(4096), long = "é".repeat(4097), "fits");
    tracing::info!(text = "x".repeat(300_000), "beyond everything");
    tracing::info!("{}", "m".repeat(10_000));
    let objects = seen.objects();
    assert_eq!(objects[0]["short"].as_str().unwrap().len(), 8192);
    assert_eq!(objects[0]["long"].as_str().unwrap().len(), 8192);
    assert_eq!(objects[0]["truncated"], true);
    assert_eq!(objects[1]["text"], "***REDACTED:too_long***");
    assert_eq!(
        (objects[2]["message"].as_str().unwrap().len(), &objects[2]["truncated"]),
        (8192, &json!(true))
    );
}

#[test]
fn no_line_is_longer_than_its_limit_whatever_is_in_it() {
    let seen = Seen::json();
    let harmful = "\u{1}".repeat(20_000);
    let span = tracing::info_span!("s", a = %harmful, b = %harmful, c = %harmful, user_id = %harmful);
    let inner =
        tracing::info_span!(parent: &span, "i", d = %harmful, tenant_id = %harmful, request_id = %harmful);
    inner.in_scope(|| {
        tracing::info!(
            event = %harmful, e = %harmful, f = %harmful, g = %harmful, span_id = %harmful, trace_id = %harmful,
            correlation_id = %harmful, "{harmful}"
        );
    });
    let line = &seen.lines()[0];
    assert!(line.len() < 32 * 1024, "{}", line.len());
    let object = crate::sink::object(line);
    assert_eq!(object["truncated"], true);
    assert!(object.contains_key("message") && object.contains_key("e") && object.contains_key("user_id"));
}
