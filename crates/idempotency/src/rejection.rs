use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use buttress_core::{Fact, Kind, Outcome, Rejection, Wording};

use crate::{Event, StoreError, StoreErrorKind};

/// The name under which this crate's layers refuse and report.
pub(crate) const LAYER: &str = "idempotency";

/// When a request is worth sending again that met one that runs, or a store that is out of order.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a request was not run, or has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// This endpoint needs a key, and there was none.
    KeyMissing,
    /// The key was empty.
    KeyEmpty,
    /// The key had more than 255 bytes.
    KeyTooLong,
    /// The key was sent more than once.
    KeyRepeated,
    /// The key was neither a string as structured fields have it nor a plain word.
    KeyMalformed,
    /// Nobody can say whose key it is.
    ScopeMissing,
    /// The body is larger than what can be compared.
    BodyTooLarge {
        /// How many bytes it may have.
        limit: u64,
    },
    /// The body did not arrive in time.
    BodySlow,
    /// The body broke off.
    BodyBroken,
    /// The same request runs.
    InFlight,
    /// The request ran here, and another run owns the record by now and has not ended.
    Overtaken,
    /// The key was used for another request.
    Mismatch,
    /// It is done, and the response was not kept.
    NotRetained {
        /// The status of the response.
        status: u16,
    },
    /// It was begun, and nobody knows how far it came.
    OutcomeUnknown,
    /// The store did not decide.
    StoreUnavailable(StoreErrorKind),
    /// The caller has too many records.
    ScopeFull,
    /// Too many requests of the caller with keys are being worked on.
    ScopeBusy,
    /// Too many requests with keys are being worked on.
    Full,
    /// The handler panicked.
    Panicked,
    /// The handler ran for longer than any may.
    Overdue,
}

impl Refusal {
    pub(crate) fn of_store(error: &StoreError) -> Self {
        match error.kind() {
            StoreErrorKind::ScopeFull => Self::ScopeFull,
            kind => Self::StoreUnavailable(kind),
        }
    }

    /// What it counts as; runs count by how they end.
    pub(crate) fn event(&self) -> Option<Event> {
        match self {
            Self::InFlight => Some(Event::InFlight),
            Self::Mismatch => Some(Event::Mismatch),
            Self::NotRetained { .. } => Some(Event::NotRetained),
            Self::OutcomeUnknown => Some(Event::Unknown),
            Self::StoreUnavailable(_) | Self::ScopeFull => Some(Event::StoreFailed),
            Self::KeyMissing
            | Self::KeyEmpty
            | Self::KeyTooLong
            | Self::KeyRepeated
            | Self::KeyMalformed
            | Self::ScopeMissing => Some(Event::BadKey),
            _ => None,
        }
    }

    fn status(&self) -> Option<u16> {
        match self {
            Self::BodyTooLarge { .. } => Some(413),
            Self::BodySlow => Some(408),
            Self::Panicked => Some(500),
            _ => None,
        }
    }

    fn text(&self) -> &'static str {
        match self {
            Self::KeyMissing => "this request needs an idempotency key",
            Self::KeyEmpty => "the idempotency key is empty",
            Self::KeyTooLong => "the idempotency key has more than 255 bytes",
            Self::KeyRepeated => "there is more than one idempotency key",
            Self::KeyMalformed => "the idempotency key is not a quoted string or a plain word",
            Self::ScopeMissing => "an idempotency key needs a caller who is known",
            Self::BodyTooLarge { .. } => "the body is too large for a request with an idempotency key",
            Self::BodySlow => "the body did not arrive in time",
            Self::BodyBroken => "the body broke off",
            Self::InFlight => "the same request is still running",
            Self::Overtaken => "the request ran, and runs again elsewhere",
            Self::Mismatch => "the idempotency key was used for another request",
            Self::NotRetained { .. } => "the request was carried out, and its response was not kept",
            Self::OutcomeUnknown => "the request was begun, and its outcome is unknown",
            Self::StoreUnavailable(_) => "idempotency keys cannot be looked up at the moment",
            Self::ScopeFull => "there are too many idempotency keys in use",
            Self::ScopeBusy => "too many requests of this caller with idempotency keys are being worked on",
            Self::Full => "too many requests with idempotency keys are being worked on",
            Self::Panicked => "the request failed, and its outcome is unknown",
            Self::Overdue => "the request took too long, and its outcome is unknown",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())?;
        match self {
            Self::StoreUnavailable(kind) => write!(f, " ({kind:?})"),
            Self::BodyTooLarge { limit } => write!(f, " (limit {limit} bytes)"),
            _ => Ok(()),
        }
    }
}

impl Error for Refusal {}

impl Rejection for Refusal {
    fn kind(&self) -> Kind {
        match self {
            Self::InFlight | Self::Overtaken | Self::NotRetained { .. } | Self::OutcomeUnknown => {
                Kind::Conflict
            }
            Self::Mismatch => Kind::Mismatch,
            Self::StoreUnavailable(_) | Self::Panicked => Kind::Unavailable,
            Self::ScopeFull | Self::ScopeBusy => Kind::RateLimited,
            Self::Full => Kind::Overloaded,
            Self::Overdue => Kind::TimedOut,
            _ => Kind::Malformed,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::KeyMissing => "idempotency_key_missing",
            Self::KeyEmpty => "idempotency_key_empty",
            Self::KeyTooLong => "idempotency_key_too_long",
            Self::KeyRepeated => "idempotency_key_repeated",
            Self::KeyMalformed => "idempotency_key_malformed",
            Self::ScopeMissing => "idempotency_scope_missing",
            Self::BodyTooLarge { .. } => "idempotency_body_too_large",
            Self::BodySlow => "idempotency_body_slow",
            Self::BodyBroken => "idempotency_body_broken",
            Self::InFlight | Self::Overtaken => "idempotency_in_flight",
            Self::Mismatch => "idempotency_key_reused",
            Self::NotRetained { .. } => "idempotency_not_retained",
            Self::OutcomeUnknown => "idempotency_outcome_unknown",
            Self::StoreUnavailable(_) => "idempotency_store_unavailable",
            Self::ScopeFull => "idempotency_scope_full",
            Self::ScopeBusy => "idempotency_scope_busy",
            Self::Full => "idempotency_full",
            Self::Panicked => "idempotency_handler_panicked",
            Self::Overdue => "idempotency_handler_overdue",
        }
    }

    fn layer(&self) -> &'static str {
        LAYER
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::InFlight
            | Self::Overtaken
            | Self::StoreUnavailable(_)
            | Self::ScopeFull
            | Self::ScopeBusy
            | Self::Full => Some(RETRY_AFTER),
            _ => None,
        }
    }

    fn reached_inner(&self) -> bool {
        matches!(self, Self::Overtaken | Self::Panicked | Self::Overdue)
    }

    fn outcome(&self) -> Outcome {
        if self.reached_inner() { Outcome::Failure } else { Outcome::Ignored }
    }

    fn public(&self) -> Cow<'static, str> {
        self.text().into()
    }

    fn wording(&self) -> Wording {
        let is_final =
            matches!(self, Self::NotRetained { .. } | Self::OutcomeUnknown | Self::BodyTooLarge { .. });
        Wording { status: self.status(), is_final, ..Wording::default() }
    }

    fn facts(&self, tell: &mut dyn FnMut(&'static str, Fact<'_>)) {
        match self {
            Self::NotRetained { status } => tell("original_status", Fact::Number(u64::from(*status))),
            Self::BodyTooLarge { limit } => tell("limit_bytes", Fact::Number(*limit)),
            _ => {}
        }
    }
}
