//! What nobody finished is not forgotten.

#![expect(clippy::disallowed_methods, reason = "clients are tasks, and each is awaited")]

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use buttress_idempotency::testing::Sickness;
use buttress_idempotency::{Ending, Event, Idempotency, StoreErrorKind, WhenAbandoned, WhenStoreFails};
use buttress_testkit::{clock, message};
use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};

use crate::{builder, code, header, request, store};

fn answer(status: u16) -> Response<Body> {
    Response::builder().status(status).body(Body::empty()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn after_a_run_that_nobody_finished_only_the_handlers_word_makes_things_good_again() {
    for (says, third_recovers) in [(None, true), (Some(Ending::Release), false)] {
        let (seen, layer) = (Arc::new(Mutex::new(Vec::new())), builder(&store()).build().unwrap());
        let saw = Arc::clone(&seen);
        let service = layer.layer(service_fn(move |request: Request<Body>| {
            let run = request.extensions().get::<Idempotency>().unwrap().clone();
            saw.lock().unwrap().push(run.is_recovery());
            async move {
                assert!(run.attempt() > 1, "panics after its effect");
                let mut answer = answer(if run.attempt() == 2 { 503 } else { 200 });
                says.map(|ending| answer.extensions_mut().insert(ending));
                Ok::<_, Infallible>(answer)
            }
        }));
        for _ in 0..3 {
            message::send(&service, request("/", "k", "")).await;
        }
        assert_eq!(*seen.lock().unwrap(), [false, true, third_recovers], "{says:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_gave_up_on_a_handler_leaves_an_unknown_outcome() {
    for status in [408, 504] {
        let layer = builder(&store()).build().unwrap();
        let service = layer.layer(service_fn(move |_| async move { Ok::<_, Infallible>(answer(status)) }));
        for _ in 0..2 {
            message::send(&service, request("/", "k", "")).await;
        }
        let totals = layer.handle().stats().totals();
        assert_eq!((totals[Event::Abandoned], totals[Event::Recovered]), (2, 1), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_was_lost_is_given_up_however_long_the_store_is_ill() {
    for ill_for in [1, 3, 10, 25].map(Duration::from_secs) {
        let shop = store();
        let layer = builder(&shop).when_abandoned(WhenAbandoned::Refuse).build().unwrap();
        let service = layer.layer(service_fn(|_| async { Ok::<_, Infallible>(answer(200)) }));
        shop.fall_sick(Sickness::LosesAnswers);
        assert_eq!(message::send(&service, request("/", "k", "")).await.status, 503);
        tokio::time::sleep(ill_for).await;
        shop.heal();
        tokio::time::sleep(Duration::from_secs(3)).await;
        let again = message::send(&service, request("/", "k", "")).await;
        assert_eq!(again.status, 200, "ill for {ill_for:?}: {}", code(&again.body));
    }
}

/// A layer that goes on without its store, and how many handlers have begun and ended.
struct Careless {
    began: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

impl Careless {
    fn new() -> Self {
        Self { began: Arc::default(), ended: Arc::default() }
    }

    fn layered(&self, layer: &buttress_idempotency::IdempotencyLayer<crate::Shop>) -> axum::Router {
        let (began, ended) = (Arc::clone(&self.began), Arc::clone(&self.ended));
        let service = layer.layer(service_fn(move |_: Request<Body>| {
            let (began, ended) = (Arc::clone(&began), Arc::clone(&ended));
            async move {
                began.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(1)).await;
                ended.fetch_add(1, Ordering::SeqCst);
                Ok::<_, Infallible>(answer(200))
            }
        }));
        axum::Router::new().fallback_service(service)
    }

    fn runs(&self) -> (usize, usize) {
        (self.began.load(Ordering::SeqCst), self.ended.load(Ordering::SeqCst))
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_without_protection_is_not_taken_for_nothing_when_the_store_knows_of_it() {
    let (shop, careless) = (store(), Careless::new());
    let going_on = builder(&shop).when_store_fails(WhenStoreFails::Continue);
    let layer = going_on.when_abandoned(WhenAbandoned::Refuse).build().unwrap();
    let router = careless.layered(&layer);
    shop.fall_sick(Sickness::LosesAnswers);
    let first = message::send(&router, request("/", "k", "")).await;
    assert_eq!(header(&first.headers, "idempotency-status"), Some("unprotected"));
    shop.heal();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let again = message::send(&router, request("/", "k", "")).await;
    assert_eq!((code(&again.body).as_str(), careless.runs()), ("idempotency_outcome_unknown", (1, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_run_without_protection_goes_on_when_the_client_leaves_and_once_at_a_time() {
    let (shop, careless) = (store(), Careless::new());
    let layer = builder(&shop).when_store_fails(WhenStoreFails::Continue).build().unwrap();
    let router = careless.layered(&layer);
    shop.fall_sick(Sickness::Fails(StoreErrorKind::Full));
    let call = router.clone().oneshot(request("/", "left", ""));
    assert!(tokio::time::timeout(Duration::from_millis(100), call).await.is_err());
    assert_eq!(layer.shutdown(Duration::ZERO).await, 1);
    assert_eq!(layer.shutdown(Duration::from_secs(2)).await, 0);
    assert_eq!(careless.runs(), (1, 1));
    shop.fall_sick(Sickness::Hangs);
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let router = router.clone();
            tokio::task::spawn(
                async move { message::send(&router, request("/", "k", "")).await.status.as_u16() },
            )
        })
        .collect();
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(call.await.unwrap());
    }
    assert_eq!((careless.runs(), statuses.iter().filter(|status| **status == 200).count()), ((2, 2), 1));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_run_without_protection_does_not_run_it_once_more() {
    let (shop, careless) = (store(), Careless::new());
    let going_on = builder(&shop).when_store_fails(WhenStoreFails::Continue);
    let router = careless.layered(&going_on.wait(Duration::from_secs(5)).build().unwrap());
    shop.fall_sick(Sickness::Fails(StoreErrorKind::Full));
    let (first, second) = tokio::join!(
        message::send(&router, request("/", "k", "")),
        message::send(&router, request("/", "k", "")),
    );
    assert_eq!((first.status.as_u16(), second.status.as_u16(), careless.runs()), (200, 503, (1, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_lets_nothing_run() {
    let (shop, careless) = (store(), Careless::new());
    let layer = builder(&shop).when_store_fails(WhenStoreFails::Continue).build().unwrap();
    let router = careless.layered(&layer);
    message::send(&router, request("/", "k", "")).await;
    for kind in [StoreErrorKind::Corrupt, StoreErrorKind::ScopeFull] {
        shop.fall_sick(Sickness::Fails(kind));
        assert!(message::send(&router, request("/", "k", "")).await.status.as_u16() >= 429);
    }
    clock::settle().await;
    assert_eq!(careless.runs(), (1, 1));
}
