//! Policies for services that are not HTTP, where nothing is known of the request.

use std::io;

use buttress_core::{Classify, ErrorsFail, Kind, Outcome, Refused, find_cause};

use crate::{Decision, Fault, RetryPolicy, Stop, Tried};

/// Retries what a [`Classify`] calls a failure, whatever the request was.
///
/// Nothing here knows whether a request may be sent twice: whoever uses it says that it may. Refusals of other
/// layers are final, except that of a timeout around the attempt.
#[derive(Clone, Copy, Debug, Default)]
pub struct RetryErrors<C = ErrorsFail> {
    classify: C,
}

impl<C> RetryErrors<C> {
    /// Retries what `classify` calls [`Failure`](Outcome::Failure) or [`Throttled`](Outcome::Throttled).
    pub const fn classified_by(classify: C) -> Self {
        Self { classify }
    }
}

impl<C> RetryErrors<C> {
    #[cold]
    #[inline(never)]
    fn fault_of_error<Res, E: 'static>(&self, error: &E) -> Option<Fault>
    where
        C: Classify<Res, E>,
    {
        let outcome = self.classify.classify(Err(error));
        match Refused::in_error(error) {
            // Whatever the classifier makes of it: asking a layer again that refused would only go around it.
            Some(refused) if outcome != Outcome::Success => Some(fault_of_refusal(refused)),
            _ if outcome == Outcome::Failure => Some(fault_of(error)),
            _ => fault_of_outcome(outcome),
        }
    }
}

impl<Q: ?Sized, Res, E: 'static, C: Classify<Res, E>> RetryPolicy<Q, Res, E> for RetryErrors<C> {
    #[inline]
    fn fault(&self, outcome: Result<&Res, &E>) -> Option<Fault> {
        match outcome {
            Ok(_) => fault_of_outcome(self.classify.classify(outcome)),
            Err(error) => self.fault_of_error(error),
        }
    }

    fn decide(&self, tried: &Tried<'_, Q, Res, E>) -> Decision {
        decide(tried.fault)
    }
}

/// Retries what a closure calls a fault.
#[derive(Clone, Copy, Debug)]
pub struct RetryWhen<F>(pub F);

impl<Q: ?Sized, Res, E, F> RetryPolicy<Q, Res, E> for RetryWhen<F>
where
    F: Fn(Result<&Res, &E>) -> Option<Fault>,
{
    fn fault(&self, outcome: Result<&Res, &E>) -> Option<Fault> {
        (self.0)(outcome)
    }

    fn decide(&self, tried: &Tried<'_, Q, Res, E>) -> Decision {
        decide(tried.fault)
    }
}

const fn fault_of_outcome(outcome: Outcome) -> Option<Fault> {
    match outcome {
        Outcome::Success | Outcome::Ignored => None,
        Outcome::Throttled => Some(Fault::Throttled),
        Outcome::Failure => Some(Fault::Status),
    }
}

fn decide(fault: Fault) -> Decision {
    match fault {
        Fault::Refused => Decision::Stop(Stop::LocalRefusal),
        _ => Decision::Retry,
    }
}

/// A timeout around the attempt is a fault of the service; every other refusal is final.
fn fault_of_refusal(refused: &Refused) -> Fault {
    match refused.kind() {
        Kind::TimedOut if refused.reached_inner() => Fault::TimedOut,
        _ => Fault::Refused,
    }
}

/// What kind of fault an error is that counts as a failure.
fn fault_of<E: 'static>(error: &E) -> Fault {
    let any: &dyn std::any::Any = error;
    let io = any.downcast_ref::<io::Error>().or_else(|| find_cause::<io::Error, E>(error));
    io.map_or(Fault::Other, |error| fault_of_kind(error.kind()))
}

fn fault_of_kind(kind: io::ErrorKind) -> Fault {
    match kind {
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown => Fault::Connect,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::NotConnected
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Fault::Interrupted,
        io::ErrorKind::TimedOut => Fault::TimedOut,
        _ => Fault::Other,
    }
}

#[cfg(test)]
mod tests {
    use buttress_core::{BoxError, ClassifyWith};

    use super::*;

    fn fault(error: &BoxError) -> Option<Fault> {
        RetryPolicy::<(), (), BoxError>::fault(&RetryErrors::<ErrorsFail>::default(), Err(error))
    }

    #[test]
    fn the_kind_of_an_io_error_says_what_went_wrong() {
        let table = [
            (io::ErrorKind::ConnectionRefused, Fault::Connect),
            (io::ErrorKind::ConnectionReset, Fault::Interrupted),
            (io::ErrorKind::BrokenPipe, Fault::Interrupted),
            (io::ErrorKind::UnexpectedEof, Fault::Interrupted),
            (io::ErrorKind::TimedOut, Fault::TimedOut),
            (io::ErrorKind::NotFound, Fault::Other),
        ];
        for (kind, expected) in table {
            assert_eq!(fault(&io::Error::from(kind).into()), Some(expected), "{kind}");
        }
        assert_eq!(fault(&"no reason given".into()), Some(Fault::Other));
    }

    #[test]
    fn success_is_no_fault_and_a_throttled_reply_is_one() {
        let policy = RetryErrors::classified_by(ClassifyWith(|reply: Result<&u16, &()>| match reply {
            Ok(429) => Outcome::Throttled,
            Ok(500) | Err(()) => Outcome::Failure,
            Ok(_) => Outcome::Success,
        }));
        let fault = |reply| RetryPolicy::<(), u16, ()>::fault(&policy, reply);
        assert_eq!(fault(Ok(&200)), None);
        assert_eq!(fault(Ok(&429)), Some(Fault::Throttled));
        assert_eq!(fault(Ok(&500)), Some(Fault::Status));
        assert_eq!(fault(Err(&())), Some(Fault::Other));
    }

    #[test]
    fn a_local_refusal_is_final_whatever_the_classifier_says() {
        let all_fail = RetryErrors::classified_by(ClassifyWith(|_: Result<&(), &BoxError>| Outcome::Failure));
        let fault = |error: &BoxError| RetryPolicy::<(), (), BoxError>::fault(&all_fail, Err(error));
        assert_eq!(fault(&Refused::new(Open).into()), Some(Fault::Refused));
        assert_eq!(fault(&"lost".into()), Some(Fault::Other));
    }

    #[derive(Debug)]
    struct Open;

    impl std::fmt::Display for Open {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("open")
        }
    }

    impl std::error::Error for Open {}

    impl buttress_core::Rejection for Open {
        fn kind(&self) -> Kind {
            Kind::Unavailable
        }
        fn code(&self) -> &'static str {
            "circuit_open"
        }
        fn layer(&self) -> &'static str {
            "circuit-breaker"
        }
        fn reached_inner(&self) -> bool {
            false
        }
        fn public(&self) -> std::borrow::Cow<'static, str> {
            "out of order".into()
        }
    }
}
