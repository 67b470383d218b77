//! Who holds a record, and who hears that he does not.

#![expect(clippy::disallowed_methods, reason = "clients are tasks, and each is awaited")]

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use axum::body::Body;
use buttress_core::Entropy;
use buttress_idempotency::testing::Sickness;
use buttress_idempotency::{
    Claim, Claimed, Event, Idempotency, IdempotencyLayer, Invalidated, MemoryStore, RecordId, Step, Stepped,
    Store, StoreError, Ticket,
};
use buttress_testkit::{clock, message};
use http::{Request, Response};
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};

use crate::{Orders, builder, request, store};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_its_thread_keeps_its_lease() {
    let shop = store();
    let layer = builder(&shop).lease(Duration::from_millis(100)).build().unwrap();
    let (goes_on, waits) = mpsc::channel::<()>();
    let waits = Arc::new(Mutex::new(waits));
    let service = layer.layer(service_fn(move |_: Request<Body>| {
        let waits = Arc::clone(&waits);
        async move {
            tokio::task::block_in_place(|| waits.lock().unwrap().recv().unwrap());
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }
    }));
    let call = tokio::task::spawn(service.oneshot(request("/", "k", "")));
    let began = Instant::now();
    while shop.steps() < 3 {
        assert!(began.elapsed() < Duration::from_secs(20), "{} renewals", shop.steps());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    goes_on.send(()).unwrap();
    assert_eq!(call.await.unwrap().unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_run_is_told_in_time_even_by_a_store_that_is_given_long() {
    let shop = store();
    let layer =
        builder(&shop).lease(Duration::from_secs(3)).store_time(Duration::from_secs(60)).build().unwrap();
    let told_at = Arc::new(Mutex::new(None));
    let tells = Arc::clone(&told_at);
    let service = layer.layer(service_fn(move |request: Request<Body>| {
        let tells = Arc::clone(&tells);
        async move {
            let run = request.extensions().get::<Idempotency>().unwrap().clone();
            run.lost().await;
            *tells.lock().unwrap() = Some(Instant::now());
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }
    }));
    let began = Instant::now();
    let call = tokio::task::spawn(service.oneshot(request("/", "k", "")));
    clock::settle().await;
    shop.fall_sick(Sickness::Hangs);
    clock::until(Duration::from_secs(10), || told_at.lock().unwrap().is_some()).await;
    let told_after = told_at.lock().unwrap().unwrap() - began;
    assert!((2_500..2_510).contains(&told_after.as_millis()), "a sixth of the lease is left: {told_after:?}");
    shop.heal();
    call.await.unwrap().unwrap();
}

/// A store that can be restarted empty.
#[derive(Clone, Debug, Default)]
struct Restarts(Arc<Mutex<MemoryStore>>);

impl Restarts {
    fn now(&self) -> MemoryStore {
        self.0.lock().unwrap().clone()
    }

    fn lose_all(&self) {
        *self.0.lock().unwrap() = MemoryStore::default();
    }
}

impl Store for Restarts {
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.now().claim(claim).await
    }

    async fn step(&self, ticket: &Ticket, step: &Step) -> Result<Stepped, StoreError> {
        self.now().step(ticket, step).await
    }

    async fn invalidate(&self, id: RecordId) -> Result<Invalidated, StoreError> {
        self.now().invalidate(id).await
    }

    async fn clear(&self) -> Result<u64, StoreError> {
        self.now().clear().await
    }
}

/// A service whose runs take a minute, and how many there were.
fn slow(shop: &Restarts) -> (IdempotencyLayer<Restarts>, axum::Router, Arc<AtomicUsize>) {
    let layer = IdempotencyLayer::inbound(shop.clone()).one_scope_for_all().build().unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let service = layer.layer(service_fn(move |request: Request<Body>| {
        let run = counted.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            let held = request.extensions().get::<Idempotency>().unwrap().clone();
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok::<_, Infallible>(Response::new(Body::from(format!("run {run}, lost: {}", held.is_lost()))))
        }
    }));
    (layer, axum::Router::new().fallback_service(service), runs)
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_record_was_lost_takes_it_again_and_its_answer_is_kept() {
    for lost_after in [1, 55].map(Duration::from_secs) {
        let shop = Restarts::default();
        let (layer, router, runs) = slow(&shop);
        let first = tokio::task::spawn({
            let router = router.clone();
            async move { message::send(&router, request("/", "k", "")).await }
        });
        tokio::time::sleep(lost_after).await;
        shop.lose_all();
        assert_eq!(
            message::send(&router, request("/", "k", "")).await.status,
            409,
            "here it is known to run"
        );
        let first = first.await.unwrap();
        assert_eq!(first.body, "run 1, lost: false");
        assert_eq!(message::send(&router, request("/", "k", "")).await.body, first.body);
        let totals = layer.handle().stats().totals();
        assert_eq!((runs.load(Ordering::SeqCst), totals[Event::Completed]), (1, 1), "{lost_after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_record_another_has_taken_since_it_was_lost_is_told() {
    let shop = Restarts::default();
    let (layer, router, runs) = slow(&shop);
    let elsewhere = {
        let inner = service_fn(|_: Request<Body>| async {
            tokio::time::sleep(Duration::from_secs(90)).await;
            Ok::<_, Infallible>(Response::new(Body::from("the other")))
        });
        axum::Router::new().fallback_service(layer.fresh().layer(inner))
    };
    let first = tokio::task::spawn({
        let router = router.clone();
        async move { message::send(&router, request("/", "k", "")).await }
    });
    clock::settle().await;
    shop.lose_all();
    let other = tokio::task::spawn(async move { message::send(&elsewhere, request("/", "k", "")).await });
    let first = first.await.unwrap();
    assert_eq!(first.status, 409, "the other's answer is the one that counts, and is not there yet");
    assert_eq!(other.await.unwrap().body, "the other");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn two_processes_with_one_seed_do_not_own_each_others_claims() {
    let (shop, orders) = (store(), Orders::default());
    let [one, other] = [(); 2].map(|()| builder(&shop).entropy(Entropy::seeded(7)).build().unwrap());
    let (one, other) = (orders.router(&one), orders.router(&other));
    let answers = tokio::join!(
        message::send(&one, request("/orders", "k", "")),
        message::send(&other, request("/orders", "k", "")),
    );
    assert_eq!((answers.0.status.as_u16(), answers.1.status.as_u16(), orders.runs()), (200, 409, 1));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_overtaken_says_that_its_handler_was_reached() {
    let shop = store();
    let layer = builder(&shop).lease(Duration::from_millis(300)).build().unwrap();
    let slow = |seconds| {
        service_fn(move |_: Request<Body>| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok::<_, Infallible>(Response::new(Body::empty()))
        })
    };
    let zombie = tokio::task::spawn(layer.layer(slow(5)).oneshot(request("/", "k", "")));
    clock::settle().await;
    shop.fall_sick(Sickness::FailsSteps);
    clock::advance(Duration::from_secs(1)).await;
    let heir = tokio::task::spawn(layer.fresh().layer(slow(50)).oneshot(request("/", "k", "")));
    clock::settle().await;
    shop.heal();
    let answer = zombie.await.unwrap().unwrap();
    let why = buttress_http::refused_in(&answer).unwrap();
    assert_eq!((why.code(), why.reached_inner()), ("idempotency_in_flight", true));
    assert_eq!(heir.await.unwrap().unwrap().status(), 200);
}
