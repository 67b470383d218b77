#![expect(clippy::disallowed_methods, reason = "clients are tasks, and each is awaited")]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use buttress_idempotency::{Checkpoint, Event, Idempotency, WhenAbandoned};
use buttress_testkit::{clock, message};
use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};

use crate::{Orders, builder, code, header, request, store};

#[tokio::test(start_paused = true)]
async fn of_200_duplicates_at_once_one_runs() {
    let (orders, layer) = (Orders::default(), builder(&store()).build().unwrap());
    let router = orders.router(&layer);
    let calls = (0..200).map(|_| {
        let router = router.clone();
        tokio::task::spawn(async move { message::send(&router, request("/orders", "k", "{}")).await })
    });
    let (mut original, mut in_flight) = (0, 0);
    for call in calls.collect::<Vec<_>>() {
        let answer = call.await.unwrap();
        if answer.status == 200 {
            original += 1;
            continue;
        }
        in_flight += 1;
        let said = (code(&answer.body), header(&answer.headers, "retry-after"));
        assert_eq!(said, ("idempotency_in_flight".to_owned(), Some("1")), "I-18");
    }
    assert_eq!((orders.runs(), original, in_flight), (1, 1, 199));
    assert_eq!(message::send(&router, request("/orders", "k", "{}")).await.body, "order 1");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_loses_no_work_and_its_retry_is_replayed() {
    let (orders, layer) = (Orders::default(), builder(&store()).build().unwrap());
    let router = orders.router(&layer);
    // I-15: an outer timeout drops the future as a disconnect does.
    let call = router.clone().oneshot(request("/orders", "k", "{}"));
    assert!(tokio::time::timeout(Duration::from_millis(100), call).await.is_err());
    assert_eq!(message::send(&router, request("/orders", "k", "{}")).await.status, 409);
    assert_eq!(layer.shutdown(Duration::from_millis(100)).await, 1);
    assert_eq!(layer.shutdown(Duration::from_secs(5)).await, 0);
    let again = message::send(&router, request("/orders", "k", "{}")).await;
    assert_eq!(
        (&again.body[..], header(&again.headers, "idempotent-replayed")),
        (&b"order 1"[..], Some("true"))
    );
    assert_eq!(orders.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_keeps_its_lease() {
    let shop = store();
    let (orders, layer) =
        (Orders::default(), builder(&shop).lease(Duration::from_millis(200)).build().unwrap());
    let router = orders.router(&layer);
    let first = tokio::task::spawn({
        let router = router.clone();
        async move { message::send(&router, request("/orders", "k", "{}")).await }
    });
    for _ in 0..9 {
        clock::advance(Duration::from_millis(100)).await;
        assert_eq!(message::send(&router, request("/orders", "k", "{}")).await.status, 409);
    }
    assert_eq!((first.await.unwrap().status.as_u16(), orders.runs()), (200, 1));
    assert!(shop.steps() >= 10, "{} steps", shop.steps());
}

/// Panics at first, saves a checkpoint before, and then says what it knows.
async fn recovers(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let run = request.extensions().get::<Idempotency>().unwrap().clone();
    if run.attempt() == 1 {
        run.save(Checkpoint::new(*b"half").unwrap()).await.unwrap();
        panic!("as it should");
    }
    let saved = run.checkpoint().map(|checkpoint| checkpoint.as_bytes().to_vec());
    assert_eq!((saved.as_deref(), run.is_lost()), (Some(&b"half"[..]), false));
    Ok(Response::new(Body::from(format!(
        "{} {} {}",
        run.attempt(),
        run.is_recovery(),
        run.downstream_key("pay").len()
    ))))
}

#[tokio::test(start_paused = true)]
async fn after_a_panic_the_next_run_knows_that_it_recovers() {
    let layer = builder(&store()).build().unwrap();
    let service = layer.layer(service_fn(recovers));
    let first = message::send(&service, request("/", "k", "")).await;
    assert_eq!(
        (first.status.as_u16(), code(&first.body).as_str()),
        (500, "idempotency_handler_panicked"),
        "I-19"
    );
    assert_eq!(message::send(&service, request("/", "k", "")).await.body, "2 true 32");
    let totals = layer.handle().stats().totals();
    assert_eq!((totals[Event::Abandoned], totals[Event::Recovered], totals.in_flight()), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_key_for_downstream_outlives_the_record_and_is_another_one_for_another_request() {
    let tells = |request: Request<Body>| async move {
        let run = request.extensions().get::<Idempotency>().unwrap();
        Ok::<_, Infallible>(Response::new(Body::from(run.downstream_key("pay"))))
    };
    let layer = builder(&store()).build().unwrap();
    let service = layer.layer(service_fn(tells));
    let mut keys = Vec::new();
    for body in ["ten", "ten", "twelve"] {
        keys.push(message::send(&service, request("/", "k", body)).await.body);
        layer.handle().clear().await.unwrap();
    }
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[0], keys[2]);
}

#[tokio::test(start_paused = true)]
async fn after_a_panic_nothing_runs_where_recovery_is_refused() {
    let service =
        builder(&store()).when_abandoned(WhenAbandoned::Refuse).build().unwrap().layer(service_fn(recovers));
    message::send(&service, request("/", "k", "")).await;
    let again = message::send(&service, request("/", "k", "")).await;
    assert_eq!((again.status.as_u16(), code(&again.body).as_str()), (409, "idempotency_outcome_unknown"));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_runs_for_too_long_is_dropped_and_its_outcome_is_unknown() {
    let orders = Orders::default();
    let layer = builder(&store()).longest_run(Duration::from_millis(10)).build().unwrap();
    let answer = message::send(&orders.router(&layer), request("/orders", "k", "")).await;
    assert_eq!((answer.status.as_u16(), code(&answer.body).as_str()), (504, "idempotency_handler_overdue"));
    assert_eq!(layer.handle().stats().totals()[Event::Abandoned], 1);
}

#[tokio::test(start_paused = true)]
async fn there_is_room_for_so_many_and_no_more() {
    let (orders, layer) = (Orders::default(), builder(&store()).max_requests(1).build().unwrap());
    let router = orders.router(&layer);
    let (one, other) = tokio::join!(
        message::send(&router, request("/orders", "a", "")),
        message::send(&router, request("/orders", "b", "")),
    );
    assert_eq!(
        (one.status.as_u16(), other.status.as_u16(), code(&other.body).as_str()),
        (200, 503, "idempotency_full")
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_taken_for_dead_is_told_and_gives_the_answer_that_counts() {
    use buttress_idempotency::testing::Sickness;
    let shop = store();
    let lost = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&lost);
    let layer = builder(&shop).lease(Duration::from_secs(3)).build().unwrap();
    let service = layer.layer(service_fn(move |request: Request<Body>| {
        let lost = Arc::clone(&seen);
        async move {
            let run = request.extensions().get::<Idempotency>().unwrap().clone();
            if run.attempt() == 1 {
                run.lost().await;
                lost.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(10)).await;
            }
            Ok::<_, Infallible>(Response::new(Body::from(format!("attempt {}", run.attempt()))))
        }
    }));
    let zombie = tokio::task::spawn({
        let service = service.clone();
        async move { message::send(&service, request("/", "k", "")).await }
    });
    clock::settle().await;
    shop.fall_sick(Sickness::FailsSteps);
    clock::until(Duration::from_secs(4), || lost.load(Ordering::SeqCst) == 1).await;
    clock::advance(Duration::from_secs(2)).await;
    shop.heal();
    let heir = message::send(&service, request("/", "k", "")).await;
    assert_eq!((heir.status.as_u16(), &heir.body[..]), (200, &b"attempt 2"[..]));
    let zombie = zombie.await.unwrap();
    assert_eq!(
        (&zombie.body[..], header(&zombie.headers, "idempotent-replayed")),
        (&b"attempt 2"[..], Some("true"))
    );
    assert_eq!(layer.handle().stats().totals()[Event::Fenced], 1, "I-9");
}
