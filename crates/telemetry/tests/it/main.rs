//! How log lines behave from outside: what they hold, in which order, and what becomes of them.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod context;
mod cost;
mod environment;
mod events;
mod hostile;
mod injection;
mod levels;
mod lines;
#[cfg(feature = "otlp")]
mod otlp;
mod output;
mod requests;
mod secrets;
mod sink;
mod text;

#[test]
fn every_public_type_can_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    fn moves<T: Send + 'static>() {}
    use buttress_telemetry::{
        InvalidFilter, LevelCase, LogColours, LogCounts, LogFilter, LogFormat, LogLayer, Logs, LogsError,
        LogsGuard, LogsHandle, RequestLogLayer, RequestOutcome, TraceIds, UntilBodyEnd, UntilHead,
    };
    crosses::<(InvalidFilter, LevelCase, LogColours, LogCounts, LogFilter, LogFormat, LogLayer, TraceIds)>();
    crosses::<(Logs, LogsError, LogsGuard, LogsHandle)>();
    crosses::<(RequestLogLayer, RequestOutcome, UntilBodyEnd, UntilHead)>();
    moves::<buttress_telemetry::LogsBuilder>();
}
