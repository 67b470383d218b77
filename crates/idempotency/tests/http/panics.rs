//! Panics of others, and runtimes that end.

use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use buttress_core::Signal;
use buttress_idempotency::testing::Sickness;
use buttress_idempotency::{
    Claim, Claimed, Event, IdempotencyLayer, Invalidated, MemoryStore, RecordId, Step, Stepped, Store,
    StoreError, Ticket,
};
use buttress_testkit::message;
use http::{Request, Response};
use tokio::runtime::Builder;
use tower::{Layer, ServiceExt, service_fn};

use crate::{Orders, builder, code, request, store};

struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "in the middle of a drop");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_when_it_is_dropped_has_ended_all_the_same() {
    let layer = builder(&store()).longest_run(Duration::from_millis(10)).build().unwrap();
    let service = layer.layer(service_fn(|_: Request<Body>| async {
        let _panics = PanicsInDrop;
        pending::<()>().await;
        Ok::<_, Infallible>(Response::new(Body::empty()))
    }));
    let answer = message::send(&service, request("/", "k", "")).await;
    assert_eq!(code(&answer.body), "idempotency_handler_overdue");
    let totals = layer.handle().stats().totals();
    assert_eq!((totals[Event::Abandoned], totals.in_flight()), (1, 0));
}

/// A store that panics at each renewal, and counts them.
#[derive(Debug, Default)]
struct Fragile {
    store: MemoryStore,
    renewals: AtomicUsize,
}

impl Store for Fragile {
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.store.claim(claim).await
    }

    async fn step(&self, ticket: &Ticket, step: &Step) -> Result<Stepped, StoreError> {
        if matches!(step, Step::Renew { .. }) {
            panic!("at renewal {}", self.renewals.fetch_add(1, Ordering::SeqCst));
        }
        self.store.step(ticket, step).await
    }

    async fn invalidate(&self, id: RecordId) -> Result<Invalidated, StoreError> {
        self.store.invalidate(id).await
    }

    async fn clear(&self) -> Result<u64, StoreError> {
        self.store.clear().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_has_not_answered_and_the_run_goes_on() {
    let layer = IdempotencyLayer::inbound(Fragile::default()).one_scope_for_all().build().unwrap();
    let service = layer.layer(service_fn(|_: Request<Body>| async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        Ok::<_, Infallible>(Response::new(Body::from("done")))
    }));
    assert_eq!(message::send(&service, request("/", "k", "")).await.body, "done");
    assert_eq!(layer.handle().stats().totals()[Event::Completed], 1);
    assert!(layer.handle().store().renewals.load(Ordering::SeqCst) > 1, "it was asked again");
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_costs_no_answer() {
    let (shop, orders) = (store(), Orders::default());
    let layer = builder(&shop).observer(|signal: &Signal<'_>| panic!("{}", signal.code)).build().unwrap();
    let router = orders.router(&layer);
    shop.fall_sick(Sickness::FailsSteps);
    let first = message::send(&router, request("/orders", "k", "")).await;
    shop.heal();
    assert_eq!(layer.shutdown(Duration::from_secs(60)).await, 0);
    assert_eq!(message::send(&router, request("/orders", "k", "")).await.body, first.body);
    assert_eq!((orders.runs(), layer.handle().stats().totals().in_flight()), (1, 0));
}

#[test]
fn a_runtime_that_ends_leaves_nothing_in_flight() {
    let layer = builder(&store()).build().unwrap();
    let service = layer.layer(service_fn(|_: Request<Body>| async {
        pending::<()>().await;
        Ok::<_, Infallible>(Response::new(Body::empty()))
    }));
    let runtime = || Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime().block_on(async {
        let call = service.oneshot(request("/", "k", ""));
        assert!(tokio::time::timeout(Duration::from_millis(10), call).await.is_err());
    });
    assert_eq!(runtime().block_on(layer.shutdown(Duration::from_millis(10))), 0);
    let totals = layer.handle().stats().totals();
    assert_eq!((totals[Event::Abandoned], totals.in_flight()), (1, 0));
}
