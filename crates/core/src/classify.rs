use std::time::Duration;

use crate::Refused;

/// What one finished call says about the service that was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The service did its work; an answer such as "not found" is work done.
    Success,
    /// The service is out of order or out of reach.
    Failure,
    /// The service works but asks for less, as with status 429: no sign of an outage, and no proof of health.
    Throttled,
    /// The call says nothing about the service: another layer refused it before it was sent.
    Ignored,
}

/// Decides what a finished call counts as.
///
/// Breaker, retry, bulkhead and audit must agree on what failure is, so they share this trait. A closure serves
/// through [`ClassifyWith`].
pub trait Classify<Res, E> {
    /// What the result of one call counts as.
    fn classify(&self, result: Result<&Res, &E>) -> Outcome;

    /// How long the service asks its callers to stay away, as `Retry-After` does; `None` if it does not say.
    ///
    /// Asked only about calls that did not succeed.
    fn retry_after(&self, result: Result<&Res, &E>) -> Option<Duration> {
        let _ = result;
        None
    }
}

/// Counts an error as failure and every response as success, for services that are not HTTP.
///
/// A [`Refused`] in the error is told apart: a layer that refused without calling the service counts as
/// [`Outcome::Ignored`].
///
/// A service whose error cannot happen ([`Infallible`](std::convert::Infallible), as under Axum) would never
/// fail by this rule. Using it there does not compile; with another error the same lines do:
///
/// ```
/// use buttress_core::{Classify, ErrorsFail};
///
/// let reply: Result<u8, std::fmt::Error> = Ok(1);
/// ErrorsFail.classify(reply.as_ref());
/// ```
///
/// ```compile_fail
/// use std::convert::Infallible;
/// use buttress_core::{Classify, ErrorsFail};
///
/// let reply: Result<u8, Infallible> = Ok(1);
/// ErrorsFail.classify(reply.as_ref());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ErrorsFail;

impl<Res, E: 'static> Classify<Res, E> for ErrorsFail {
    fn classify(&self, result: Result<&Res, &E>) -> Outcome {
        // `Option<E>` takes no space exactly if no `E` can exist.
        const {
            assert!(
                size_of::<Option<E>>() != 0,
                "this service's errors cannot happen: classify its responses"
            );
        };
        match result {
            Ok(_) => Outcome::Success,
            Err(error) => Refused::in_error(error).map_or(Outcome::Failure, Refused::outcome),
        }
    }
}

/// Classifies by a closure.
#[derive(Clone, Copy, Debug)]
pub struct ClassifyWith<F>(pub F);

impl<F, Res, E> Classify<Res, E> for ClassifyWith<F>
where
    F: Fn(Result<&Res, &E>) -> Outcome,
{
    fn classify(&self, result: Result<&Res, &E>) -> Outcome {
        (self.0)(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_fails_and_a_response_succeeds() {
        assert_eq!(ErrorsFail.classify(Ok::<_, &std::fmt::Error>(&1)), Outcome::Success);
        assert_eq!(ErrorsFail.classify(Err::<&u8, _>(&std::fmt::Error)), Outcome::Failure);
    }

    #[test]
    fn an_error_without_size_can_still_happen() {
        assert_eq!(ErrorsFail.classify(Err::<&u8, _>(&())), Outcome::Failure);
    }

    #[test]
    fn a_closure_decides() {
        let odd_fails = ClassifyWith(|reply: Result<&u8, &()>| match reply {
            Ok(n) if n % 2 == 0 => Outcome::Success,
            _ => Outcome::Failure,
        });
        assert_eq!(odd_fails.classify(Ok(&2)), Outcome::Success);
        assert_eq!(odd_fails.classify(Ok(&3)), Outcome::Failure);
    }
}
