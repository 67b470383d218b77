use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use buttress_core::Mode;
use buttress_idempotency::{Ending, Event, IdempotencyLayer, KeyInjectorLayer, MemoryStore};
use buttress_testkit::message;
use http::{HeaderValue, Request, Response};
use tower::{Layer, ServiceExt, service_fn};

use crate::{Caller, Orders, builder, code, header, request, store};

#[tokio::test(start_paused = true)]
async fn a_retry_is_given_the_same_bytes_with_marks_and_without_the_cookie() {
    let (orders, layer) = (Orders::default(), builder(&store()).build().unwrap());
    let router = orders.router(&layer);
    let first = message::send(&router, request("/orders", "k", "{}")).await;
    let again = message::send(&router, request("/orders", "\"k\"", "{}")).await;
    assert_eq!((orders.runs(), first.status, again.status), (1, again.status, first.status));
    assert_eq!((&first.body, header(&again.headers, "x-run")), (&again.body, Some("1")));
    assert_eq!(header(&first.headers, "idempotent-replayed"), None);
    assert_eq!(header(&first.headers, "idempotency-retention"), Some("86400"));
    assert_eq!(header(&again.headers, "idempotent-replayed"), Some("true"));
    assert!(again.headers.contains_key("idempotency-original-date"));
    assert!(first.headers.contains_key("set-cookie") && !again.headers.contains_key("set-cookie"), "I-5");
    assert_eq!(layer.handle().stats().totals()[Event::Replayed], 1);
}

