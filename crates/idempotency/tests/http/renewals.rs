//! Who renews the leases of runs.

#![expect(clippy::disallowed_methods, reason = "clients are tasks, and each is awaited")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use axum::body::Body;
use buttress_idempotency::{Event, IdempotencyLayer};
use buttress_testkit::clock;
use http::{Request, Response};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::spawn;
use tower::{Layer, ServiceExt, service_fn};

use crate::{Orders, Shop, builder, request, store};

const SECOND: Duration = Duration::from_secs(1);

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

#[tokio::test(start_paused = true)]
async fn a_run_has_no_task_for_its_lease_before_that_is_a_quarter_old() {
    let shop = store();
    let service = builder(&shop).lease(60 * SECOND).build().unwrap().layer(service_fn(
        |request: Request<Body>| async move {
            let seconds = request.uri().path()[1..].parse().unwrap();
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok::<_, Infallible>(Response::new(Body::empty()))
        },
    ));
    let call = |path, key| spawn(service.clone().oneshot(request(path, key, "")));
    let short = ["a", "b", "c", "d"].map(|key| call("/14", key));
    let long = ["e", "f"].map(|key| call("/50", key));
    clock::settle().await;
    assert_eq!((tasks(), shop.steps()), (2 * 6 + 1, 0), "six calls, six runs, and one that watches");
    clock::advance(14 * SECOND).await;
    for call in short {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!((tasks(), shop.steps()), (2 * 2 + 1, 4), "four have ended");
    clock::advance(5 * SECOND).await;
    assert_eq!(tasks(), 3 * 2 + 1, "each of the others has one more");
    clock::advance(2 * SECOND).await;
    assert_eq!(shop.steps(), 4 + 2, "the others were renewed when a third was over");
    for call in long {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    clock::advance(4 * SECOND).await;
    assert_eq!(tasks(), 0, "nobody watches where nothing runs");
}

#[tokio::test(start_paused = true)]
async fn runs_are_watched_again_after_a_time_without_any() {
    let (shop, orders) = (store(), Orders::default());
    let layer = builder(&shop).lease(Duration::from_secs(2)).build().unwrap();
    for key in ["a", "b", "c"] {
        let answer = orders.router(&layer).oneshot(request("/orders", key, "")).await.unwrap();
        assert_eq!(answer.status(), 200);
        clock::advance(SECOND).await;
        assert_eq!(tasks(), 0);
    }
    assert_eq!(shop.steps(), 3 * 2, "each run was renewed once and completed");
}

/// A runtime of one thread, in a thread of its own, that does nothing but this.
fn runs_in_a_thread(work: impl Future<Output = ()> + Send + 'static) -> thread::JoinHandle<()> {
    let runtime: Runtime = Builder::new_current_thread().enable_time().build().unwrap();
    thread::spawn(move || runtime.block_on(work))
}

/// Runs until it is told to end, and either waits or blocks its thread.
fn patient(
    layer: &IdempotencyLayer<Shop>,
    key: &'static str,
) -> (impl Future<Output = ()> + Send + use<>, mpsc::Sender<()>, mpsc::Receiver<()>) {
    let ((ends, end), (begins, begun)) = (mpsc::channel::<()>(), mpsc::channel());
    let (end, blocks) = (Arc::new(Mutex::new(end)), key == "blocks");
    let service = layer.layer(service_fn(move |_: Request<Body>| {
        let (end, begins) = (Arc::clone(&end), begins.clone());
        async move {
            begins.send(()).unwrap();
            while end.lock().unwrap().try_recv() == Err(mpsc::TryRecvError::Empty) {
                if blocks {
                    thread::yield_now();
                } else {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }
    }));
    let call = service.oneshot(request("/", key, ""));
    (async move { assert_eq!(call.await.unwrap().status(), 200) }, ends, begun)
}

fn until(what: impl Fn() -> bool) {
    let began = tokio::time::Instant::now();
    while !what() {
        assert!(began.elapsed() < 20 * SECOND);
        thread::yield_now();
    }
}

#[test]
fn a_runtime_that_is_blocked_keeps_no_other_from_renewing() {
    let shop = store();
    let layer = builder(&shop).lease(Duration::from_millis(500)).build().unwrap();
    let (blocks, end_blocking, begun) = patient(&layer, "blocks");
    let blocked = runs_in_a_thread(blocks);
    begun.recv().unwrap();
    let (waits, end_waiting, _begun) = patient(&layer, "waits");
    let other = runs_in_a_thread(waits);
    until(|| shop.steps() >= 3);
    end_waiting.send(()).unwrap();
    other.join().unwrap();
    end_blocking.send(()).unwrap();
    blocked.join().unwrap();
}

#[test]
fn a_runtime_that_ends_takes_nobody_with_it_who_renews_elsewhere() {
    let shop = store();
    let layer = builder(&shop).lease(Duration::from_millis(500)).build().unwrap();
    let (leaves, _never, begun) = patient(&layer, "leaves");
    runs_in_a_thread(async move {
        let call = spawn(leaves);
        while begun.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
        drop(call);
    })
    .join()
    .unwrap();
    let totals = layer.handle().stats().totals();
    assert_eq!((totals[Event::Abandoned], totals.in_flight()), (1, 0));
    let (waits, end_waiting, _begun) = patient(&layer, "waits");
    let other = runs_in_a_thread(waits);
    until(|| shop.steps() >= 3);
    end_waiting.send(()).unwrap();
    other.join().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_its_thread_without_a_word_to_the_runtime_keeps_its_lease() {
    let shop = store();
    let layer = builder(&shop).lease(Duration::from_millis(200)).build().unwrap();
    let (blocks, end_blocking, _begun) = patient(&layer, "blocks");
    let call = spawn(blocks);
    let watched = Arc::clone(&shop);
    tokio::task::spawn_blocking(move || until(|| watched.steps() >= 3)).await.unwrap();
    end_blocking.send(()).unwrap();
    call.await.unwrap();
}
