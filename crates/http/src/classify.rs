use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Classify, Outcome, Refused, WallClock};
use http::{Response, StatusCode};

use crate::{RetryAfter, TransportError, TransportKind, refused_in};

/// Tells failures of an HTTP service from its answers.
///
/// | seen | counts as |
/// |---|---|
/// | 408, 500, 502, 503, 504 | [`Outcome::Failure`] |
/// | 429 | [`Outcome::Throttled`] |
/// | every other status | [`Outcome::Success`]: the service did its work, if only to say no |
/// | a local refusal, as error or in the extensions of a response | as [`Refused::outcome`] says |
/// | a [`TransportError`] of kind `Invalid` or `RequestBody` | [`Outcome::Ignored`]: it says nothing about the service |
/// | every other error | [`Outcome::Failure`] |
///
/// How long the service asks its callers to stay away is read from `Retry-After`; a date in it is compared with the
/// system's calendar.
#[derive(Clone, Debug, Default)]
pub struct ClassifyHttp {
    /// Shared, because a layer clones it for every call.
    statuses: Option<Arc<[(StatusCode, Outcome)]>>,
}

impl ClassifyHttp {
    /// Lets a status count as something else; the last word on a status wins.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode, outcome: Outcome) -> Self {
        let others = self.replaced().iter().filter(|(known, _)| *known != status);
        self.statuses = Some(others.copied().chain([(status, outcome)]).collect());
        self
    }

    /// What a status counts as.
    pub fn status(&self, status: StatusCode) -> Outcome {
        let replaced = self.replaced().iter().find(|(known, _)| *known == status);
        replaced.map_or_else(|| standard(status), |(_, outcome)| *outcome)
    }

    fn replaced(&self) -> &[(StatusCode, Outcome)] {
        self.statuses.as_deref().unwrap_or_default()
    }
}

fn standard(status: StatusCode) -> Outcome {
    match status.as_u16() {
        408 | 500 | 502 | 503 | 504 => Outcome::Failure,
        429 => Outcome::Throttled,
        _ => Outcome::Success,
    }
}

impl<B, E: 'static> Classify<Response<B>, E> for ClassifyHttp {
    fn classify(&self, result: Result<&Response<B>, &E>) -> Outcome {
        match result {
            Ok(response) => {
                refused_in(response).map_or_else(|| self.status(response.status()), Refused::outcome)
            }
            Err(error) => classify_error(error),
        }
    }

    fn retry_after(&self, result: Result<&Response<B>, &E>) -> Option<Duration> {
        let asked = RetryAfter::from_headers(result.ok()?.headers())?;
        Some(asked.wait(WallClock::system().now()))
    }
}

fn classify_error<E: 'static>(error: &E) -> Outcome {
    if let Some(refused) = Refused::in_error(error) {
        return refused.outcome();
    }
    match TransportError::in_error(error).map(TransportError::kind) {
        Some(TransportKind::Invalid | TransportKind::RequestBody) => Outcome::Ignored,
        _ => Outcome::Failure,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use buttress_core::BoxError;

    use super::*;

    fn of_status(classify: &ClassifyHttp, status: u16) -> Outcome {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
        classify.classify(Ok::<_, &Infallible>(&response))
    }

    #[test]
    fn only_signs_of_an_outage_are_failures() {
        for status in 200..600 {
            let expected = match status {
                408 | 500 | 502 | 503 | 504 => Outcome::Failure,
                429 => Outcome::Throttled,
                _ => Outcome::Success,
            };
            assert_eq!(of_status(&ClassifyHttp::default(), status), expected, "{status}");
        }
    }

    #[test]
    fn the_last_word_on_a_status_wins() {
        let classify = ClassifyHttp::default()
            .with_status(StatusCode::NOT_FOUND, Outcome::Ignored)
            .with_status(StatusCode::NOT_FOUND, Outcome::Failure);
        assert_eq!(of_status(&classify, 404), Outcome::Failure);
        assert_eq!(of_status(&classify, 500), Outcome::Failure);
    }

    #[test]
    fn an_error_fails_unless_the_request_was_at_fault() {
        let classify = |error: BoxError| ClassifyHttp::default().classify(Err::<&Response<()>, _>(&error));
        assert_eq!(classify("lost".into()), Outcome::Failure);
        assert_eq!(classify(TransportError::new(TransportKind::Connect, "no").into()), Outcome::Failure);
        for own in [TransportKind::Invalid, TransportKind::RequestBody] {
            assert_eq!(classify(TransportError::new(own, "no").into()), Outcome::Ignored, "{own:?}");
        }
    }
}
