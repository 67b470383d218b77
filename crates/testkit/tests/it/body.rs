use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use buttress_testkit::{CountingWaker, ScriptedBody, Step, message};
use http::HeaderMap;
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_body_follows_its_script_and_tells_how_far_it_was_read() {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-end", http::HeaderValue::from_static("yes"));
    let steps = [
        Step::Data("one".into()),
        Step::Wait(Duration::from_secs(3)),
        Step::Data("two2".into()),
        Step::Trailers(trailers),
    ];
    let (mut body, probe) = ScriptedBody::new(steps);
    let start = Instant::now();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
    assert_eq!((probe.frames_read(), probe.bytes_read(), probe.is_ended()), (1, 3, false));
    let rest = body.collect().await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    assert_eq!(rest.trailers().unwrap()["x-end"], "yes");
    assert_eq!(rest.to_bytes(), "two2");
    assert_eq!(
        (probe.frames_read(), probe.bytes_read(), probe.is_ended(), probe.is_dropped()),
        (3, 7, true, true)
    );
}

#[test]
fn a_held_body_waits_for_its_release_and_wakes() {
    let (mut body, probe) = ScriptedBody::new([Step::Hold, Step::Data("late".into())]);
    let waker = CountingWaker::new();
    let mut poll = || Pin::new(&mut body).poll_frame(&mut Context::from_waker(&waker.waker()));
    assert!(poll().is_pending());
    probe.release();
    assert!(waker.take_woken());
    assert!(matches!(poll(), Poll::Ready(Some(Ok(_)))));
    assert_eq!((probe.polls(), probe.is_dropped()), (2, false));
}

#[tokio::test(start_paused = true)]
async fn a_failure_ends_the_body() {
    let (mut body, probe) = ScriptedBody::new([Step::Fail("reset".into()), Step::Data("never".into())]);
    assert_eq!(body.frame().await.unwrap().unwrap_err().to_string(), "reset");
    assert!(body.frame().await.is_none());
    assert!(probe.is_ended());
}

#[tokio::test(start_paused = true)]
async fn the_size_is_unknown_unless_it_is_asked_for() {
    let steps = || [Step::Data("abc".into()), Step::Data("d".into())];
    assert_eq!(ScriptedBody::new(steps()).0.size_hint().exact(), None);
    let mut sized = ScriptedBody::new(steps()).0.sized();
    assert_eq!(sized.size_hint().exact(), Some(4));
    sized.frame().await.unwrap().unwrap();
    assert_eq!((sized.size_hint().exact(), sized.is_end_stream()), (Some(1), false));
    assert_eq!(message::read(sized).await, "d");
}
