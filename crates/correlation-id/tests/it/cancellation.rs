use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{self, Poll, Waker};

use buttress_core::Context;
use buttress_correlation_id::CorrelationIdLayer;
use buttress_testkit::drop_at_every_poll;
use http::{Request, Response};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

use crate::wire::{HEADER, echo_of, request};
use crate::written::Written;

/// Notes under which ID it is dropped.
struct Leaves(Arc<Mutex<Vec<Option<String>>>>);

impl Drop for Leaves {
    fn drop(&mut self) {
        tracing::info!("left");
        let id = Context::with_current(|context| context.correlation_id().map(ToString::to_string));
        self.0.lock().unwrap().push(id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_dropped_at_any_await_is_dropped_under_its_id_and_leaves_nothing_behind() {
    let written = Written::here();
    let left = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&left);
    let inner = service_fn(move |_: Request<()>| {
        let leaves = Leaves(Arc::clone(&sink));
        async move {
            let _leaves = leaves;
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            Ok::<_, Infallible>(Response::new(()))
        }
    });
    let service = ServiceBuilder::new().layer(CorrelationIdLayer::default()).service(inner);
    let polls = drop_at_every_poll(
        || service.clone().oneshot(request(&[(HEADER, b"flow-1")])),
        |_| assert!(Context::current().correlation_id().is_none()),
    )
    .await;
    assert_eq!(polls, 4);
    let left = left.lock().unwrap();
    assert!(left.len() >= polls && left.iter().all(|id| id.as_deref() == Some("flow-1")), "{left:?}");
    assert!(written.lines().iter().all(|line| line.contains(r#"correlation_id="flow-1""#)));
}

#[test]
fn a_future_that_has_answered_is_dropped_at_once_under_its_id() {
    struct Answered(#[expect(dead_code, reason = "it is there to be dropped")] Leaves);
    impl Future for Answered {
        type Output = Result<Response<()>, Infallible>;

        fn poll(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Self::Output> {
            Poll::Ready(Ok(Response::new(())))
        }
    }
    let left = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&left);
    let inner = service_fn(move |_: Request<()>| Answered(Leaves(Arc::clone(&sink))));
    let mut service = ServiceBuilder::new().layer(CorrelationIdLayer::default()).service(inner);
    let mut response = pin!(service.call(request(&[(HEADER, b"flow-1")])));
    let mut cx = task::Context::from_waker(Waker::noop());
    assert!(response.as_mut().poll(&mut cx).is_ready());
    let seen = left.lock().unwrap().clone();
    assert_eq!(seen, [Some("flow-1".to_owned())]);
    assert!(response.as_mut().poll(&mut cx).is_pending(), "asked once too often, it does not panic");
}

#[tokio::test]
async fn interleaved_requests_keep_their_ids_apart() {
    let inner = service_fn(|_: Request<()>| async {
        let mut seen = Vec::new();
        for _ in 0..5 {
            tokio::task::yield_now().await;
            tracing::info!("step");
            seen.extend(Context::current().correlation_id().map(ToString::to_string));
        }
        Ok::<_, Infallible>(Response::new(seen))
    });
    let written = Written::here();
    let service = ServiceBuilder::new().layer(CorrelationIdLayer::default()).service(inner);
    let (one, other) = tokio::join!(
        service.clone().oneshot(request(&[(HEADER, b"one")])),
        service.oneshot(request(&[(HEADER, b"other")])),
    );
    for (response, name) in [(one.unwrap(), "one"), (other.unwrap(), "other")] {
        assert_eq!(*response.body(), [name; 5]);
        assert_eq!(echo_of(&response).as_deref(), Some(name));
    }
    let lines = written.lines();
    let of =
        |name: &str| lines.iter().filter(|line| line.contains(&format!("correlation_id=\"{name}\""))).count();
    assert_eq!((lines.len(), of("one"), of("other")), (10, 5, 5));
    assert_ne!(lines[0].contains("\"one\""), lines[1].contains("\"one\""), "they took turns");
}
