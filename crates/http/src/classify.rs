use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Classify, Outcome, Refused, WallClock};
use http::{Response, StatusCode};

use crate::{RetryAfter, TransportError, TransportKind, refused_in};

/// Tells failures of an HTTP service from its answers.
///
/// | seen | counts as |
/// |---|---|
/// | 408 and every status from 500, those without a name included (RFC 9110, section 15.6), but for 501 and 505 | [`Outcome::Failure`] |
/// | 429 | [`Outcome::Throttled`] |
/// | every other status | [`Outcome::Success`]: the service did its work, if only to say no |
/// | a [`TransportError`] of kind `Invalid` or `RequestBody` | [`Outcome::Ignored`]: it says nothing about the service |
/// | a local refusal, as error or in the extensions of a response | as [`Refused::outcome`] says |
/// | every other error | [`Outcome::Failure`] |
///
/// How long the service asks its callers to stay away is read from `Retry-After`.
#[derive(Clone, Debug, Default)]
pub struct ClassifyHttp {
    /// Shared, because a layer clones it for every call.
    statuses: Option<Arc<[(StatusCode, Outcome)]>>,
    wall_clock: WallClock,
}

impl ClassifyHttp {
    /// Lets a status count as something else; the last word on a status wins.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode, outcome: Outcome) -> Self {
        let others = self.replaced().iter().filter(|(known, _)| *known != status);
        self.statuses = Some(others.copied().chain([(status, outcome)]).collect());
        self
    }

    /// Compares a date in `Retry-After` with another calendar than the system's.
    #[must_use]
    pub fn wall_clock(self, wall_clock: WallClock) -> Self {
        Self { wall_clock, ..self }
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
        501 | 505 => Outcome::Success,
        408 | 500.. => Outcome::Failure,
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
        Some(asked.wait(self.wall_clock.now()))
    }
}

fn classify_error<E: 'static>(error: &E) -> Outcome {
    let transport = TransportError::in_error(error).map(TransportError::kind);
    // First, because a refusal among its causes is that of the side that sends, whose body it was.
    if let Some(TransportKind::Invalid | TransportKind::RequestBody) = transport {
        return Outcome::Ignored;
    }
    Refused::in_error(error).map_or(Outcome::Failure, Refused::outcome)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::SystemTime;

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
                501 | 505 => Outcome::Success,
                408 | 500..=599 => Outcome::Failure,
                429 => Outcome::Throttled,
                _ => Outcome::Success,
            };
            assert_eq!(of_status(&ClassifyHttp::default(), status), expected, "{status}");
        }
    }

    #[test]
    fn a_date_is_compared_with_the_calendar_that_was_given() {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let classify =
            ClassifyHttp::default().wall_clock(WallClock::from_fn(move || noon - Duration::from_secs(30)));
        let response = Response::builder().header("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT").body(());
        let response = response.expect("valid");
        let asked = classify.retry_after(Ok::<_, &Infallible>(&response));
        assert_eq!(asked, Some(Duration::from_secs(30)));
        assert_eq!(classify.retry_after(Ok::<_, &Infallible>(&Response::new(()))), None);
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
