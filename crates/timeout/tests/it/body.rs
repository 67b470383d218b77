//! D5: bodies under the deadline of their request, and not standing still.

use std::convert::Infallible;
use std::pin::Pin;

use buttress_core::{BoxError, Deadline, Kind, Mode, Refused, Verdict, find_cause};
use buttress_testkit::{Recorder, Reply, ScriptedBody, Step, Strict, clock, message};
use buttress_timeout::{
    BodySide, BodyTimedOut, BodyTimeoutBuilder, BodyTimeoutLayer, Bound, DeadlineLayer, Phase, Responses,
    TimedOut, TimeoutBody,
};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tokio_test::{assert_pending, task};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};

use crate::{MILLI, SECOND, now};

fn data(text: &'static str) -> Step {
    Step::Data(Bytes::from_static(text.as_bytes()))
}

fn responses() -> BodyTimeoutBuilder<Responses> {
    BodyTimeoutLayer::responses()
}

/// A response with this body, through the layer, under a deadline if there is one.
async fn answer(
    builder: BodyTimeoutBuilder<Responses>,
    body: ScriptedBody,
    deadline: Option<Deadline>,
) -> Pin<Box<TimeoutBody<ScriptedBody>>> {
    let mut body = Some(body);
    let inner = Strict::<Request<Full<Bytes>>, Response<ScriptedBody>, Infallible>::with(move |_, _| {
        Reply::Ok(Response::new(body.take().expect("one call")))
    });
    let mut request = message::get("/");
    if let Some(deadline) = deadline {
        request.extensions_mut().insert(deadline);
    }
    let service = builder.build().unwrap().layer(inner);
    Box::pin(service.oneshot(request).await.unwrap().into_body())
}

