use http::StatusCode;

use crate::Fault;

/// When a status is worth another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusRule {
    /// Always.
    Always,
    /// Only if the response says when, in `Retry-After`.
    WithRetryAfter,
    /// Only if the response says when, in `Retry-After`, and the request has an idempotency key: the service runs the
    /// same key at the moment. The rule for 409; a plain conflict, such as "already there", is an answer.
    KeyInFlight,
    /// Never.
    Never,
}

/// Which statuses are worth another attempt; those not listed are not.
#[derive(Clone, Debug)]
pub(crate) struct Statuses(Vec<(StatusCode, StatusRule)>);

impl Statuses {
    pub(crate) const fn none() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn standard() -> Self {
        let usual = [
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::BAD_GATEWAY,
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::GATEWAY_TIMEOUT,
        ];
        let mut statuses = Self(usual.map(|status| (status, StatusRule::Always)).into());
        statuses.set(StatusCode::CONFLICT, StatusRule::KeyInFlight);
        statuses
    }

    pub(crate) fn set(&mut self, status: StatusCode, rule: StatusRule) {
        self.0.retain(|(known, _)| *known != status);
        self.0.push((status, rule));
    }

    pub(crate) fn rule(&self, status: StatusCode) -> StatusRule {
        self.0.iter().find(|(known, _)| *known == status).map_or(StatusRule::Never, |(_, rule)| *rule)
    }
}

/// What a status that is retried says went wrong.
pub(crate) fn fault_of(status: StatusCode) -> Fault {
    if status == StatusCode::TOO_MANY_REQUESTS { Fault::Throttled } else { Fault::Status }
}
