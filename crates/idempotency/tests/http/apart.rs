//! What is not the same is never taken for it.

use axum::Router;
use axum::body::Body;
use axum::extract::OriginalUri;
use axum::routing::post;
use buttress_idempotency::{IdempotencyBuilder, IdempotencyLayer};
use buttress_testkit::message;
use http::{HeaderName, Request};
use std::time::Duration;

use crate::{Shop, builder, code, header, request, store};

fn says(layer: &IdempotencyLayer<Shop>, what: &'static str) -> Router {
    Router::new().route("/orders", post(move || async move { what })).layer(layer.clone())
}

#[tokio::test(start_paused = true)]
async fn two_endpoints_under_prefixes_are_two_where_their_uri_or_endpoint_is_told() {
    let told: [fn(IdempotencyBuilder<Shop>) -> IdempotencyBuilder<Shop>; 2] = [
        |keys| keys.uri(|head| head.extensions.get::<OriginalUri>().map(|uri| uri.0.clone())),
        |keys| {
            keys.endpoint(|head| {
                head.extensions.get::<OriginalUri>().map(|uri| uri.path().to_owned()).unwrap()
            })
        },
    ];
    for tell in told {
        let layer = tell(builder(&store())).build().unwrap();
        let app =
            Router::new().nest("/create", says(&layer, "created")).nest("/cancel", says(&layer, "cancelled"));
        assert_eq!(message::send(&app, request("/create/orders", "k", "{}")).await.body, "created");
        assert_eq!(message::send(&app, request("/cancel/orders", "k", "{}")).await.status, 422);
        assert_eq!(message::send(&app, request("/create/orders", "k", "{}")).await.body, "created");
    }
}

#[tokio::test(start_paused = true)]
async fn layers_of_two_names_on_one_store_know_nothing_of_each_other() {
    let shop = store();
    let [orders, refunds] = ["orders", "refunds"].map(|name| builder(&shop).name(name).build().unwrap());
    let send =
        async |layer, what| message::send(&says(layer, what), request("/orders", "k", "{}")).await.body;
    assert_eq!(
        (send(&orders, "order").await, send(&refunds, "refund").await),
        ("order".into(), "refund".into())
    );
    let record = orders.record_id("ann", "k");
    assert_ne!(record, refunds.record_id("ann", "k"));
    orders.handle().invalidate(record).await.unwrap();
    assert_eq!(send(&orders, "another").await, "another");
}

#[tokio::test(start_paused = true)]
async fn chosen_headers_and_every_coding_are_part_of_the_request() {
    let host = HeaderName::from_static("host");
    let app = says(&builder(&store()).compare_header(host).build().unwrap(), "done");
    let with = |name, values: &[&str]| {
        let mut request = request("/orders", name, "{}");
        for value in values {
            request.headers_mut().append(HeaderName::from_static(name), value.parse().unwrap());
        }
        request
    };
    for (name, one, other) in [
        ("host", &["a.example"][..], &["b.example"][..]),
        ("content-encoding", &["gzip"], &["gzip", "br"]),
        ("content-type", &["text/plain"], &["text/html"]),
    ] {
        assert_eq!(message::send(&app, with(name, one)).await.status, 200, "{name}");
        assert_eq!(message::send(&app, with(name, other)).await.status, 422, "{name}");
        assert_eq!(message::send(&app, with(name, one)).await.status, 200, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_layer_inside_itself_runs_the_handler_and_waits_for_nobody() {
    let layer =
        builder(&store()).wait(Duration::from_secs(5)).max_requests(2).max_waiters(1).build().unwrap();
    let inner = post(|| async { "done" }).layer(layer.clone());
    let app = Router::new().route("/orders", inner).layer(layer.clone()).layer(layer.fresh());
    let began = tokio::time::Instant::now();
    for replayed in [None, Some("true")] {
        let answer = message::send(&app, request("/orders", "k", "{}")).await;
        assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &b"done"[..]), "{}", code(&answer.body));
        assert_eq!(header(&answer.headers, "idempotent-replayed"), replayed);
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_caller_is_not_let_in_by_a_request_without_one() {
    let app = says(&builder(&store()).build().unwrap(), "done");
    message::send(&app, request("/orders", "k", "{}")).await;
    let nobody = Request::post("/orders").header("idempotency-key", "k").body(Body::from("{}")).unwrap();
    let answer = message::send(&app, nobody).await;
    assert_eq!((answer.status.as_u16(), code(&answer.body).as_str()), (400, "idempotency_scope_missing"));
}