fn timed_out(error: &BoxError) -> (BodySide, TimedOut) {
    let late = find_cause::<BodyTimedOut, _>(error).expect("a body that took too long");
    (late.side(), late.timed_out())
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stands_still_fails_after_the_idle_time_and_is_dropped() {
    let (body, probe) = ScriptedBody::new([data("a"), Step::Hold, data("b")]);
    let mut body = answer(responses(), body, None).await;
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "a");
    let start = now();
    let error = body.frame().await.unwrap().unwrap_err();
    assert_eq!(now() - start, 15 * SECOND);
    let (side, late) = timed_out(&error);
    assert_eq!((side, late.phase(), late.bound()), (BodySide::Response, Phase::BodyIdle, Bound::Limit));
    assert_eq!(late.elapsed(), 15 * SECOND);
    assert!(probe.is_dropped(), "at once, not with the response");
    assert!(body.frame().await.is_none());
    assert!(body.is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn the_error_says_which_body_and_its_cause_is_the_usual_refusal() {
    let (body, _) = ScriptedBody::new([Step::Hold]);
    let error = answer(responses(), body, None).await.collect().await.unwrap_err();
    assert_eq!(error.to_string(), "the body of the response took too long");
    assert_eq!(error.source().unwrap().to_string(), "no data in 15s (limit 15s)");
    let refused = Refused::in_error(&error).expect("found by those who know nothing of bodies");
    assert_eq!(
        (refused.kind(), refused.code(), refused.reached_inner()),
        (Kind::TimedOut, "body_idle", true)
    );
}

#[tokio::test(start_paused = true)]
async fn every_frame_starts_the_idle_clock_anew() {
    let mut steps = Vec::new();
    for _ in 0..10 {
        steps.extend([Step::Wait(14 * SECOND), data("x")]);
    }
    let (body, _) = ScriptedBody::new(steps);
    let body = answer(responses(), body, None).await;
    assert_eq!(body.collect().await.unwrap().to_bytes(), "xxxxxxxxxx");
}

#[tokio::test(start_paused = true)]
async fn an_idle_time_that_passes_after_many_frames_is_still_noticed_on_time() {
    let (body, _) =
        ScriptedBody::new([Step::Wait(9 * SECOND), data("x"), Step::Wait(9 * SECOND), data("y"), Step::Hold]);
    let mut body = answer(responses(), body, None).await;
    body.frame().await.unwrap().unwrap();
    body.frame().await.unwrap().unwrap();
    let start = now();
    assert_eq!(timed_out(&body.frame().await.unwrap().unwrap_err()).1.phase(), Phase::BodyIdle);
    assert_eq!(now() - start, 15 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_not_taken_for_a_slow_sender() {
    let (body, _) = ScriptedBody::new([data("a"), data("b")]);
    let mut body = answer(responses(), body, None).await;
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "a");
    clock::advance(60 * SECOND).await;
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "b");
    assert!(body.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_is_ready_together_with_the_timer_wins() {
    let (body, _) = ScriptedBody::new([Step::Wait(15 * SECOND), data("a")]);
    let body = answer(responses(), body, None).await;
    assert_eq!(body.collect().await.unwrap().to_bytes(), "a");

    // And if the timer fired first, but nobody looked.
    let (body, probe) = ScriptedBody::new([Step::Hold, data("a")]);
    let mut body = answer(responses(), body, None).await;
    let mut frame = task::spawn(body.frame());
    assert_pending!(frame.poll());
    clock::advance(15 * SECOND).await;
    probe.release();
    assert!(matches!(frame.poll(), std::task::Poll::Ready(Some(Ok(_)))));
}

/// D5 itself: header and body together do not get twice the time.
#[tokio::test(start_paused = true)]
async fn the_body_ends_at_the_deadline_that_the_request_was_given() {
    let handler = service_fn(|_: Request<Full<Bytes>>| async {
        tokio::time::sleep(6 * SECOND).await;
        let (body, _) = ScriptedBody::new((0..10).flat_map(|_| [Step::Wait(SECOND), data("x")]));
        Ok::<_, Infallible>(Response::new(body))
    });
    let start = now();
    let inner = responses().build().unwrap().layer(handler);
    // The deadline layer only needs a service that can refuse; a closure stands in for a problem document.
    let service = ServiceBuilder::new()
        .layer(
            DeadlineLayer::inbound()
                .total(10 * SECOND)
                .reject_with(buttress_core::RejectWith(|_| unreachable!()))
                .build()
                .unwrap(),
        )
        .service(inner);
    let mut body = Box::pin(service.oneshot(message::get("/")).await.unwrap().into_body());
    assert_eq!(now() - start, 6 * SECOND);
    let mut frames = 0;
    let error = loop {
        match body.frame().await.unwrap() {
            Ok(_) => frames += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(
        (now() - start, frames),
        (10 * SECOND, 4),
        "the frame at the deadline wins, the wait after it does not"
    );
    let late = timed_out(&error).1;
    assert_eq!((late.phase(), late.bound()), (Phase::BodyTotal, Bound::Deadline));
    assert_eq!(Refused::in_error(&error).unwrap().code(), "body_timed_out");
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_is_too_slow_for_the_deadline_gets_one_frame_of_grace() {
    let (body, _) = ScriptedBody::new([data("a"), data("b"), data("c")]);
    let mut body = answer(responses(), body, Some(Deadline::after(now(), 10 * SECOND))).await;
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "a");
    clock::advance(60 * SECOND).await;
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "b");
    let late = timed_out(&body.frame().await.unwrap().unwrap_err()).1;
    assert_eq!((late.phase(), late.elapsed()), (Phase::BodyTotal, 60 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_complete_is_not_cut_for_its_trailers_or_its_end() {
    for last in [None, Some(Step::Trailers(HeaderMap::new()))] {
        let trailers = usize::from(last.is_some());
        let (body, _) = ScriptedBody::new([data("a"), data("b")].into_iter().chain(last));
        let mut body = answer(responses(), body, Some(Deadline::after(now(), 10 * SECOND))).await;
        body.frame().await.unwrap().unwrap();
        clock::advance(60 * SECOND).await;
        let mut frames = 0;
        while let Some(frame) = body.frame().await {
            frame.unwrap();
            frames += 1;
        }
        assert_eq!(frames, 1 + trailers);
    }
}

#[tokio::test(start_paused = true)]
async fn either_clock_can_be_left_out() {
    let soon = Deadline::after(now(), 10 * SECOND);
    let steps = || [Step::Wait(12 * SECOND), data("a"), Step::Wait(3_600 * SECOND), data("b")];
    let (body, _) = ScriptedBody::new(steps());
    let late = answer(responses().without_idle(), body, Some(soon)).await.collect().await.unwrap_err();
    assert_eq!(timed_out(&late).1.phase(), Phase::BodyTotal);
    let (body, _) = ScriptedBody::new(steps());
    let late = answer(responses().without_deadline(), body, Some(soon)).await.collect().await.unwrap_err();
    assert_eq!(timed_out(&late).1.phase(), Phase::BodyIdle);
    let (body, _) = ScriptedBody::new(steps());
    let neither = answer(responses().without_deadline().without_idle(), body, Some(soon)).await;
    assert_eq!(neither.collect().await.unwrap().to_bytes(), "ab");
}

#[tokio::test(start_paused = true)]
async fn an_observing_layer_reports_once_and_the_body_goes_on() {
    let slow = || [data("a"), Step::Wait(60 * SECOND), data("b"), Step::Wait(60 * SECOND), data("c")];
    for (mode, reports) in [(Mode::Observe, vec![(Verdict::WouldRefuse, "body_idle")]), (Mode::Off, vec![])] {
        let recorder = Recorder::new();
        let (body, _) = ScriptedBody::new(slow());
        let body = answer(responses().mode(mode).observer(recorder.clone()), body, None).await;
        assert_eq!(body.collect().await.unwrap().to_bytes(), "abc");
        assert_eq!(recorder.verdicts(), reports);
    }
    let recorder = Recorder::new();
    let (body, _) = ScriptedBody::new([data("a"), data("b"), data("c"), data("d")]);
    let builder = responses().mode(Mode::Observe).observer(recorder.clone());
    let body = answer(builder, body, Some(Deadline::at(now()))).await;
    assert_eq!(body.collect().await.unwrap().to_bytes(), "abcd");
    assert_eq!(recorder.verdicts(), [(Verdict::WouldRefuse, "body_timed_out")]);
}

#[tokio::test(start_paused = true)]
async fn a_cut_body_is_reported_under_the_layers_name() {
    let recorder = Recorder::new();
    let (body, _) = ScriptedBody::new([Step::Hold]);
    let _ = answer(responses().observer(recorder.clone()), body, None).await.collect().await;
    let entries = recorder.entries();
    assert_eq!(
        (&*entries[0].instance, entries[0].verdict, entries[0].code),
        ("response body", Verdict::Refused, "body_idle")
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_body_that_stands_still_fails_where_it_is_read() {
    let inner = service_fn(|request: Request<TimeoutBody<ScriptedBody>>| async {
        let error = request.into_body().collect().await.unwrap_err();
        assert_eq!(timed_out(&error).0, BodySide::Request);
        Ok::<_, Infallible>(now())
    });
    let (body, _) = ScriptedBody::new([data("a"), Step::Hold]);
    let start = now();
    let layer = BodyTimeoutLayer::requests().idle(3 * SECOND).build().unwrap();
    let read = layer.layer(inner).oneshot(message::request(http::Method::POST, "/", body)).await.unwrap();
    assert_eq!(read - start, 3 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn errors_sizes_and_ends_of_the_inner_body_are_kept() {
    let (body, _) = ScriptedBody::new([data("abc"), Step::Fail("reset".into())]);
    let mut body = answer(responses(), body, None).await;
    body.frame().await.unwrap().unwrap();
    let error = body.frame().await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "reset");
    assert!(Refused::in_error(&error).is_none());

    let (body, _) = ScriptedBody::new([data("abc")]);
    let body = answer(responses(), body.sized(), None).await;
    assert_eq!(body.size_hint().exact(), Some(3));
    assert!(!body.is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_there_at_once_needs_no_timer_and_no_allocation() {
    let (body, probe) = ScriptedBody::new([data("a"), data("b")]);
    let mut body = answer(responses(), body, Some(Deadline::after(now(), 10 * SECOND))).await;
    let read = async {
        while let Some(frame) = body.frame().await {
            frame.unwrap();
        }
    };
    let ((), report) = buttress_testkit::allocations_of(read).await;
    assert_eq!((report.count, probe.frames_read()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_hangs_wakes_its_reader_once() {
    let (body, _) = ScriptedBody::new([Step::Hold]);
    let mut body = answer(responses(), body, None).await;
    let mut frame = task::spawn(body.frame());
    assert_pending!(frame.poll());
    clock::advance(15 * SECOND - MILLI).await;
    assert!(!frame.is_woken());
    clock::advance(MILLI).await;
    assert!(frame.is_woken());
}
