//! Whose key it is where the caller sends none, and how answers are marked.

use std::convert::Infallible;

use axum::body::Body;
use buttress_core::{Mode, Verdict};
use buttress_idempotency::{Ending, IdempotencyBuilder, KeptHeaders};
use buttress_testkit::{Recorder, message};
use http::header::{ETAG, LOCATION};
use http::{HeaderName, HeaderValue, Method, Request, Response};
use tower::{Layer, service_fn};

use crate::{Caller, Orders, Shop, builder, code, header, request, store};

fn without_key(message_id: Option<&str>) -> Request<Body> {
    let mut request = Request::post("/orders").extension(Caller("ann")).body(Body::from("{}")).unwrap();
    if let Some(id) = message_id {
        request.headers_mut().insert("x-message-id", HeaderValue::from_str(id).unwrap());
    }
    request
}

fn by_message(shop: &std::sync::Arc<Shop>) -> IdempotencyBuilder<Shop> {
    builder(shop).key_from(|head| Some(head.headers.get("x-message-id")?.to_str().ok()?.to_owned()))
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_key_has_that_which_is_made_of_it() {
    let shop = store();
    let orders = Orders::default();
    let router = orders.router(&by_message(&shop).build().unwrap());
    let first = message::send(&router, without_key(Some("m1"))).await;
    let again = message::send(&router, without_key(Some("m1"))).await;
    assert_eq!((&again.body, header(&again.headers, "idempotent-replayed")), (&first.body, Some("true")));
    assert!(!first.headers.contains_key("idempotency-key"), "no answer tells a key");
    message::send(&router, without_key(Some("m2"))).await;
    assert_eq!(orders.runs(), 2);
    // The caller's own word comes first, and counts as the same key.
    let mut own = without_key(Some("m3"));
    own.headers_mut().insert("idempotency-key", HeaderValue::from_static("m1"));
    assert_eq!(message::send(&router, own).await.body, first.body);
    // Without either there is none.
    for _ in 0..2 {
        message::send(&router, without_key(None)).await;
    }
    assert_eq!(orders.runs(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_made_must_be_one() {
    let router = Orders::default().router(&by_message(&store()).key_required().build().unwrap());
    for (id, why) in [
        (Some(""), "idempotency_key_empty"),
        (Some(&*"a".repeat(256)), "idempotency_key_too_long"),
        (None, "idempotency_key_missing"),
    ] {
        let answer = message::send(&router, without_key(id)).await;
        assert_eq!((answer.status.as_u16(), code(&answer.body).as_str()), (400, why));
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_needed_where_the_request_says_so_and_of_the_chosen_methods() {
    let layer = builder(&store())
        .methods([Method::POST, Method::DELETE])
        .key_required_when(|head| head.uri.path() == "/refunds")
        .build()
        .unwrap();
    let router = Orders::default().router(&layer);
    let to = |path: &str| Request::post(path).extension(Caller("ann")).body(Body::empty()).unwrap();
    assert_eq!(message::send(&router, to("/orders")).await.status, 200);
    assert_eq!(code(&message::send(&router, to("/refunds")).await.body), "idempotency_key_missing");
    let mut put = to("/refunds");
    *put.method_mut() = Method::PUT;
    assert_eq!(message::send(&router, put).await.status, 405, "none of its methods");
}

#[tokio::test(start_paused = true)]
async fn who_observes_reports_what_a_request_says_and_asks_no_store() {
    let (shop, heard, orders) = (store(), Recorder::new(), Orders::default());
    let layer = builder(&shop).key_required().mode(Mode::Observe).observer(heard.clone()).build().unwrap();
    let router = orders.router(&layer);
    let mut nobody = request("/orders", "k", "");
    nobody.extensions_mut().clear();
    for request in [request("/orders", "k", ""), request("/orders", "k", "other"), nobody, without_key(None)]
    {
        assert_eq!(message::send(&router, request).await.status, 200);
    }
    assert_eq!(message::send(&router, request("/orders", "\"", "")).await.status, 200);
    let would = |code| (Verdict::WouldRefuse, code);
    let expected =
        ["idempotency_scope_missing", "idempotency_key_missing", "idempotency_key_malformed"].map(would);
    assert_eq!((heard.verdicts(), shop.claims(), orders.runs()), (expected.to_vec(), 0, 5));
    layer.mode().set(Mode::Off);
    assert_eq!(message::send(&router, request("/orders", "\"", "")).await.status, 200);
    assert_eq!(heard.verdicts().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn answers_can_be_marked_as_older_services_did() {
    let router = Orders::default().router(&builder(&store()).x_headers().build().unwrap());
    let first = message::send(&router, request("/orders", "k", "")).await;
    let again = message::send(&router, request("/orders", "k", "")).await;
    let mark = |answer: &http::HeaderMap| header(answer, "x-idempotency-replayed").map(str::to_owned);
    assert_eq!(mark(&first.headers).as_deref(), Some("false"));
    assert_eq!(mark(&again.headers).as_deref(), Some("true"));
    assert_eq!(again.headers.get_all("x-idempotency-replayed").iter().count(), 1);
    let at = header(&again.headers, "x-original-timestamp").unwrap();
    assert!(
        at.len() == 24 && at.ends_with('Z') && !first.headers.contains_key("x-original-timestamp"),
        "{at}"
    );
    assert!(!again.headers.contains_key("idempotent-replayed"));
}

/// Answers with many headers, and with what the path says about them.
async fn answers(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let mut response = Response::new(Body::from("body"));
    let headers =
        [("x-own", "1"), ("x-other", "2"), ("etag", "\"a\""), ("location", "/a"), ("set-cookie", "a=b")];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if request.uri().path() == "/says" {
        response.extensions_mut().insert(KeptHeaders::only([HeaderName::from_static("x-other")]));
    }
    if request.uri().path() == "/status" {
        response.extensions_mut().insert(Ending::KeepStatus);
    }
    Ok(response)
}

#[tokio::test(start_paused = true)]
async fn the_chosen_headers_are_kept_and_the_handlers_word_wins() {
    let own = HeaderName::from_static("x-own");
    let service = builder(&store())
        .keep_headers(KeptHeaders::essential().and(own))
        .drop_header(ETAG)
        .build()
        .unwrap()
        .layer(service_fn(answers));
    for (path, kept) in [("/", &["x-own", "location"][..]), ("/says", &["x-other"])] {
        message::send(&service, request(path, path, "")).await;
        let again = message::send(&service, request(path, path, "")).await;
        let names = ["x-own", "x-other", "etag", "location", "set-cookie"];
        let found: Vec<_> = names.into_iter().filter(|name| again.headers.contains_key(*name)).collect();
        assert_eq!(found, kept, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_hears_that_it_is_done_hears_where_the_result_is() {
    let service = builder(&store()).build().unwrap().layer(service_fn(answers));
    let first = message::send(&service, request("/status", "k", "")).await;
    assert!(!first.headers.contains_key("idempotency-retention"), "only what is kept says for how long");
    let again = message::send(&service, request("/status", "k", "")).await;
    assert_eq!((again.status.as_u16(), code(&again.body).as_str()), (409, "idempotency_not_retained"));
    let says = |name: HeaderName| header(&again.headers, name.as_str());
    assert_eq!((says(LOCATION), says(ETAG)), (Some("/a"), Some("\"a\"")));
    assert!(!again.headers.contains_key("x-own"));
}
