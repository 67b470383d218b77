use crate::Refused;

/// Builds what the caller sees when a layer refuses a request.
///
/// This is what keeps a layer from changing the types of the service it wraps: the refusal becomes a response or
/// an error that the service could have given itself. [`AsError`] serves clients with a boxed error,
/// `buttress_http::AsProblem` serves HTTP servers, [`RejectWith`] takes a closure.
pub trait Reject<Res, E> {
    /// Turns a refusal into the service's own response or error.
    fn reject(&self, why: Refused) -> Result<Res, E>;
}

/// Refuses with an error; the service's error must be able to hold a [`Refused`], as a boxed error is.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsError;

impl<Res, E: From<Refused>> Reject<Res, E> for AsError {
    fn reject(&self, why: Refused) -> Result<Res, E> {
        Err(why.into())
    }
}

/// Refuses with what a closure builds.
///
/// Only an answer that keeps the [`Refused`] (in an error's chain, in a response's extensions) lets outer layers
/// tell the refusal from a failure of the service.
#[derive(Clone, Copy, Debug)]
pub struct RejectWith<F>(pub F);

impl<F, Res, E> Reject<Res, E> for RejectWith<F>
where
    F: Fn(Refused) -> Result<Res, E>,
{
    fn reject(&self, why: Refused) -> Result<Res, E> {
        (self.0)(why)
    }
}
