//! Idempotency as a layer around an HTTP handler, with its records in memory, and that store alone.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum_idempotent::{IdempotentLayer, IdempotentOptions};
use buttress_core::Entropy;
use buttress_idempotency::{
    Claim, Claimed, Fingerprint, HeaderList, IdempotencyLayer, MemoryStore, OwnerToken, RecordId, Scope,
    Step, Store, StoredResponse, WhenAbandoned,
};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use ruts::store::moka::MokaStore;
use ruts::store::{SessionStore, Ttl};
use ruts::{CookieOptions, SessionLayer};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_cookies::CookieManagerLayer;

use super::built;
use crate::budget::Budget;
use crate::drive::{block_on, operation, spawning};
use crate::subject::{Case, Shared, Subject};

pub(crate) const FIRST: Case = Case {
    name: "idempotency-first",
    what: "a POST of 100 bytes with a new key, the handler runs and answers with 100 bytes",
    bare: Subject::bare("bare service", || spawning(Orders, fresh)),
    rows: &[
        Subject::ours("buttress, in memory", || spawning(ours(), fresh))
            .within(Budget::NONE.alone(4_000))
            .at_most(FEW),
        Subject::peer("axum-idempotent, in a session in memory", || spawning(session(), fresh))
            .at_most(FEWER),
    ],
};

pub(crate) const REPLAY: Case = Case {
    name: "idempotency-replay",
    what: "the same with a key that is known, its answer is given again",
    bare: Subject::bare("bare service", || spawning(Orders, again)),
    rows: &[
        Subject::ours("buttress, in memory", || spawning(known(ours()), again))
            .within(Budget::NONE.alone(1_500)),
        Subject::peer("axum-idempotent, in a session in memory", || spawning(known(session()), again)),
    ],
};

pub(crate) const STORE: Case = Case {
    name: "idempotency-store",
    what: "the store in memory alone: claim and complete, an answer of 100 bytes",
    bare: Subject::bare("a claim and an answer, made and dropped", asked),
    rows: &[Subject::ours("buttress", records).within(Budget::NONE.alone(400)).at_most(FEW)],
};

/// How many records a store gets at the most.
const FEW: u64 = 50_000;
/// A session is read and written as a whole.
const FEWER: u64 = 1_000;

const ORDER: &[u8; 100] = &[b'o'; 100];
const DONE: &[u8; 100] = &[b'd'; 100];

/// A service that can be measured here, with any body.
trait Handles:
    Service<Request<Body>, Response = Response<Self::Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
    type Body;
}

impl<S, B> Handles for S
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    type Body = B;
}

fn ours() -> impl Handles {
    let store = built(MemoryStore::builder().max_records(1_000_000).max_bytes(1 << 30).build());
    built(IdempotencyLayer::inbound(store).one_scope_for_all().build()).layer(Orders)
}

/// With a session that exists: in one that does not, it keeps nothing.
fn session() -> impl Handles {
    let store = MokaStore::builder().build();
    let id = built(SESSION.parse());
    built(block_on(store.set(&id, "user", &"somebody", built(Ttl::new(3_600)), None)));
    let options = IdempotentOptions::default().use_idempotency_key_header(None, true);
    let cookie = CookieOptions::build().name("session").max_age(3_600).path("/");
    let layers = ServiceBuilder::new()
        .layer(CookieManagerLayer::new())
        .layer(SessionLayer::new(Arc::new(store)).with_cookie_options(cookie))
        .layer(IdempotentLayer::<MokaStore>::new(options));
    layers.service(Orders)
}

const SESSION: &str = "AAAAAAAAAAAAAAAAAAAAAA";
const COOKIE_OF_SESSION: &str = "session=AAAAAAAAAAAAAAAAAAAAAA";

/// The service after it has answered the request that it is sent again and again.
fn known<S: Handles>(service: S) -> S {
    let [first, second] =
        [service.clone(), service.clone()].map(|service| block_on(service.oneshot(again())));
    let is_replay = |answer: Result<Response<S::Body>, Infallible>| {
        answer.is_ok_and(|answer| {
            let replayed = ["idempotent-replayed", "idempotency-replayed"];
            answer.status() == StatusCode::CREATED
                && replayed.iter().any(|name| answer.headers().contains_key(*name))
        })
    };
    assert!(!is_replay(first) && is_replay(second), "a layer does not replay what is measured as replayed");
    service
}

fn asked() -> Shared {
    let entropy = Entropy::system();
    operation(move || {
        let entropy = entropy.clone();
        move |_| drop(black_box((claim(&entropy), complete())))
    })
}

fn complete() -> Step {
    let response = built(StoredResponse::new(201, HeaderList::default(), Bytes::from_static(DONE)));
    Step::Complete { response: Arc::new(response), retain: DAY }
}

fn records() -> Shared {
    let store = built(MemoryStore::builder().max_records(1_000_000).max_bytes(1 << 30).build());
    let entropy = Entropy::system();
    operation(move || {
        let (store, entropy) = (store.clone(), entropy.clone());
        move |poller| {
            let claim = claim(&entropy);
            let claimed = poller.finish(pin!(store.claim(&claim)));
            let Ok(Claimed::Owned(owned)) = claimed else { return };
            black_box(&poller.finish(pin!(store.step(&owned.ticket, &complete()))));
        }
    })
}

pub(super) const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn claim(entropy: &Entropy) -> Claim {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&entropy.draw().to_be_bytes());
    Claim {
        id: RecordId::from_bytes(id),
        scope: Scope::from_bits(1),
        fingerprint: Fingerprint::from_bytes([2; 32]),
        owner: OwnerToken::draw(entropy),
        lease: Duration::from_secs(30),
        retain: DAY,
        when_abandoned: WhenAbandoned::TakeOver,
    }
}

pub(super) fn fresh() -> Request<Body> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    order(&format!("order-{:016x}", NEXT.fetch_add(1, Ordering::Relaxed)))
}

fn again() -> Request<Body> {
    order("order-0123456789abcdef")
}

pub(super) fn order(key: &str) -> Request<Body> {
    let mut request = Request::new(Body::from(Bytes::from_static(ORDER)));
    *request.method_mut() = Method::POST;
    let headers = request.headers_mut();
    headers.reserve(5);
    headers.insert(HOST, HeaderValue::from_static("orders.example"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("100"));
    headers.insert(COOKIE, HeaderValue::from_static(COOKIE_OF_SESSION));
    headers.insert(KEY, built(HeaderValue::from_str(key)));
    request
}

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Takes an order, and says that it is done.
#[derive(Clone)]
pub(super) struct Orders;

impl Service<Request<Body>> for Orders {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        drop(request);
        let mut response = Response::new(Body::from(Bytes::from_static(DONE)));
        *response.status_mut() = StatusCode::CREATED;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("100"));
        ready(Ok(response))
    }
}
