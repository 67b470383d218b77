use std::convert::Infallible;
use std::time::Duration;

use buttress_core::{Context, CorrelationId, Deadline, Trail};
use buttress_correlation_id::{Carry, CorrelationIdLayer, carried, scope, spawn, spawn_blocking};
use http::{Request, Response};
use tokio::task::JoinSet;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tracing::Instrument;

use crate::wire::{HEADER, request};
use crate::written::Written;

fn named(name: &str) -> Context {
    let now = tokio::time::Instant::now().into_std();
    let id = CorrelationId::new(name).expect("a valid name");
    Context::new().with_correlation_id(id).with_deadline(Deadline::after(now, Duration::from_secs(1)))
}

/// What code sees of its request: the ID, and whether there is a deadline.
fn seen() -> (Option<String>, bool) {
    tracing::info!("seen");
    let context = Context::current();
    (context.correlation_id().map(ToString::to_string), context.deadline().is_some())
}

fn flow(deadline: bool) -> (Option<String>, bool) {
    (Some("flow-1".to_owned()), deadline)
}

async fn seen_after_an_await() -> (Option<String>, bool) {
    tokio::task::yield_now().await;
    seen()
}

#[tokio::test]
async fn a_background_task_knows_its_request_and_not_its_deadline() {
    let request = async {
        assert_eq!(spawn(seen_after_an_await()).await.unwrap(), flow(false));
        assert_eq!(spawn_blocking(seen).await.unwrap(), flow(false));
        let mut set = JoinSet::new();
        set.spawn(carried(seen_after_an_await()));
        assert_eq!(set.join_next().await.unwrap().unwrap(), flow(false));
    };
    named("flow-1").scope(request).await;
}

#[tokio::test]
async fn the_layer_gives_the_work_around_it_another_id_and_leaves_it_its_deadline() {
    let handler = service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(seen_after_an_await().await))
    });
    let service = ServiceBuilder::new().layer(CorrelationIdLayer::default()).service(handler);
    let answer = service.oneshot(request(&[(HEADER, b"flow-1")]));
    let response = named("around").scope(answer).await.unwrap();
    assert_eq!(response.into_body(), flow(true));
}

#[tokio::test]
async fn a_bare_task_knows_nothing_which_is_why_there_are_others() {
    let mut set = JoinSet::new();
    named("flow-1").run(|| set.spawn(seen_after_an_await()));
    assert_eq!(set.join_next().await.unwrap().unwrap(), (None, false));
}

#[tokio::test]
async fn work_that_the_request_waits_for_can_keep_the_deadline() {
    let request = async {
        assert_eq!(Carry::current().spawn(seen_after_an_await()).await.unwrap(), flow(true));
        assert_eq!(Carry::current().spawn_blocking(seen).await.unwrap(), flow(true));
        assert_eq!(Carry::current().future(seen_after_an_await()).await, flow(true));
        assert_eq!(Carry::current().without_deadline().future(seen_after_an_await()).await, flow(false));
    };
    named("flow-1").scope(request).await;
}

#[test]
fn a_closure_can_be_carried_to_a_thread_of_ones_own() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let carry = runtime.block_on(named("flow-1").scope(async { Carry::current() }));
    let closure = carry.clone().closure(seen);
    assert_eq!(std::thread::spawn(closure).join().unwrap(), flow(true));
    assert_eq!((carry.run(seen), carry.run(seen)), (flow(true), flow(true)), "as often as there are chunks");
    assert_eq!(seen(), (None, false));
}

#[tokio::test]
async fn the_trail_goes_along() {
    let trail = Trail::new();
    let context = named("flow-1").with_trail(trail.clone());
    let leave = async {
        buttress_core::Signal::new("retry", "", buttress_core::Verdict::Retried, "status").report(None);
    };
    context.run(|| spawn(leave)).await.unwrap();
    assert_eq!(trail.to_string(), "retry=retried:status");
}

#[tokio::test]
async fn the_lines_of_a_task_bear_the_span_of_its_request() {
    let written = Written::here();
    let span = tracing::info_span!("request", correlation_id = "flow-1");
    async {
        spawn(seen_after_an_await()).await.unwrap();
        carried(seen_after_an_await()).await;
    }
    .instrument(span)
    .await;
    let lines = written.lines();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.contains(r#"request{correlation_id="flow-1"}"#)), "{lines:?}");
}

#[tokio::test]
async fn a_scope_works_and_logs_under_its_own_id() {
    let written = Written::here();
    let id = CorrelationId::new("job-7").expect("valid");
    assert_eq!(scope(id, seen_after_an_await()).await, (Some("job-7".to_owned()), false));
    assert!(written.text().contains(r#"correlated{correlation_id="job-7"}"#), "{}", written.text());
    assert_eq!(seen(), (None, false));
}

#[tokio::test]
async fn a_task_that_is_aborted_is_dropped_knowing_its_request() {
    struct Leaves(std::sync::mpsc::Sender<(Option<String>, bool)>);
    impl Drop for Leaves {
        fn drop(&mut self) {
            let _ = self.0.send(seen());
        }
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    let leaves = Leaves(sender);
    let task = named("flow-1").run(|| {
        spawn(async move {
            let _leaves = leaves;
            std::future::pending::<()>().await;
        })
    });
    tokio::task::yield_now().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(receiver.try_recv(), Ok(flow(false)));
}
