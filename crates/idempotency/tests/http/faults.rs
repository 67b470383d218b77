use std::time::Duration;

use buttress_idempotency::testing::Sickness;
use buttress_idempotency::{Event, StoreErrorKind, WhenStoreFails};
use buttress_testkit::{clock, message};

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
    assert_eq!(message::send(&router, request("/orders", "k", "")).await.status, 409);
    shop.heal();
    assert_eq!(layer.shutdown(Duration::from_secs(60)).await, 0);
    let again = message::send(&router, request("/orders", "k", "")).await;
    assert_eq!(
        (&again.body, orders.runs(), layer.handle().stats().totals().in_flight()),
        (&first.body, 1, 0)
    );
}
