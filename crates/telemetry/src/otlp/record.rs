use std::borrow::Cow;
use std::fmt::Write as _;

use buttress_audit::log::OwnedLine;
use buttress_redact::Redactor;
use serde::{Deserialize, Serialize};

/// A request of OTLP/HTTP in its JSON encoding.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Export<'a> {
    resource_logs: [ResourceLogs<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceLogs<'a> {
    resource: Resource<'a>,
    scope_logs: [ScopeLogs<'a>; 1],
}

#[derive(Serialize)]
struct Resource<'a> {
    attributes: &'a [Attribute<'a>],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ScopeLogs<'a> {
    scope: Scope,
    log_records: Vec<LogRecord<'a>>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogRecord<'a> {
    // 64-bit numbers are text in this encoding.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_unix_nano: Option<String>,
    observed_time_unix_nano: &'a str,
    severity_number: u8,
    severity_text: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_name: Option<Cow<'a, str>>,
    body: Value<'a>,
    attributes: Vec<Attribute<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span_id: Option<Cow<'a, str>>,
}

/// A name with a value.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Attribute<'a> {
    key: Cow<'a, str>,
    value: Value<'a>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum Value<'a> {
    StringValue(Cow<'a, str>),
    IntValue(String),
}

impl<'a> Attribute<'a> {
    pub(super) fn text(key: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        Self { key: key.into(), value: Value::StringValue(value.into()) }
    }
}

/// What of an event has a place of its own in a log record.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Event<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    ts: Option<Cow<'a, str>>,
    category: Option<Cow<'a, str>>,
    action: Option<Cow<'a, str>>,
    outcome: Option<Cow<'a, str>>,
    severity: Option<Cow<'a, str>>,
    correlation_id: Option<Cow<'a, str>>,
    trace_id: Option<Cow<'a, str>>,
    span_id: Option<Cow<'a, str>>,
}

/// A redacted event, and where in the log it is.
pub(super) struct Masked<'a> {
    line: &'a OwnedLine,
    event: Cow<'a, str>,
}

impl<'a> Masked<'a> {
    pub(super) fn new(line: &'a OwnedLine, redactor: &Redactor) -> Self {
        // A log has nothing but text, so nothing is replaced here.
        let event = match redactor.json_bytes(line.event()) {
            Cow::Borrowed(event) => String::from_utf8_lossy(event),
            Cow::Owned(event) => Cow::Owned(String::from_utf8_lossy(&event).into_owned()),
        };
        Self { line, event }
    }
}

/// The request for a batch.
pub(super) fn export<'a>(resource: &'a [Attribute<'a>], batch: &'a [Masked<'a>], now: &'a str) -> Export<'a> {
    let scope = Scope { name: "buttress-audit", version: env!("CARGO_PKG_VERSION") };
    let log_records = batch.iter().map(|masked| record(masked, now)).collect();
    let scope_logs = [ScopeLogs { scope, log_records }];
    Export { resource_logs: [ResourceLogs { resource: Resource { attributes: resource }, scope_logs }] }
}

fn record<'a>(masked: &'a Masked<'a>, now: &'a str) -> LogRecord<'a> {
    let event: Event<'a> = serde_json::from_str(&masked.event).unwrap_or_default();
    let severity = event.severity.unwrap_or(Cow::Borrowed("info"));
    let head = masked.line.head();
    let named = [
        ("audit.id", event.id),
        ("audit.category", event.category),
        ("audit.outcome", event.outcome),
        ("audit.correlation_id", event.correlation_id),
    ];
    let named = named.into_iter().filter_map(|(key, value)| Some(Attribute::text(key, value?)));
    let place = [
        Attribute::text("audit.chain", masked.line.chain().to_string()),
        Attribute { key: "audit.seq".into(), value: Value::IntValue(head.seq.to_string()) },
        Attribute::text("audit.hash", hex(&head.hash)),
    ];
    LogRecord {
        time_unix_nano: event.ts.as_deref().and_then(nanos),
        observed_time_unix_nano: now,
        severity_number: number(&severity),
        severity_text: severity,
        event_name: event.action,
        body: Value::StringValue(Cow::Borrowed(&masked.event)),
        attributes: named.chain(place).collect(),
        trace_id: event.trace_id.filter(|id| is_id(id, 32)),
        span_id: event.span_id.filter(|id| is_id(id, 16)),
    }
}

/// The numbers of OpenTelemetry: INFO, INFO2, WARN, ERROR and FATAL.
fn number(severity: &str) -> u8 {
    match severity {
        "low" => 10,
        "medium" => 13,
        "high" => 17,
        "critical" => 21,
        _ => 9,
    }
}

fn nanos(time: &str) -> Option<String> {
    let time: jiff::Timestamp = time.parse().ok()?;
    Some(time.as_nanosecond().to_string())
}

fn is_id(id: &str, digits: usize) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    id.len() == digits && id.bytes().all(is_digit) && id.bytes().any(|byte| byte != b'0')
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        let _infallible = write!(digits, "{byte:02x}");
        digits
    })
}
