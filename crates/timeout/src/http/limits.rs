use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use buttress_core::{AsError, Deadline};
use buttress_http::AsProblem;
use http::Request;

use crate::{Allowed, TimeOf, TimeoutBuilder, TimeoutLayer};

/// The time limit of one call, in the extensions of its request; it takes the place of the layer's own.
///
/// It may be longer or shorter. A deadline is obeyed all the same, and [`DeadlineLayer`](crate::DeadlineLayer)
/// grants no more than its `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeLimit(pub Duration);

/// The time limit of each attempt at one call, in the extensions of its request; it takes the place of the limit
/// of a layer made by [`TimeoutLayer::attempt`], and of the most that a
/// [`ForwardDeadlineLayer`](crate::ForwardDeadlineLayer) tells the next service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttemptLimit(pub Duration);

impl From<TimeLimit> for Duration {
    fn from(limit: TimeLimit) -> Self {
        limit.0
    }
}

impl From<AttemptLimit> for Duration {
    fn from(limit: AttemptLimit) -> Self {
        limit.0
    }
}

/// Reads a limit of type `L` and the [`Deadline`] from the extensions of an HTTP request.
pub struct FromExtensions<L = TimeLimit>(PhantomData<fn() -> L>);

impl<L> FromExtensions<L> {
    /// The reader.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<L> Default for FromExtensions<L> {
    fn default() -> Self {
        Self::new()
    }
}

impl<L> Clone for FromExtensions<L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L> Copy for FromExtensions<L> {}

impl<L> fmt::Debug for FromExtensions<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FromExtensions<{}>", std::any::type_name::<L>())
    }
}

impl<L, B> TimeOf<Request<B>> for FromExtensions<L>
where
    L: Copy + Into<Duration> + Send + Sync + 'static,
{
    #[inline]
    fn time_of(&self, request: &Request<B>) -> Option<Allowed> {
        let extensions = request.extensions();
        if extensions.is_empty() {
            return None;
        }
        let limit = extensions.get::<L>().copied().map(Into::into);
        let deadline = extensions.get::<Deadline>().copied();
        (limit.is_some() || deadline.is_some()).then_some(Allowed { limit, deadline })
    }
}

impl TimeoutLayer {
    /// Begins a layer for a server: refusals are problem documents, and a [`TimeLimit`] in the request's extensions
    /// takes the place of the limit.
    pub fn inbound(limit: Duration) -> TimeoutBuilder<AsProblem, FromExtensions> {
        Self::builder(limit).reject_with(AsProblem::default()).time_of_with(FromExtensions::new())
    }

    /// Begins a layer for the whole of a client's call, retries included: refusals are errors, and a [`TimeLimit`]
    /// in the request's extensions takes the place of the limit.
    pub fn outbound(limit: Duration) -> TimeoutBuilder<AsError, FromExtensions> {
        Self::builder(limit).name("total").time_of_with(FromExtensions::new())
    }

    /// Begins a layer for each attempt at a client's call, inside the retries: refusals are errors, and an
    /// [`AttemptLimit`] in the request's extensions takes the place of the limit.
    pub fn attempt(limit: Duration) -> TimeoutBuilder<AsError, FromExtensions<AttemptLimit>> {
        Self::builder(limit).name("attempt").time_of_with(FromExtensions::new())
    }
}
