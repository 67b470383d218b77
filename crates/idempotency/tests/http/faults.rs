use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Body;
use buttress_core::Verdict;
use buttress_idempotency::testing::Sickness;
use buttress_idempotency::{
    Claim, Claimed, Event, IdempotencyLayer, Invalidated, MemoryStore, RecordId, Step, Stepped, Store,
    StoreError, StoreErrorKind, Ticket, WhenStoreFails,
};
use buttress_testkit::{Recorder, clock, message};
use http::{Request, Response};
use tower::{Layer, service_fn};

use crate::{Orders, builder, code, header, request, store};

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_at_the_claim_lets_nothing_run() {
    for (sickness, status, expected) in [
        (Sickness::Fails(StoreErrorKind::Unreachable), 503, "idempotency_store_unavailable"),
        (Sickness::Fails(StoreErrorKind::Corrupt), 503, "idempotency_store_unavailable"),
        (Sickness::Fails(StoreErrorKind::ScopeFull), 429, "idempotency_scope_full"),
        (Sickness::Hangs, 503, "idempotency_store_unavailable"),
        (Sickness::LosesAnswers, 503, "idempotency_store_unavailable"),
    ] {
        let shop = store();
        let (orders, layer) = (Orders::default(), builder(&shop).build().unwrap());
        let router = orders.router(&layer);
        shop.fall_sick(sickness);
        let answer = message::send(&router, request("/orders", "k", "")).await;
        assert_eq!((answer.status.as_u16(), code(&answer.body).as_str()), (status, expected), "{sickness:?}");
        assert_eq!((orders.runs(), header(&answer.headers, "retry-after")), (0, Some("1")), "I3");
        let is_final =
            matches!(sickness, Sickness::Fails(StoreErrorKind::Corrupt | StoreErrorKind::ScopeFull));
        assert_eq!(
            shop.claims() >= 2,
            !is_final,
            "what may have happened is asked for once more: {sickness:?}"
        );
        shop.heal();
        // A claim whose answer was lost is given up well before its lease ends.
        clock::advance(Duration::from_secs(2)).await;
        let again = message::send(&router, request("/orders", "k", "")).await;
        assert_eq!((again.status.as_u16(), &again.body[..]), (200, &b"order 1"[..]), "{sickness:?}");
        assert_eq!(layer.shutdown(Duration::from_secs(5)).await, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_runs_unprotected_only_where_that_was_chosen_and_says_so() {
    let shop = store();
    let (orders, layer) =
        (Orders::default(), builder(&shop).when_store_fails(WhenStoreFails::Continue).build().unwrap());
    shop.fall_sick(Sickness::Fails(StoreErrorKind::Unreachable));
    let answer = message::send(&orders.router(&layer), request("/orders", "k", "")).await;
    assert_eq!(
        (answer.status.as_u16(), header(&answer.headers, "idempotency-status")),
        (200, Some("unprotected"))
    );
    assert_eq!((orders.runs(), layer.handle().stats().totals()[Event::StoreFailed]), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_at_the_end_delays_neither_the_answer_nor_the_record_for_good() {
    let shop = store();
    let (orders, layer) = (Orders::default(), builder(&shop).build().unwrap());
    let router = orders.router(&layer);
    shop.fall_sick(Sickness::FailsSteps);
    let first = message::send(&router, request("/orders", "k", "")).await;
    assert_eq!((first.status.as_u16(), header(&first.headers, "idempotency-retention")), (200, None));
    let meanwhile = message::send(&router, request("/orders", "k", "")).await;
    assert_eq!(
        (&meanwhile.body, header(&meanwhile.headers, "idempotent-replayed")),
        (&first.body, Some("true"))
    );
    let elsewhere = orders.router(&layer.fresh());
    assert_eq!(message::send(&elsewhere, request("/orders", "k", "")).await.status, 409);
    shop.heal();
    assert_eq!(layer.shutdown(Duration::from_secs(60)).await, 0);
    let again = message::send(&router, request("/orders", "k", "")).await;
    assert_eq!(
        (&again.body, orders.runs(), layer.handle().stats().totals().in_flight()),
        (&first.body, 1, 0)
    );
}

/// How long a request took, and its status.
async fn timed(router: &axum::Router, key: &str) -> (Duration, u16) {
    let from = tokio::time::Instant::now();
    let status = message::send(router, request("/orders", key, "")).await.status.as_u16();
    (from.elapsed(), status)
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_out_costs_the_time_of_a_few_requests_and_not_of_each() {
    let (shop, heard) = (store(), Recorder::new());
    let (orders, layer) = (Orders::default(), builder(&shop).observer(heard.clone()).build().unwrap());
    let router = orders.router(&layer);
    shop.fall_sick(Sickness::Hangs);
    for key in ["a", "b", "c", "d"] {
        assert_eq!(timed(&router, key).await, (Duration::from_millis(500), 503), "asked twice");
    }
    assert_eq!(timed(&router, "e").await, (Duration::from_millis(250), 503), "it is sick by now");
    let (asked, mut slow) = (shop.claims(), 0);
    for number in 0..100 {
        let (took, status) = timed(&router, &number.to_string()).await;
        assert_eq!(status, 503);
        slow += usize::from(!took.is_zero());
        assert!(took <= Duration::from_millis(250), "a sick store is asked once");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert!((3..=5).contains(&slow), "{slow} in three seconds and a little");
    assert!(shop.claims() - asked < 50, "with those that are given up behind: {}", shop.claims() - asked);
    shop.heal();
    clock::advance(Duration::from_secs(1)).await;
    assert_eq!(timed(&router, "healed").await.1, 200);
    let changes: Vec<_> =
        heard.verdicts().into_iter().filter(|(verdict, _)| *verdict == Verdict::Changed).collect();
    assert_eq!(changes, [(Verdict::Changed, "store_sick"), (Verdict::Changed, "store_well")]);
}

#[tokio::test(start_paused = true)]
async fn runs_that_began_before_an_outage_end_as_ever_and_show_that_it_is_over() {
    let shop = store();
    let (orders, layer) = (Orders::default(), builder(&shop).build().unwrap());
    let router = orders.router(&layer);
    let (first, ()) = tokio::join!(message::send(&router, request("/orders", "k", "")), async {
        clock::settle().await;
        shop.fall_sick(Sickness::Hangs);
        tokio::join!(
            timed(&router, "a"),
            timed(&router, "b"),
            timed(&router, "c"),
            timed(&router, "d"),
            timed(&router, "e"),
        );
        assert_eq!(timed(&router, "f").await, (Duration::ZERO, 503), "it is sick by now");
        shop.heal();
    });
    assert_eq!(
        (first.status.as_u16(), header(&first.headers, "idempotency-retention")),
        (200, Some("86400"))
    );
    assert_eq!(timed(&router, "after").await.1, 200, "the end of the run was an answer");
}

/// A store in which nobody is told of the first record.
#[derive(Debug, Default)]
struct OneHangs {
    store: MemoryStore,
    first: OnceLock<RecordId>,
}

impl Store for OneHangs {
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        if *self.first.get_or_init(|| claim.id) == claim.id {
            std::future::pending::<()>().await;
        }
        self.store.claim(claim).await
    }

    async fn step(&self, ticket: &Ticket, step: &Step) -> Result<Stepped, StoreError> {
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
async fn one_record_that_hangs_does_not_make_the_store_sick_for_all() {
    let layer = IdempotencyLayer::inbound(OneHangs::default()).one_scope_for_all().build().unwrap();
    let handler = service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let service = layer.layer(handler);
    for _ in 0..10 {
        assert_eq!(message::send(&service, request("/", "hangs", "")).await.status, 503);
    }
    assert_eq!(message::send(&service, request("/", "other", "")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn endings_that_cannot_be_written_for_good_hold_no_places() {
    let shop = store();
    let layer = builder(&shop).max_requests(1).build().unwrap();
    let (orders, broken) = (Orders::default(), Arc::clone(&shop));
    let handler = service_fn(move |_: Request<Body>| {
        broken.fall_sick(Sickness::Fails(StoreErrorKind::Corrupt));
        async { Ok::<_, Infallible>(Response::new(Body::empty())) }
    });
    assert_eq!(message::send(&layer.layer(handler), request("/", "k", "")).await.status, 200);
    assert_eq!(layer.shutdown(Duration::ZERO).await, 0);
    shop.heal();
    assert_eq!(message::send(&orders.router(&layer), request("/orders", "other", "")).await.status, 200);
    assert_eq!(layer.handle().stats().totals().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_operator_does_not_wait_for_a_store_that_hangs() {
    let shop = store();
    let layer = builder(&shop).build().unwrap();
    shop.fall_sick(Sickness::Hangs);
    let from = tokio::time::Instant::now();
    assert!(layer.handle().invalidate(layer.record_id("ann", "k")).await.is_err());
    assert!(from.elapsed() < Duration::from_secs(1));
    assert!(layer.handle().clear().await.is_err());
    assert!(from.elapsed() < Duration::from_secs(70));
}
