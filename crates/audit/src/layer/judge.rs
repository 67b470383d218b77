//! What became of a request, by its answer.

use std::borrow::Cow;

use buttress_core::{Kind, Refused};
use buttress_http::refused_in;
use http::{Response, StatusCode};

use crate::event::{Outcome, RefusedFor, Stage};

/// What the layer saw at the end of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) reason: Option<Cow<'static, str>>,
    pub(super) stage: Stage,
    pub(super) status: Option<StatusCode>,
    /// Whether a handler that says otherwise is believed.
    pub(super) is_open_to_doubt: bool,
    /// Set if it was turned away before anything was done for it.
    pub(super) refused: Option<RefusedFor>,
}

/// A response that stands for a panic, if an error handler inside of this layer made it.
///
/// Put into the extensions of the response, it lets the record say so:
///
/// ```
/// use buttress_audit::Panicked;
/// use http::Response;
///
/// // In the closure that turns a caught panic into a response:
/// let mut response = Response::builder().status(500).body("something went wrong")?;
/// response.extensions_mut().insert(Panicked);
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panicked;

impl Verdict {
    /// The verdict on a response.
    pub(super) fn of_response<B>(response: &Response<B>) -> Self {
        let status = response.status();
        let refused = refused_in(response);
        if response.extensions().get::<Panicked>().is_some() {
            return Self { status: Some(status), ..Self::panicked() };
        }
        let is_limit = refused.is_some_and(|refused| refused.kind() == Kind::RateLimited);
        Self {
            outcome: if is_limit { Outcome::Denied } else { outcome_of(status) },
            reason: refused.map_or_else(|| reason_of(status), |refused| Some(refused.code().into())),
            stage: Stage::Complete,
            status: Some(status),
            is_open_to_doubt: refused.is_none() && !status.is_server_error(),
            refused: refused_for(refused, status),
        }
    }

    /// The verdict on an error.
    pub(super) fn of_error<E: 'static>(error: &E) -> Self {
        let refused = Refused::in_error(error);
        let is_limit = refused.is_some_and(|refused| refused.kind() == Kind::RateLimited);
        Self {
            outcome: if is_limit { Outcome::Denied } else { Outcome::Failure },
            reason: Some(refused.map_or("error", Refused::code).into()),
            stage: Stage::Complete,
            status: None,
            is_open_to_doubt: false,
            refused: None,
        }
    }

    /// The handler panicked.
    pub(super) fn panicked() -> Self {
        Self::cut_short(Outcome::Failure, "panicked", Stage::Panic)
    }

    /// Whoever asked left. What was begun may have been done.
    pub(super) fn cancelled(was_begun: bool) -> Self {
        let outcome = if was_begun { Outcome::Unknown } else { Outcome::Failure };
        Self::cut_short(outcome, "cancelled", Stage::Cancelled)
    }

    /// The time ran out, and a layer outside of this one dropped the request.
    pub(super) fn timed_out() -> Self {
        Self::cut_short(Outcome::Failure, "timed_out", Stage::Cancelled)
    }

    /// The record that must be there before the request is handled could not be made.
    pub(super) fn unrecordable() -> Self {
        Self::cut_short(Outcome::Failure, "audit_unavailable", Stage::Complete)
    }

    fn cut_short(outcome: Outcome, reason: &'static str, stage: Stage) -> Self {
        let reason = Some(reason.into());
        Self { outcome, reason, stage, status: None, is_open_to_doubt: false, refused: None }
    }
}

/// Denied is what a rule forbids; failure is what was tried, or could not be.
fn outcome_of(status: StatusCode) -> Outcome {
    match status.as_u16() {
        207 => Outcome::Partial,
        401 | 403 | 407 | 413 | 429 | 451 => Outcome::Denied,
        400.. => Outcome::Failure,
        _ => Outcome::Success,
    }
}

/// As what a request was turned away, by the word of the layer that did it or else by the status.
fn refused_for(refused: Option<&Refused>, status: StatusCode) -> Option<RefusedFor> {
    match refused {
        Some(refused) if refused.reached_inner() => None,
        Some(refused) if refused.kind() == Kind::RateLimited => Some(RefusedFor::RateLimited),
        Some(refused) if refused.kind() == Kind::Overloaded => Some(RefusedFor::Overloaded),
        _ => refused_by(status),
    }
}

/// Denied is what was not tried; a status that only says that something is out of order says no such thing.
fn refused_by(status: StatusCode) -> Option<RefusedFor> {
    Some(match status.as_u16() {
        401 => RefusedFor::Unauthenticated,
        403 => RefusedFor::Forbidden,
        407 | 451 => RefusedFor::Rule,
        413 => RefusedFor::TooLarge,
        429 => RefusedFor::RateLimited,
        _ => return None,
    })
}

fn reason_of(status: StatusCode) -> Option<Cow<'static, str>> {
    let word = match status.as_u16() {
        0..=399 => return None,
        401 => "unauthenticated",
        403 => "forbidden",
        404 => "not_found",
        408 | 504 => "timed_out",
        409 => "conflict",
        413 => "payload_too_large",
        429 => "rate_limited",
        503 => "unavailable",
        other => return Some(format!("status_{other}").into()),
    };
    Some(word.into())
}

#[cfg(test)]
mod tests {
    use buttress_core::BoxError;

    use super::*;

    #[test]
    fn every_status_has_its_outcome_and_every_refusal_a_reason() {
        use Outcome::{Denied, Failure, Partial, Success};
        let table = [
            (101, Success, None),
            (200, Success, None),
            (204, Success, None),
            (207, Partial, None),
            (304, Success, None),
            (400, Failure, Some("status_400")),
            (401, Denied, Some("unauthenticated")),
            (403, Denied, Some("forbidden")),
            (404, Failure, Some("not_found")),
            (408, Failure, Some("timed_out")),
            (409, Failure, Some("conflict")),
            (413, Denied, Some("payload_too_large")),
            (422, Failure, Some("status_422")),
            (429, Denied, Some("rate_limited")),
            (451, Denied, Some("status_451")),
            (500, Failure, Some("status_500")),
            (503, Failure, Some("unavailable")),
            (504, Failure, Some("timed_out")),
            (999, Failure, Some("status_999")),
        ];
        for (status, outcome, reason) in table {
            let response = Response::builder().status(status).body(()).expect("a response");
            let verdict = Verdict::of_response(&response);
            let said = (verdict.outcome, verdict.reason.as_deref(), verdict.stage);
            assert_eq!(said, (outcome, reason, Stage::Complete), "{status}");
            assert_eq!(verdict.is_open_to_doubt, !(500..600).contains(&status), "{status}");
            assert_eq!(verdict.refused.is_some(), outcome == Denied, "{status}");
            assert!(verdict.refused.is_none_or(|refused| refused.outcome() == outcome), "{status}");
        }
    }

    #[test]
    fn an_error_is_a_failure_and_a_marked_response_a_panic() {
        let error: BoxError = "lost".into();
        let verdict = Verdict::of_error(&error);
        assert_eq!((verdict.outcome, verdict.reason.as_deref()), (Outcome::Failure, Some("error")));
        let mut response = Response::new(());
        response.extensions_mut().insert(Panicked);
        let verdict = Verdict::of_response(&response);
        assert_eq!((verdict.outcome, verdict.stage), (Outcome::Failure, Stage::Panic));
    }
}
