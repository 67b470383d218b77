//! Log lines that explain themselves: JSON with the context of the request, without secrets, and never in its way.
//!
//! # Example
//!
//! ```
//! use buttress_core::{Context, CorrelationId};
//! use buttress_telemetry::Logs;
//! # use std::{io::Write, sync::mpsc};
//! # struct Out(mpsc::Sender<u8>);
//! # impl Write for Out {
//! #     fn write(&mut self, line: &[u8]) -> std::io::Result<usize> { line.iter().for_each(|byte| { let _ = self.0.send(*byte); }); Ok(line.len()) }
//! #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
//! # }
//! # let (out, bytes) = mpsc::channel();
//!
//! let guard = Logs::builder()
//!     .service_name("control-plane")
//! #   .to_writer(Out(out))
//!     .env() // RUST_LOG, BUTTRESS_LOG_FORMAT and others
//!     .init()?;
//! let context = Context::new().with_correlation_id(CorrelationId::new("DEPLOY-123")?);
//! context.run(|| tracing::info!(event = "login", email = "john@example.com", password = "hunter2", "welcome"));
//! drop(guard); // the last lines are written
//! # let line = String::from_utf8(bytes.try_iter().collect())?;
//! // {"timestamp":"2026-02-16T14:30:00.123456Z","level":"info","event":"login","message":"welcome",..
//! assert!(line.contains(r#""correlation_id":"DEPLOY-123","email":"joh***@example.com","password":"***REDACTED***""#));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Logs::from_env`] does all of it in one call. With a subscriber of your own, [`Logs::builder`] and
//! [`build`](LogsBuilder::build) give the parts.
//!
//! # Place in the stack
//!
//! ```text
//! tracing events > filter > LINES: context, fields, redaction, escapes > queue > thread > output
//! inbound stack:   correlation ID > REQUEST LINES > audit > panics > deadline > ... > handler
//! ```
//!
//! The log is no layer of the stack: it hears `tracing`. [`RequestLogLayer`] is one, and stands right inside the
//! correlation ID, so that its line bears it, and outside everything that refuses, so that refusals are logged.
//!
//! # Lines
//!
//! One event is one line. Its names come in this order, each at most once, and what is not known is left out:
//!
//! | names | from |
//! |---|---|
//! | `timestamp` | the clock, RFC 3339 in UTC with six digits |
//! | `level` | `trace`, `debug`, `info`, `warning`, `error`; `critical` for an error with the field `critical = true` |
//! | `event`, `message` | the field `event` or the event's `name:`; the text |
//! | `logger` | the target, by default the path of the module |
//! | `correlation_id`, `tenant_id`, `user_id` | the current [`Context`](buttress_core::Context): its ID and the [`Principal`](buttress_core::Principal) of its caller |
//! | `request_id`, `trace_id`, `span_id` | fields of these names; for the last two also [`TraceIds`] of a span |
//! | fields of the event | in the order of the call |
//! | fields of the spans around it | the innermost first, without those that are there already |
//! | `service.name`, `service.version`, `deployment.environment` | the settings |
//! | `truncated` | `true` if something did not fit |
//!
//! A field whose name belongs to the line is written as `fields.<name>`. The IDs in the middle may be said by fields
//! where the context does not know them, as before login or outside a request.
//!
//! # Request lines
//!
//! [`RequestLogLayer`] writes one line per request when it is over: `event` is `http_request`, with `method`, `route`,
//! `path`, `status_code`, `duration_ms` to the last byte, `headers_ms`, `bytes_in`, `bytes_out`, `outcome`,
//! `error_type`, and `verdicts` where asked for. Paths are redacted and come without their query, methods that HTTP
//! does not define are `_OTHER`, and no text of an error is repeated.
//!
//! | `outcome` | when | level |
//! |---|---|---|
//! | `ok`, `client_error` | answered with a status below 400, below 500 | info |
//! | `cancelled` | whoever asked left before the last byte | info |
//! | `shed`, `timeout` | a layer inside refused: a limit, or the time was up | warning |
//! | `server_error` | a status of 500 or more, or an error instead of an answer | error |
//! | `body_error`, `panic` | the body broke off after its head was sent; the code panicked | error |
//!
//! # States
//!
//! The filter is the one that was set last, or one that was set for a while and returns to the one before. The queue
//! takes lines, or is full; once full it takes none before half of it is free.
//!
//! # Cancellation
//!
//! Nothing of the log waits but [`LogsHandle::flush`], which blocks. A request that is dropped at any point has its
//! line written at once, from the drop, in the request's span and context.
//!
//! # Cost
//!
//! | path | allocations | locks |
//! |---|---|---|
//! | an event that the filter leaves out | 0 | none |
//! | a line, once the thread has its buffers | 0 | one, for as long as its bytes are copied |
//! | a span with fields | up to 4 | that of the span |
//! | [`RequestLogLayer`], beside its line | 1 for the route, 1 for the caller if nobody listened before | none |
//!
//! Waking the thread that writes costs a system call, at most once in a millisecond. One clock is read for each line,
//! and for each request another one three times. Fields of spans are written once, when they are recorded. `cargo
//! xtask bench --only log-line` counts a line of eleven fields whose ID, path, times and sizes are others each time: about
//! 5,900 instructions, beside 21,300 of tracing-subscriber's JSON, which hides no secrets. Where all its texts stood in
//! lines before it takes about 5,200.
//!
//! # When things fail
//!
//! | when | then |
//! |---|---|
//! | whoever reads the output is slow or stands still | lines wait, up to `buffer_bytes`; further ones are dropped and counted, and a line `log_lines_dropped` with `count`, `first` and `last` stands where they would |
//! | the output fails | the same bytes are tried again, after 10 ms to 1 s; once it works, a line `log_output_recovered` with `count` and `error` |
//! | it fails until the process ends | the guard gives up after `flush_within`; [`LogCounts`] tells |
//! | a value panics or fails when it is printed | its field says so, and the rest of the line is there |
//! | a value logs while it is printed | that line is written too, one within it is not |
//! | a text is longer than 8 KiB, fields than 19 KiB together, or there are more than 256 | they are cut between characters, or left out, and `truncated` is there; no line is longer than 32 KiB |
//! | a text is longer than 256 KiB | it is not looked at: `***REDACTED:too_long***` |
//! | a filter cannot be read | an error names the part; the one before stays in force |
//! | a setting or variable is wrong | one error names all of them, with value and what is allowed |
//!
//! Redaction comes before the cut, so half a secret cannot stand at the end of a text.
//!
//! # Options
//!
//! | option | default | range | effect |
//! |---|---|---|---|
//! | [`filter`](LogsBuilder::filter) | `info` | directives | what reaches the log; libraries that print headers or statements stay at `info` unless they are named |
//! | [`format`](LogsBuilder::format) | [`LogFormat::Auto`] | JSON, text, auto | auto is text on a terminal and JSON elsewhere |
//! | [`level_case`](LogsBuilder::level_case) | lower | lower, upper | levels in JSON |
//! | [`colours`](LogsBuilder::colours) | auto | auto, always, never | colours in text |
//! | [`to_stderr`](LogsBuilder::to_stderr), [`to_stdout`](LogsBuilder::to_stdout), [`to_writer`](LogsBuilder::to_writer) | standard error | | where lines go |
//! | [`redactor`](LogsBuilder::redactor) | [`Redactor::default`](buttress_redact::Redactor) | | what is hidden |
//! | [`service_name`](LogsBuilder::service_name), [`service_version`](LogsBuilder::service_version), [`environment`](LogsBuilder::environment) | none | up to 128 bytes | who writes |
//! | [`buffer_bytes`](LogsBuilder::buffer_bytes) | 16 MiB | 64 KiB to 1 GiB | what may wait for a slow reader |
//! | [`flush_within`](LogsBuilder::flush_within) | 2 s | 0 to 60 s | how long the guard waits at the end |
//! | [`clock`](LogsBuilder::clock) | the machine's | | timestamps |
//! | [`route_with`](RequestLogLayer::route_with) | none: `unmatched` | a closure | how a request's route is found |
//! | [`verdicts`](RequestLogLayer::verdicts) | off | | what layers decided, on the request's line |
//! | [`until`](RequestLogLayer::until) | [`UntilBodyEnd`] | [`UntilBodyEndAs`], [`UntilHead`] | when a request is over, and what its body's type is |
//!
//! # Environment
//!
//! | variable | sets | allowed |
//! |---|---|---|
//! | `RUST_LOG` | `filter` | `level` or `target=level`, separated by commas |
//! | `BUTTRESS_LOG_FORMAT` | `format` | `json`, `text`, `auto` |
//! | `BUTTRESS_LOG_LEVELS` | `level_case` | `lower`, `upper` |
//! | `BUTTRESS_LOG_COLOR`, `NO_COLOR` | `colours` | `auto`, `always`, `never`; anything |
//! | `BUTTRESS_LOG_OUTPUT` | `to_stdout`, `to_stderr` | `stdout`, `stderr` |
//! | `BUTTRESS_LOG_BUFFER_BYTES` | `buffer_bytes` | 65536 to 1073741824 |
//! | `BUTTRESS_LOG_FLUSH_MS` | `flush_within` | 0 to 60000 |
//! | `BUTTRESS_SERVICE_NAME`, `OTEL_SERVICE_NAME` | `service_name` | up to 128 bytes; the first of them counts |
//! | `BUTTRESS_SERVICE_VERSION`, `BUTTRESS_ENVIRONMENT` | `service_version`, `environment` | up to 128 bytes |
//!
//! An empty variable counts as not set.
//!
//! # Features
//!
//! `otlp` (off): the module `otlp`, which hands audit records on as OpenTelemetry logs.
//!
//! # Sources
//!
//! RFC 8259 (JSON), RFC 3339 (timestamps), Unicode Standard Annex 9 (what turns the direction of a text) and 14 (what
//! ends a line), ECMA-48 (control characters), RUSTSEC-2025-0055 (escapes in log lines), W3C Trace Context (IDs),
//! tokio-rs/tracing issues 1372 (two layers and their fields) and 1941 (drops that nobody sees).

mod builder;
mod directives;
mod env;
mod error;
mod events;
mod filter;
mod handle;
mod layer;
mod line;
mod logs;
mod millis;
mod options;
#[cfg(feature = "otlp")]
pub mod otlp;
mod request;
mod trace_ids;
mod writer;

pub use buttress_core::ConfigError;

pub use self::builder::LogsBuilder;
pub use self::directives::InvalidFilter;
pub use self::error::LogsError;
pub use self::events::{ConnectorEvent, ConnectorOutcome, PerformanceMetric};
pub use self::filter::LogFilter;
pub use self::handle::LogsHandle;
pub use self::layer::LogLayer;
pub use self::logs::{Logs, LogsGuard};
pub use self::options::{LevelCase, LogColours, LogFormat};
pub use self::request::{
    LoggedBody, OpenRecord, RequestLog, RequestLogLayer, RequestOutcome, ResponseFuture, Until, UntilBodyEnd,
    UntilBodyEndAs, UntilHead,
};
pub use self::trace_ids::TraceIds;
pub use self::writer::LogCounts;
