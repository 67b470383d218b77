//! Lines for people.

use std::time::{Duration, UNIX_EPOCH};

use buttress_core::{Context, CorrelationId, WallClock};
use buttress_telemetry::{LogColours, LogFormat, LogsBuilder};

use crate::sink::{Seen, builder};

fn people() -> LogsBuilder {
    let clock = WallClock::from_fn(|| UNIX_EPOCH + Duration::from_micros(1_771_252_200_123_456));
    builder().format(LogFormat::Text).clock(clock).service_name("left out")
}

fn say() {
    let context = Context::new().with_correlation_id(CorrelationId::new("flow-1").unwrap());
    context.run(|| {
        let span = tracing::info_span!("s", job = "sync");
        span.in_scope(|| {
            tracing::warn!(target: "app::jobs", event = "job_slow", rows = 7, note = "two words", empty = "", "it \"takes\" a while\n");
        });
    });
}

#[test]
fn a_line_of_text_is_to_the_byte_what_the_documentation_says() {
    let seen = Seen::by(people());
    say();
    assert_eq!(
        seen.text(),
        concat!(
            "2026-02-16T14:30:00.123456Z WARNING  app::jobs: job_slow it \\\"takes\\\" a while\\n rows=7 ",
            "note=\"two words\" empty=\"\" job=sync correlation_id=flow-1\n"
        )
    );
}

#[test]
fn colours_are_there_only_when_they_are_asked_for() {
    let plain = Seen::by(people());
    say();
    assert!(!plain.text().contains('\u{1b}'), "the output is no terminal");
    drop(plain);
    let colourful = Seen::by(people().colours(LogColours::Always));
    say();
    assert!(colourful.text().contains("\u{1b}[33mWARNING \u{1b}[0m"), "{}", colourful.text());
    drop(colourful);
    let never = Seen::by(people().colours(LogColours::Never));
    say();
    assert!(!never.text().contains('\u{1b}'));
}

#[test]
fn people_see_that_a_line_is_cut() {
    let seen = Seen::by(people());
    tracing::info!(text = "x".repeat(9000), "long");
    assert!(seen.text().ends_with(" truncated=true\n"));
}

#[test]
fn a_message_that_says_nothing_leaves_no_room_for_itself() {
    let seen = Seen::by(people());
    tracing::info!(target: "app", rows = 7, "{}", "");
    assert_eq!(seen.text(), "2026-02-16T14:30:00.123456Z INFO     app: rows=7\n");
}
