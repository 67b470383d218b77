//! What a call may cost.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use buttress_core::{BoxError, Signal};
use buttress_testkit::{allocations_during, allocations_of};
use buttress_timeout::TimeoutLayer;
use tower::{Layer, Service};

use crate::SECOND;

#[derive(Clone)]
struct AtOnce;

impl<Req> Service<Req> for AtOnce {
    type Response = Req;
    type Error = BoxError;
    type Future = Ready<Result<Req, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        ready(Ok(request))
    }
}

/// Outside any runtime, so that a timer would not even be possible.
#[test]
fn over_a_service_that_answers_at_once_nothing_is_allocated_and_no_timer_is_made() {
    let layer = TimeoutLayer::builder(SECOND).observer(|_: &Signal<'_>| {}).build().unwrap();
    let mut service = layer.layer(AtOnce);
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let ((), report) = allocations_during(|| {
        for mark in 0..100_u32 {
            assert!(Service::<u32>::poll_ready(&mut service, &mut cx).is_ready());
            let call = std::pin::pin!(service.call(mark));
            assert!(matches!(call.poll(&mut cx), Poll::Ready(Ok(answer)) if answer == mark));
        }
    });
    assert_eq!(report.count, 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_allocates_nothing_either() {
    let layer = TimeoutLayer::builder(SECOND).build().unwrap();
    let mut service = layer.layer(tower::service_fn(|mark: u32| async move {
        tokio::task::yield_now().await;
        Ok::<_, BoxError>(mark)
    }));
    assert_eq!(service.call(0).await.unwrap(), 0, "the runtime's own beginnings do not count");
    let calls = async {
        for mark in 0..100 {
            assert_eq!(service.call(mark).await.unwrap(), mark);
        }
    };
    let ((), report) = allocations_of(calls).await;
    assert_eq!(report.count, 0);
}

#[cfg(feature = "http")]
#[test]
fn an_http_request_with_a_limit_of_its_own_allocates_nothing_more() {
    let mut service = TimeoutLayer::attempt(SECOND).build().unwrap().layer(AtOnce);
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let mut request = http::Request::new(());
    request.extensions_mut().insert(buttress_timeout::AttemptLimit(2 * SECOND));
    let (answered, report) = allocations_during(|| {
        let call = std::pin::pin!(service.call(request));
        call.poll(&mut cx).is_ready()
    });
    assert!(answered);
    assert_eq!(report.count, 0);
}
