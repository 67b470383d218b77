//! Audit records as OpenTelemetry logs, over OTLP/HTTP with JSON.
//!
//! This is a copy for those who look at logs, not the record: a collector may drop what it has accepted, and what is sent
//! is redacted once more as a log line is, so addresses of people are masked in it, also where they say who acted. It
//! takes a collector that accepts JSON, as the one of OpenTelemetry does on port 4318.
//!
//! # Example
//!
//! ```no_run
//! use buttress_audit::log::AuditLog;
//! use buttress_audit::sink::Feeder;
//! use buttress_telemetry::otlp::OtlpSink;
//!
//! # async fn run(log: AuditLog) -> Result<(), Box<dyn std::error::Error>> {
//! let sink = OtlpSink::builder("http://localhost:4318").attribute("service.name", "shop").build()?;
//! let rejected = sink.rejected();
//! let feeder = Feeder::new(sink).start(&log).await?;
//! assert_eq!(rejected.count(), 0);
//! # feeder.confirmed(1).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Records
//!
//! | of the log record | is |
//! |---|---|
//! | `timeUnixNano`, `severityNumber`, `severityText`, `traceId`, `spanId` | of the event: `ts`, `severity`, `trace_id`, `span_id` |
//! | `eventName` | the action |
//! | `body` | the event, redacted, as JSON text |
//! | `audit.id`, `audit.category`, `audit.outcome`, `audit.correlation_id` | attributes, of the event |
//! | `audit.chain`, `audit.seq`, `audit.hash` | attributes: where in the log the record is. The same record sent twice has the same |
//!
//! # When things fail
//!
//! | the collector says | what comes next |
//! |---|---|
//! | 200 with `partialSuccess` | the rejected records are counted in [`Rejected`], and not sent again |
//! | 429, 500, 502, 503, 504, or nothing | the batch is sent again, not before `Retry-After` |
//! | 400, 413, 422 | smaller batches; a record that is refused alone is counted in [`Rejected`] |
//! | another status | tried again after the longest pause: the address or the credentials are wrong |
//!
//! A collector cannot say what it has, so after an answer that was lost records come twice.
//!
//! # Options
//!
//! | option | default | range | effect |
//! |---|---|---|---|
//! | endpoint | must be given | `http` or `https` | without a path, `/v1/logs` is added |
//! | [`name`](OtlpSinkBuilder::name) | `otlp` | 1 to 64 of `a-z`, `0-9`, `_`, `-` | of the cursor |
//! | [`header`](OtlpSinkBuilder::header) | none | | sent along, such as an API key |
//! | [`attribute`](OtlpSinkBuilder::attribute) | none | 64 | of the resource: `service.name` and others |
//! | [`client`](OtlpSinkBuilder::client) | one without TLS | | who connects |
//! | [`redactor`](OtlpSinkBuilder::redactor) | [`Redactor::default`](buttress_redact::Redactor) | | what is hidden |
//! | [`call_timeout`](OtlpSinkBuilder::call_timeout) | 10 s | 10 ms to 60 s | for one request |
//!
//! # Sources
//!
//! The OpenTelemetry Protocol Specification 1.8, OTLP/HTTP and its JSON encoding.

mod answer;
mod builder;
mod record;
mod sink;

pub use builder::OtlpSinkBuilder;
pub use sink::{OtlpSink, Rejected};
