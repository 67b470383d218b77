//! Faults of other implementations that no other test here has in its name.

use std::convert::Infallible;

use axum::body::Body;
use buttress_core::{BoxError, Kind, Refused, Rejection};
use buttress_idempotency::{Event, Idempotency, IdempotencyLayer, MemoryStore};
use buttress_testkit::message;
use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};

use crate::{Orders, builder, code, header, request, store};

/// A key is hashed with its caller, and never the name of a field, a slot or a file.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_spelled_like_something_of_ours_is_a_key_like_any_other_i_2() {
    let (orders, layer) = (Orders::default(), builder(&store()).build().unwrap());
    let router = orders.router(&layer);
    let own = layer.record_id("ann", "k").to_string();
    let keys = ["k", "ann", "ank", "id", "state", "__proto__", "{1}", "../k", &own, "ann:k"];
    for (at, key) in keys.into_iter().enumerate() {
        let answer = message::send(&router, request("/orders", &format!("\"{key}\""), "")).await;
        assert_eq!(answer.body, format!("order {}", at + 1), "{key}");
        let said = format!("{:?} {}", answer.headers, layer.record_id("ann", key));
        assert!(key.len() < 5 || !said.contains(key) || key == own, "{said}");
    }
}

/// Ownership belongs to a claim and not to a connection, so asking again on the same one is not coming in again.
#[tokio::test(start_paused = true)]
async fn the_same_service_does_not_let_the_same_request_in_twice_i_14() {
    let (orders, layer) = (Orders::default(), builder(&store()).build().unwrap());
    let router = orders.router(&layer);
    let mut connection = router.clone();
    let mut call = || tower::Service::call(&mut connection, request("/orders", "k", ""));
    let (first, second) = (call(), call());
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.unwrap().status().as_u16(), second.unwrap().status().as_u16()), (200, 409));
    assert_eq!(orders.runs(), 1);
}

/// A mark that nobody has written about is no mark: clients and CORS settings must find it.
#[tokio::test(start_paused = true)]
async fn every_header_that_the_layer_adds_is_in_the_docs_i_23() {
    let docs = include_str!("../../../../docs/idempotency.md").to_ascii_lowercase();
    for settings in [builder(&store()), builder(&store()).x_headers()] {
        let service = settings.build().unwrap().layer(service_fn(|_: Request<Body>| async {
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }));
        for _ in 0..2 {
            let answer = message::send(&service, request("/", "k", "")).await;
            for name in answer.headers.keys() {
                assert!(docs.contains(name.as_str()), "{name}");
            }
        }
    }
}

/// Who asks is said by the application, and a header that a client chooses is nobody.
#[tokio::test(start_paused = true)]
async fn a_caller_is_not_whom_a_header_of_the_request_names_i11() {
    let (orders, layer) = (Orders::default(), builder(&store()).build().unwrap());
    let router = orders.router(&layer);
    let mut posing = request("/orders", "k", "");
    posing.extensions_mut().clear();
    for name in ["x-user-id", "x-tenant-id", "authorization"] {
        posing.headers_mut().insert(name, "ann".parse().unwrap());
    }
    assert_eq!(code(&message::send(&router, posing).await.body), "idempotency_scope_missing");
    let nobody = IdempotencyLayer::inbound(MemoryStore::default());
    assert!(nobody.build().is_err(), "and whoever names none cannot begin");
}

/// What runs is 409 and says when to come back, what is another request is 422 and does not.
#[tokio::test(start_paused = true)]
async fn a_run_and_a_mistake_are_told_apart_i9() {
    let (orders, layer) = (Orders::default(), builder(&store()).build().unwrap());
    let router = orders.router(&layer);
    let (_, (runs, mistaken)) = tokio::join!(message::send(&router, request("/orders", "k", "")), async {
        tokio::join!(
            message::send(&router, request("/orders", "\"k\"", "")),
            message::send(&router, request("/orders", "k", "other")),
        )
    });
    let told =
        |answer: &message::Answer| (answer.status.as_u16(), header(&answer.headers, "retry-after").is_some());
    assert_eq!((told(&runs), told(&mistaken)), ((409, true), (422, false)));
}

/// A layer inside that refuses before anything was reached.
#[derive(Debug)]
struct Untouched;

impl std::fmt::Display for Untouched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("full")
    }
}

impl std::error::Error for Untouched {}

impl Rejection for Untouched {
    fn kind(&self) -> Kind {
        Kind::Overloaded
    }

    fn code(&self) -> &'static str {
        "full"
    }

    fn layer(&self) -> &'static str {
        "test"
    }

    fn reached_inner(&self) -> bool {
        false
    }

    fn public(&self) -> std::borrow::Cow<'static, str> {
        "full".into()
    }
}

/// A crash is neither a kept answer nor nothing, and no refusal after it makes it nothing.
#[tokio::test(start_paused = true)]
async fn an_error_of_a_layer_inside_does_not_undo_a_crash_before_it_i_19() {
    let layer = builder(&store()).build().unwrap();
    let service = layer.layer(service_fn(|request: Request<Body>| async move {
        match request.extensions().get::<Idempotency>().unwrap().attempt() {
            1 => panic!("after its effect"),
            2 => Err(BoxError::from(Refused::new(Untouched))),
            _ => Ok(Response::new(Body::empty())),
        }
    }));
    for _ in 0..3 {
        let _ = service.clone().oneshot(request("/", "k", "")).await;
    }
    let totals = layer.handle().stats().totals();
    assert_eq!((totals[Event::Started], totals[Event::Recovered], totals[Event::Released]), (1, 2, 0));
}
