//! How a request is sent again, and what becomes of the response that made it necessary.

use std::error::Error;
use std::fmt;
use std::task::{self, Poll};

use buttress_core::{Attempt, Context, Deadline};

/// A way to send a request more than once.
///
/// [`CloneRequest`] serves plain services; `ResendHttp` serves HTTP, where neither bodies nor failed responses may
/// simply be kept.
pub trait Resend<Req> {
    /// What the inner service is sent.
    type Sent;
    /// What is kept meanwhile.
    type Kept: Repeat<Sent = Self::Sent>;

    /// Prepares a request that may be sent again.
    fn split(&self, request: Req) -> (Self::Sent, Self::Kept);

    /// Prepares a request that may be sent again, and sends it.
    ///
    /// The same as [`split`](Self::split) and a call; for a strategy whose requests are so large that each time one is
    /// handed on is worth saving.
    #[inline]
    fn send<T>(&self, request: Req, call: impl FnOnce(Self::Sent) -> T) -> (T, Self::Kept)
    where
        Self: Sized,
    {
        let (request, kept) = self.split(request);
        (call(request), kept)
    }

    /// Prepares a request that is sent once, so that nothing is kept of it.
    fn once(&self, request: Req) -> Self::Sent;
}

/// What is kept of a request while an attempt is under way.
pub trait Repeat {
    /// What the inner service is sent.
    type Sent;
    /// What a policy sees of the request.
    type Facts: ?Sized;

    /// The request as the caller made it, whatever inner services did to theirs.
    fn facts(&self) -> Result<&Self::Facts, CannotRepeat>;

    /// The deadline of the request, or of the work that it is part of.
    fn deadline(&self) -> Option<Deadline> {
        Context::with_current(Context::deadline)
    }

    /// Whether the request could be sent again now.
    fn check(&self) -> Result<(), CannotRepeat>;

    /// The request once more, with others to follow.
    fn again(&mut self, attempt: Attempt) -> Result<Self::Sent, CannotRepeat>;

    /// The request for the last time: what is kept may be handed over instead of cloned.
    fn last(&mut self, attempt: Attempt) -> Result<Self::Sent, CannotRepeat>;
}

/// Lets go of a response that is about to be retried.
pub trait Discard<Res> {
    /// The response on its way out.
    type Rest: Unpin;

    /// Takes a response over.
    fn begin(response: Res) -> Self::Rest;

    /// Reads on towards the end of the response, at most `cap_bytes` of it in all; ready when nothing more is to be
    /// read.
    fn poll_drain(rest: &mut Self::Rest, cap_bytes: usize, cx: &mut task::Context<'_>) -> Poll<()>;

    /// Frees what the response holds of the outside world, such as a connection.
    fn release(rest: &mut Self::Rest);

    /// The response as far as it is still known, for a call that cannot be retried after all.
    fn give_back(rest: Self::Rest) -> Res;
}

/// A request that cannot be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CannotRepeat {
    why: &'static str,
}

impl CannotRepeat {
    /// For a reason, told to operators only.
    pub const fn because(why: &'static str) -> Self {
        Self { why }
    }
}

impl fmt::Display for CannotRepeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.why)
    }
}

impl Error for CannotRepeat {}

/// Sends clones; for plain services with requests that are values.
///
/// A response that is about to be retried is kept through the wait and dropped when the next attempt begins,
/// because nothing is known of it. Where a response holds a connection, use a strategy that knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct CloneRequest;

impl<Req: Clone> Resend<Req> for CloneRequest {
    type Sent = Req;
    type Kept = Cloned<Req>;

    fn split(&self, request: Req) -> (Req, Cloned<Req>) {
        (request.clone(), Cloned(Some(request)))
    }

    fn once(&self, request: Req) -> Req {
        request
    }
}

const GONE: CannotRepeat = CannotRepeat::because("the request was sent for the last time");

/// A request kept by [`CloneRequest`]; empty once it was sent for the last time.
#[derive(Debug)]
pub struct Cloned<Req>(Option<Req>);

impl<Req: Clone> Repeat for Cloned<Req> {
    type Sent = Req;
    type Facts = Req;

    fn facts(&self) -> Result<&Req, CannotRepeat> {
        self.0.as_ref().ok_or(GONE)
    }

    fn check(&self) -> Result<(), CannotRepeat> {
        self.facts().map(drop)
    }

    fn again(&mut self, _: Attempt) -> Result<Req, CannotRepeat> {
        self.facts().cloned()
    }

    fn last(&mut self, _: Attempt) -> Result<Req, CannotRepeat> {
        self.0.take().ok_or(GONE)
    }
}

impl<Req, Res> Discard<Res> for Cloned<Req> {
    type Rest = Whole<Res>;

    fn begin(response: Res) -> Whole<Res> {
        Whole(response)
    }

    fn poll_drain(_: &mut Whole<Res>, _: usize, _: &mut task::Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn release(_: &mut Whole<Res>) {}

    fn give_back(rest: Whole<Res>) -> Res {
        rest.0
    }
}

/// A response that is kept as it is.
#[derive(Debug)]
pub struct Whole<Res>(pub(crate) Res);

impl<Res> Unpin for Whole<Res> {}
