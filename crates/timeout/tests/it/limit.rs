//! One call, one limit.

use std::future::{Future, poll_fn};
use std::task::Poll;

use buttress_core::{BoxError, Context, Deadline, Kind, Refused, RejectWith};
use buttress_testkit::{CountingWaker, Probe, Reply, Strict, clock};
use buttress_timeout::{Bound, Phase, TimeoutLayer};
use tokio_test::{assert_pending, task};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::{MILLI, SECOND, late, now};

type Inner = Strict<u32, u32, BoxError>;

fn limited(
    reply: impl Fn() -> Reply<u32, BoxError> + Send + 'static,
) -> (buttress_timeout::Timeout<Inner>, Probe<BoxError>) {
    let inner = Strict::with(move |_, _: &u32| reply());
    let probe = inner.probe();
    (TimeoutLayer::builder(2 * SECOND).build().unwrap().layer(inner), probe)
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_refused_at_the_limit_and_dropped() {
    let (mut service, probe) = limited(|| Reply::Hang);
    let start = now();
    let error = service.ready().await.unwrap().call(1).await.unwrap_err();
    assert_eq!(now() - start, 2 * SECOND);
    assert_eq!((probe.calls(), probe.in_flight(), probe.dropped()), (1, 0, 1));
    let late = late(&error);
    assert_eq!((late.phase(), late.bound()), (Phase::Response, Bound::Limit));
    assert_eq!((late.limit(), late.elapsed()), (2 * SECOND, 2 * SECOND));
    let refused = Refused::in_error(&error).unwrap();
    assert_eq!((refused.kind(), refused.code(), refused.layer()), (Kind::TimedOut, "timed_out", "timeout"));
    assert!(refused.reached_inner());
    probe.assert_kept();
}

#[tokio::test(start_paused = true)]
async fn what_the_call_held_is_free_before_the_caller_hears_of_it() {
    let inner = Inner::with(|_, _| Reply::Hang);
    let (probe, at_refusal) = (inner.probe(), inner.probe());
    let reject = RejectWith(move |why: Refused| {
        assert_eq!(at_refusal.in_flight(), 0);
        Err::<u32, BoxError>(why.into())
    });
    let layer = TimeoutLayer::builder(SECOND).reject_with(reject).build().unwrap();
    let mut service = layer.layer(inner);
    service.ready().await.unwrap();
    let mut call = task::spawn(service.call(1));
    assert_pending!(call.poll());
    clock::advance(SECOND).await;
    assert!(call.poll().is_ready());
    assert_eq!((probe.in_flight(), probe.dropped()), (0, 1), "while the finished future is still there");
    drop(call);
}

#[tokio::test(start_paused = true)]
async fn a_response_that_comes_just_in_time_is_not_held_against_anybody() {
    let (mut service, _) = limited(|| Reply::After(2 * SECOND - MILLI, Ok(7)));
    assert_eq!(service.ready().await.unwrap().call(1).await.unwrap(), 7);
}

/// D3: the inner timer was registered first and fires first.
#[tokio::test(start_paused = true)]
async fn a_response_that_is_ready_together_with_the_timer_wins() {
    let (mut service, _) = limited(|| Reply::After(2 * SECOND, Ok(7)));
    assert_eq!(service.ready().await.unwrap().call(1).await.unwrap(), 7);
}

/// D3 the other way round: the timer has long fired when the response becomes ready, but nobody has looked.
#[tokio::test(start_paused = true)]
async fn a_response_wins_even_if_the_timer_fired_first() {
    let (mut service, probe) = limited(|| Reply::Gate(Ok(7)));
    service.ready().await.unwrap();
    let mut call = task::spawn(service.call(1));
    assert_pending!(call.poll());
    clock::advance(2 * SECOND).await;
    assert!(call.is_woken(), "by the timer");
    probe.open_gate(1);
    assert!(matches!(call.poll(), Poll::Ready(Ok(7))));
}

#[tokio::test(start_paused = true)]
async fn the_timer_wakes_a_call_that_nothing_else_wakes_and_only_once() {
    let (mut service, _) = limited(|| Reply::Hang);
    service.ready().await.unwrap();
    let (mut call, waker) = (Box::pin(service.call(1)), CountingWaker::new());
    let mut poll = || call.as_mut().poll(&mut std::task::Context::from_waker(&waker.waker()));
    assert!(poll().is_pending());
    clock::advance(2 * SECOND - MILLI).await;
    assert_eq!(waker.wakes(), 0);
    clock::advance(MILLI).await;
    assert_eq!(waker.wakes(), 1);
    assert!(poll().is_ready());
}

/// Two layers end together and the outer timer was the first to fire: the inner layer must still speak first.
#[tokio::test(start_paused = true)]
async fn a_timer_that_is_due_but_has_not_fired_counts() {
    let (mut service, _) = limited(|| Reply::Hang);
    service.ready().await.unwrap();
    let mut call = task::spawn(service.call(1));
    assert_pending!(call.poll());
    // The clock moves when this is first polled; the timers fire only when the runtime next turns.
    let mut advance = task::spawn(tokio::time::advance(2 * SECOND));
    let _ = advance.poll();
    assert!(!call.is_woken(), "no timer has fired");
    assert!(call.poll().is_ready());
}

#[tokio::test(start_paused = true)]
async fn time_before_the_first_poll_does_not_count() {
    let (mut service, _) = limited(|| Reply::After(SECOND, Ok(7)));
    service.ready().await.unwrap();
    let call = service.call(1);
    clock::advance(10 * SECOND).await;
    assert_eq!(call.await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn work_that_uses_up_the_cooperative_budget_does_not_outlive_its_limit() {
    let busy = service_fn(|_: u32| {
        poll_fn(|cx| {
            while tokio::task::coop::has_budget_remaining() {
                let spent = std::pin::pin!(tokio::task::coop::consume_budget()).poll(cx);
                assert!(spent.is_ready());
            }
            cx.waker().wake_by_ref();
            Poll::<Result<u32, BoxError>>::Pending
        })
    });
    let mut service = TimeoutLayer::builder(20 * MILLI).build().unwrap().layer(busy);
    let ticking = async {
        loop {
            tokio::time::advance(MILLI).await;
        }
    };
    let call = tokio::spawn(async move { service.ready().await.unwrap().call(1).await });
    tokio::select! {
        result = call => assert_eq!(late(&result.unwrap().unwrap_err()).phase(), Phase::Response),
        () = ticking => {}
        () = async { for _ in 0..200 { tokio::task::yield_now().await } } => panic!("the limit passed unnoticed"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_the_current_context_is_obeyed_if_it_is_shorter() {
    for (deadline, expected, bound) in [(1, 1, Bound::Deadline), (2, 2, Bound::Limit), (3, 2, Bound::Limit)] {
        let (mut service, _) = limited(|| Reply::Hang);
        let start = now();
        let context = Context::new().with_deadline(Deadline::after(start, deadline * SECOND));
        let call = async { service.ready().await.unwrap().call(1).await };
        let late = late(&context.scope(call).await.unwrap_err());
        assert_eq!(now() - start, expected * SECOND, "deadline after {deadline} s");
        assert_eq!((late.bound(), late.limit()), (bound, expected * SECOND));
    }
}

#[tokio::test(start_paused = true)]
async fn under_a_deadline_that_has_passed_only_an_answer_at_once_will_do() {
    let context = Context::new().with_deadline(Deadline::at(now()));
    let (mut at_once, _) = limited(|| Reply::Ok(7));
    let call = async { at_once.ready().await.unwrap().call(1).await };
    assert_eq!(context.clone().scope(call).await.unwrap(), 7);

    let (mut hangs, probe) = limited(|| Reply::Hang);
    let start = now();
    let call = async { hangs.ready().await.unwrap().call(1).await };
    let error = context.scope(call).await.unwrap_err();
    assert!(now() - start <= MILLI);
    assert_eq!((late(&error).limit(), probe.in_flight()), (std::time::Duration::ZERO, 0));
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_inner_service_are_its_own() {
    let (mut service, _) = limited(|| Reply::Err("broken".into()));
    let error = service.ready().await.unwrap().call(1).await.unwrap_err();
    assert!(Refused::in_error(&error).is_none());
    assert_eq!(error.to_string(), "broken");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_polled_again_after_its_refusal_stays_pending() {
    let (mut service, _) = limited(|| Reply::Hang);
    service.ready().await.unwrap();
    let mut call = task::spawn(service.call(1));
    assert_pending!(call.poll());
    clock::advance(2 * SECOND).await;
    assert!(call.poll().is_ready());
    assert_pending!(call.poll());
}