#[tokio::test(start_paused = true)]
async fn another_body_query_endpoint_or_caller_is_never_given_a_foreign_answer() {
    let (orders, layer) = (Orders::default(), builder(&store()).build().unwrap());
    let router = orders.router(&layer);
    message::send(&router, request("/orders?amount=1", "k", "{}")).await;
    for other in [
        request("/orders?amount=1", "k", "{ }"),
        request("/orders?amount=2", "k", "{}"),
        request("/orders", "k", "{}"),
        request("/refunds?amount=1", "k", "{}"),
    ] {
        let answer = message::send(&router, other).await;
        assert_eq!((answer.status.as_u16(), code(&answer.body)), (422, "idempotency_key_reused".to_owned()));
    }
    let mut bob = request("/orders?amount=1", "k", "{}");
    bob.extensions_mut().insert(Caller("bob"));
    let answer = message::send(&router, bob).await;
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &b"order 2"[..]), "I-17");
    let mut nobody = request("/orders?amount=1", "k", "{}");
    nobody.extensions_mut().clear();
    assert_eq!(code(&message::send(&router, nobody).await.body), "idempotency_scope_missing");
    assert_eq!(orders.runs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_bad_key_is_refused_and_a_missing_one_where_it_is_needed() {
    let (orders, layer) = (Orders::default(), builder(&store()).key_required().build().unwrap());
    let router = orders.router(&layer);
    let long = "a".repeat(256);
    let cases: [(&[&[u8]], &str); 6] = [
        (&[], "idempotency_key_missing"),
        (&[b""], "idempotency_key_empty"),
        (&[b"a", b"a"], "idempotency_key_repeated"),
        (&[b"\"a"], "idempotency_key_malformed"),
        (&[b"\xff\x80"], "idempotency_key_malformed"),
        (&[long.as_bytes()], "idempotency_key_too_long"),
    ];
    for (keys, expected) in cases {
        let mut request = Request::post("/orders").extension(Caller("ann")).body(Body::empty()).unwrap();
        for key in keys {
            request.headers_mut().append("idempotency-key", HeaderValue::from_bytes(key).unwrap());
        }
        let answer = message::send(&router, request).await;
        assert_eq!((answer.status.as_u16(), code(&answer.body).as_str()), (400, expected));
    }
    layer.mode().set(Mode::Observe);
    assert_eq!(message::send(&router, message::post("/orders", "").map(Body::new)).await.status, 200);
    assert_eq!(orders.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_past_the_limit_is_refused_before_anything_is_claimed() {
    let shop = store();
    let (orders, layer) = (Orders::default(), builder(&shop).request_limit(4).build().unwrap());
    let router = orders.router(&layer);
    assert_eq!(message::send(&router, request("/orders", "k", "12345")).await.status, 413);
    assert_eq!((shop.claims(), orders.runs()), (0, 0));
    assert_eq!(message::send(&router, request("/orders", "k", "1234")).await.status, 200);
}

/// Answers each request with what its path says.
async fn one_answer(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let response = Response::builder();
    Ok(match request.uri().path() {
        "/long" => response.status(201).header("location", "/a").body(Body::from("x".repeat(2_000))),
        "/events" => response.header("content-type", "text/event-stream").body(Body::from("data: 1\n\n")),
        "/broken" => response.status(500).body(Body::empty()),
        "/kept" => response.status(500).extension(Ending::Keep).body(Body::from("as it is")),
        "/unknown" => response.extension(Ending::Abandon).body(Body::empty()),
        _ => response
            .header("connection", "x-hop")
            .header("x-hop", "1")
            .header("link", "a")
            .header("link", "b")
            .body(Body::empty()),
    }
    .unwrap())
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_of_a_response_depends_on_its_length_kind_and_status() {
    let layer = builder(&store()).response_limit(1_000).build().unwrap();
    let service = layer.layer(service_fn(one_answer));
    for (path, first, again) in [
        ("/long", 201, Err("idempotency_not_retained")),
        ("/events", 200, Err("idempotency_not_retained")),
        ("/broken", 500, Ok(500)),
        ("/kept", 500, Ok(500)),
        ("/unknown", 200, Ok(200)),
    ] {
        let answer = message::send(&service, request(path, path, "")).await;
        assert_eq!(answer.status, first, "{path}");
        assert!(path != "/long" || answer.body.len() == 2_000, "all of it comes");
        let second = message::send(&service, request(path, path, "")).await;
        match again {
            Ok(status) => assert_eq!(second.status, status, "{path}"),
            Err(expected) => {
                assert_eq!((second.status.as_u16(), code(&second.body).as_str()), (409, expected));
            }
        }
        let is_replay = second.headers.contains_key("idempotent-replayed");
        assert_eq!(is_replay, path == "/kept", "{path}");
    }
    let totals = layer.handle().stats().totals();
    assert_eq!((totals[Event::Tombstoned], totals[Event::Released], totals[Event::Completed]), (2, 2, 1));
    assert_eq!((totals[Event::Abandoned], totals[Event::Recovered], totals.in_flight()), (2, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn every_value_of_a_header_is_kept_and_none_that_the_connection_names() {
    let service = builder(&store()).build().unwrap().layer(service_fn(one_answer));
    message::send(&service, request("/", "k", "")).await;
    let again = message::send(&service, request("/", "k", "")).await;
    assert_eq!(again.headers.get_all("link").iter().collect::<Vec<_>>(), ["a", "b"], "I-4");
    assert!(!again.headers.contains_key("x-hop") && !again.headers.contains_key("connection"));
}

#[test]
fn a_builder_names_every_setting_that_is_wrong() {
    let builder =
        IdempotencyLayer::inbound(MemoryStore::default()).lease(Duration::ZERO).max_requests(0).secret("a");
    let error = builder.build().unwrap_err();
    let fields: Vec<_> = error.problems().iter().map(buttress_core::Problem::field).collect();
    assert_eq!(fields, ["lease", "scope", "secret", "max_requests"]);
}

#[tokio::test]
async fn an_injected_key_differs_from_call_to_call_and_leaves_the_callers_own() {
    let tell = service_fn(|request: Request<()>| async move {
        Ok::<_, Infallible>(
            request.headers().get("idempotency-key").map(|key| key.to_str().unwrap().to_owned()),
        )
    });
    let client = KeyInjectorLayer::new().layer(tell);
    let send = |request: http::request::Builder| client.clone().oneshot(request.body(()).unwrap());
    let (one, other) = (send(Request::post("/")).await.unwrap(), send(Request::post("/")).await.unwrap());
    assert_ne!(one, other);
    assert_eq!(one.unwrap().len(), 38);
    assert_eq!(
        send(Request::post("/").header("idempotency-key", "mine")).await.unwrap().as_deref(),
        Some("mine")
    );
    assert_eq!(send(Request::put("/")).await.unwrap(), None);
}
