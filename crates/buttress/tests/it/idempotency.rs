use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use buttress::core::{BoxError, ModeSwitch};
use buttress::http::ReplayBody;
use buttress::idempotency::{Idempotency, IdempotencyBuilder, KeyInjectorLayer, MemoryStore};
use buttress::{Inbound, Mode, Outbound};
use buttress_testkit::{contract, message};
use bytes::Bytes;
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};

type Plain = http::Request<Full<Bytes>>;
type Sent = http::Request<ReplayBody<Full<Bytes>>>;
type Answer = http::Response<Full<Bytes>>;

/// Who asks, as the authentication has found it.
#[derive(Clone)]
struct Tenant(String);

async fn authenticate(mut request: Request, next: Next) -> Response {
    let Some(name) = request.headers().get("x-tenant").and_then(|name| name.to_str().ok()) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let tenant = Tenant(name.to_owned());
    request.extensions_mut().insert(tenant);
    next.run(request).await
}

fn order(key: &str, tenant: Option<&str>) -> Request {
    let mut request = Request::post("/orders").header("idempotency-key", key);
    if let Some(tenant) = tenant {
        request = request.header("x-tenant", tenant);
    }
    request.body(Body::empty()).unwrap()
}

async fn answer(app: &Router, request: Request) -> (StatusCode, String) {
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    (status, String::from_utf8(message::read(response.into_body()).await.to_vec()).unwrap())
}

/// An app that numbers its orders, inside a stack that knows tenants.
fn orders(mode: ModeSwitch) -> Router {
    let inbound = Inbound::builder()
        .idempotency(MemoryStore::default(), |keys| {
            keys.scope(|head| head.extensions.get().map(|Tenant(name)| name.clone())).key_required()
        })
        .authentication(middleware::from_fn(authenticate))
        .mode(mode)
        .build()
        .unwrap();
    let numbers = Arc::new(AtomicUsize::new(0));
    let create = move || async move {
        (StatusCode::CREATED, format!("order {}", numbers.fetch_add(1, Ordering::SeqCst)))
    };
    Router::new().route("/orders", post(create)).layer(inbound)
}

#[test]
fn a_stack_with_idempotency_keeps_the_contract() {
    let inbound = || {
        let once =
            Inbound::builder().idempotency(MemoryStore::default(), IdempotencyBuilder::one_scope_for_all);
        once.build().unwrap()
    };
    contract::server(inbound).named("inbound").run();
    let outbound = || Outbound::named("intune").idempotency_keys(KeyInjectorLayer::new()).build().unwrap();
    contract::Suite::<_, contract::Wiring<Plain, Sent, Answer, BoxError>>::new(outbound)
        .named("outbound")
        .run();
}

#[tokio::test(start_paused = true)]
async fn a_key_belongs_to_the_caller_whom_the_authentication_inside_the_stack_found() {
    let app = orders(ModeSwitch::default());
    for (tenant, expected) in [("a", "order 0"), ("b", "order 1"), ("a", "order 0"), ("b", "order 1")] {
        let seen = answer(&app, order("same", Some(tenant))).await;
        assert_eq!(seen, (StatusCode::CREATED, expected.to_owned()), "{tenant}");
    }
    assert_eq!(answer(&app, order("same", None)).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test(start_paused = true)]
async fn the_mode_of_the_stack_is_that_of_idempotency_too() {
    let mode = ModeSwitch::default();
    let app = orders(mode.clone());
    let without_key = || Request::post("/orders").header("x-tenant", "a").body(Body::empty()).unwrap();
    assert_eq!(answer(&app, without_key()).await.0, StatusCode::BAD_REQUEST);
    mode.set(Mode::Off);
    assert_eq!(answer(&app, without_key()).await.0, StatusCode::CREATED);
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_request_timed_out_goes_on_and_its_answer_is_replayed() {
    async fn slow(Extension(seen): Extension<Idempotency>) -> String {
        tokio::time::sleep(Duration::from_secs(5)).await;
        format!("attempt {}", seen.attempt())
    }
    let inbound = Inbound::builder()
        .total(Duration::from_secs(2))
        .idempotency(MemoryStore::default(), IdempotencyBuilder::one_scope_for_all)
        .build()
        .unwrap();
    let layer = inbound.idempotency().clone();
    let app: Router = Router::new().route("/orders", post(slow)).layer(inbound);
    assert_eq!(answer(&app, order("late", None)).await.0, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(layer.shutdown(Duration::from_secs(10)).await, 0);
    assert_eq!(answer(&app, order("late", None)).await, (StatusCode::OK, "attempt 1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn all_attempts_at_a_call_have_one_key_and_the_next_call_another() {
    let keys = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&keys);
    let every_other_fails = service_fn(move |request: Sent| {
        let mut seen = seen.lock().unwrap();
        seen.push(request.headers()["idempotency-key"].clone());
        let mut answer = Answer::default();
        if seen.len() % 2 == 1 {
            *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        async { Ok::<_, BoxError>(answer) }
    });
    let orders = Outbound::named("orders").idempotency_keys(KeyInjectorLayer::new()).build().unwrap();
    let client = orders.layer(every_other_fails);
    for _ in 0..2 {
        let call = http::Request::post("http://orders.example/").body(Full::default()).unwrap();
        assert_eq!(client.clone().oneshot(call).await.unwrap().status(), StatusCode::OK);
    }
    let keys = keys.lock().unwrap();
    let [first, again, second, again_too] = &keys[..] else { panic!("two attempts each: {keys:?}") };
    assert_eq!((first, second), (again, again_too));
    assert_ne!(first, second);
}
