//! What can be made to go wrong, and what one request meets of it.

use std::ops::Not;
use std::time::Duration;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fields::{Fields, InvalidFields, number_in};

const DEFAULT_STATUS: u16 = 503;
const DEFAULT_SLOW_BODY_MS: u64 = 250;
const SLOW_BODY_MS: std::ops::RangeInclusive<u64> = 1..=60_000;

/// What goes wrong with the requests to one upstream; the default is nothing.
///
/// One request meets the parts in this order: `outage`, `hang`, `latency_ms`, the error draw, the real answer,
/// `slow_body_ms`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Fault {
    /// Wait before the answer, 0 to 600,000 ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// Share of requests answered with an error, 0 to 1; 1 when only `status` is given, otherwise 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<f64>,
    /// Status of those errors, 400 to 599; 503 when only `error_rate` is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Reset the TCP connection without one byte of an answer.
    #[serde(skip_serializing_if = "Not::not")]
    pub outage: bool,
    /// Give no answer until the fault is changed; the request then meets what is in force by that time.
    #[serde(skip_serializing_if = "Not::not")]
    pub hang: bool,
    /// Send headers at once and the body 16 bytes at a time, with this wait before each, 1 to 60,000 ms.
    ///
    /// In JSON the field is `slow_body`, and `true` stands for 250 ms.
    #[serde(rename = "slow_body", skip_serializing_if = "Option::is_none")]
    pub slow_body_ms: Option<u64>,
    /// `Retry-After` on the errors made here, 0 to 86,400 s; real errors never carry it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// Clears the fault after this many requests, 1 to 1,000,000; without it the fault stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Seed of the error draws (default 0): the same seed and rate fail the same requests, counted from the
    /// moment the fault was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

impl Fault {
    /// Every request loses its connection.
    pub fn outage() -> Self {
        Self { outage: true, ..Self::default() }
    }

    /// No request gets an answer.
    pub fn hang() -> Self {
        Self { hang: true, ..Self::default() }
    }

    /// Every request gets this status.
    pub fn answering(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// Every answer comes this much later, in whole milliseconds.
    pub fn latency(wait: Duration) -> Self {
        Self { latency_ms: Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)), ..Self::default() }
    }

    /// The same, but only for the next `times` requests.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// The fault itself if the wire would have taken it too.
    pub(crate) fn checked(self) -> Result<Self, InvalidFields> {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        // JSON has no word for these numbers and would leave the field out.
        if let Some(rate) = self.error_rate.filter(|rate| !rate.is_finite()) {
            value["error_rate"] = rate.to_string().into();
        }
        Self::try_from(value)
    }

    pub(crate) fn verdict(&self, draw: u64, generation: u64) -> Verdict {
        if self.outage {
            Verdict::Reset
        } else if self.hang {
            Verdict::Hang { generation }
        } else {
            Verdict::Answer(self.plan(draw))
        }
    }

    fn plan(&self, draw: u64) -> Plan {
        Plan {
            latency: self.latency_ms.map(Duration::from_millis),
            error: (chance(self.seed.unwrap_or_default(), draw) < self.rate()).then(|| self.error()),
            slow_body: self.slow_body_ms.map(Duration::from_millis),
        }
    }

    fn rate(&self) -> f64 {
        self.error_rate.unwrap_or(if self.status.is_some() { 1.0 } else { 0.0 })
    }

    fn error(&self) -> SimulatedError {
        let status = StatusCode::from_u16(self.status.unwrap_or(DEFAULT_STATUS));
        SimulatedError {
            status: status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
            retry_after_s: self.retry_after_s,
        }
    }
}

impl TryFrom<Value> for Fault {
    type Error = InvalidFields;

    fn try_from(value: Value) -> Result<Self, InvalidFields> {
        let mut fields = Fields::of(value)?;
        let fault = Self {
            latency_ms: fields.number("latency_ms", 0..=600_000, " ms"),
            error_rate: fields.take("error_rate", "0 to 1", rate),
            status: fields.number("status", 400..=599, ""),
            outage: fields.flag("outage"),
            hang: fields.flag("hang"),
            slow_body_ms: fields
                .take("slow_body", "true, false or 1 to 60000 ms", slow_body)
                .filter(|ms| *ms > 0),
            retry_after_s: fields.number("retry_after_s", 0..=86_400, " s"),
            times: fields.number("times", 1..=1_000_000, " requests"),
            seed: fields.number("seed", 0..=u64::MAX, ""),
        };
        fields.finish().map(|()| fault)
    }
}

fn rate(value: &Value) -> Option<f64> {
    value.as_f64().filter(|rate| (0.0..=1.0).contains(rate))
}

/// Zero for the one valid way to say that bodies are not slow, which is `false`.
fn slow_body(value: &Value) -> Option<u64> {
    match value {
        Value::Bool(slow) => Some(if *slow { DEFAULT_SLOW_BODY_MS } else { 0 }),
        value => number_in(value, SLOW_BODY_MS),
    }
}

/// A number in 0..1 that depends on nothing but its arguments (the `SplitMix64` sequence).
fn chance(seed: u64, draw: u64) -> f64 {
    const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut z = seed.wrapping_add(draw.wrapping_add(1).wrapping_mul(GAMMA));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    f64::from(u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(u32::MAX)) / (f64::from(u32::MAX) + 1.0)
}

/// What one request meets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verdict {
    /// Its connection is reset.
    Reset,
    /// It waits until the fault of this generation has been changed by hand.
    Hang { generation: u64 },
    /// It is answered, so or so.
    Answer(Plan),
}

/// How a request is answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Plan {
    pub(crate) latency: Option<Duration>,
    pub(crate) error: Option<SimulatedError>,
    pub(crate) slow_body: Option<Duration>,
}

/// An error answer that stands for the real one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SimulatedError {
    pub(crate) status: StatusCode,
    pub(crate) retry_after_s: Option<u64>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_alone_fails_every_request_and_a_rate_alone_means_503() {
        let status = Fault::answering(500).plan(0).error.unwrap();
        assert_eq!(status.status, StatusCode::INTERNAL_SERVER_ERROR);
        let rate = Fault { error_rate: Some(1.0), ..Fault::default() }.plan(0).error.unwrap();
        assert_eq!(rate.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(Fault { retry_after_s: Some(1), ..Fault::default() }.plan(0).error, None);
    }

    #[test]
    fn an_outage_goes_before_a_hang_and_a_hang_before_an_error() {
        let all = Fault { outage: true, hang: true, ..Fault::answering(500) };
        assert_eq!(all.verdict(0, 0), Verdict::Reset);
        assert_eq!(Fault { outage: false, ..all }.verdict(0, 3), Verdict::Hang { generation: 3 });
    }

    #[test]
    fn a_fault_reads_what_it_writes() {
        let fault =
            Fault { hang: true, slow_body_ms: Some(5), seed: Some(u64::MAX), ..Fault::answering(429) };
        assert_eq!(serde_json::from_value::<Fault>(serde_json::to_value(fault).unwrap()).unwrap(), fault);
        assert_eq!(serde_json::to_value(Fault::default()).unwrap(), json!({}));
    }

    #[test]
    fn slow_body_takes_a_switch_or_milliseconds() {
        let slow = |value| Fault::try_from(json!({ "slow_body": value })).map(|fault| fault.slow_body_ms);
        assert_eq!(slow(json!(true)), Ok(Some(250)));
        assert_eq!(slow(json!(false)), Ok(None));
        assert_eq!(slow(json!(40)), Ok(Some(40)));
        assert!(slow(json!(0)).is_err());
        assert!(slow(json!("slow")).is_err());
    }
}
