//! Auto traits of everything that is public.

use std::fmt::Debug;
use std::future::{Pending, Ready};

use buttress_core::{AsError, BoxError, ConfigError};
use buttress_timeout::{
    Allowed, Bound, Cancel, Detach, DetachCounts, FromContext, OnTimeout, Phase, ResponseFuture, TimedOut,
    Timeout, TimeoutBuilder, TimeoutLayer,
};

fn all<T: Send + Sync + Debug>() {}

type Call = Ready<Result<u32, BoxError>>;
type Cancelled = <Cancel as OnTimeout<Call>>::Work;
type Detached = <Detach as OnTimeout<Call>>::Work;

#[test]
fn everything_can_be_sent_shared_and_shown() {
    all::<(TimeoutLayer, TimeoutBuilder, Timeout<u8>, ConfigError)>();
    all::<(TimeoutLayer<AsError, FromContext, Detach>, Timeout<u8, AsError, FromContext, Detach>)>();
    all::<(ResponseFuture<Cancelled, AsError>, ResponseFuture<Detached, AsError>)>();
    all::<(Allowed, Bound, Cancel, Detach, DetachCounts, FromContext, Phase, TimedOut)>();
}

/// The default asks nothing of the inner future: neither `Send` nor `'static`.
#[test]
fn a_layer_that_cancels_takes_any_future() {
    fn takes<F: Future>()
    where
        Cancel: OnTimeout<F>,
    {
    }
    takes::<Pending<std::rc::Rc<u8>>>();
}

#[cfg(feature = "http")]
#[test]
fn everything_of_http_can_be_sent_shared_and_shown() {
    use buttress_timeout::{
        AttemptLimit, BodySide, BodyTimedOut, BodyTimeout, BodyTimeoutBuilder, BodyTimeoutFuture,
        BodyTimeoutLayer, DeadlineBuilder, DeadlineLayer, DeadlineService, ForwardDeadline,
        ForwardDeadlineBuilder, ForwardDeadlineLayer, Forwarded, FromExtensions, MalformedTimeout, Requests,
        Responses, TimeLimit, TimeoutBody, TimeoutHeader, Trust, WhenMalformed,
    };
    all::<(DeadlineLayer, DeadlineBuilder, DeadlineService<u8>)>();
    all::<(ForwardDeadlineLayer, ForwardDeadlineBuilder, ForwardDeadline<u8>, Forwarded<u8, AsError>)>();
    all::<(BodyTimeoutLayer<Requests>, BodyTimeoutLayer<Responses>, BodyTimeoutBuilder<Responses>)>();
    all::<(BodyTimeout<u8, Requests>, BodyTimeoutFuture<u8>, TimeoutBody<u8>, BodyTimedOut, BodySide)>();
    all::<(AttemptLimit, TimeLimit, FromExtensions, FromExtensions<AttemptLimit>)>();
    all::<(MalformedTimeout, TimeoutHeader, Trust, WhenMalformed)>();
}
