//! The layer around handlers, over the store in memory and over one that fails.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod answers;
mod apart;
mod bodies;
mod contract;
mod faults;
mod keys;
mod leases;
mod panics;
mod places;
mod recovery;
mod renewals;
mod runs;
mod streams;
mod traps;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use buttress_idempotency::testing::Flaky;
use buttress_idempotency::{IdempotencyBuilder, IdempotencyLayer, MemoryStore};
use http::{HeaderMap, Request};

pub(crate) type Shop = Flaky<MemoryStore>;

/// A caller, as authentication would leave it in the extensions.
#[derive(Clone)]
pub(crate) struct Caller(pub(crate) &'static str);

pub(crate) fn store() -> Arc<Shop> {
    Arc::new(Flaky::new(MemoryStore::default()))
}

pub(crate) fn builder(store: &Arc<Shop>) -> IdempotencyBuilder<Shop> {
    IdempotencyLayer::inbound(Arc::clone(store))
        .scope(|head| head.extensions.get::<Caller>().map(|caller| caller.0))
}

/// Counts its runs; each takes a second.
#[derive(Clone, Default)]
pub(crate) struct Orders(Arc<AtomicUsize>);

impl Orders {
    pub(crate) fn runs(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn router(&self, layer: &IdempotencyLayer<Shop>) -> Router {
        let orders = self.clone();
        let handler = move || async move {
            let run = orders.0.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
            ([("x-run", run.to_string()), ("set-cookie", "a=b".to_owned())], format!("order {run}"))
        };
        Router::new()
            .route("/orders", post(handler.clone()))
            .route("/refunds", post(handler))
            .layer(layer.clone())
    }
}

pub(crate) fn request(path: &str, key: &str, body: &'static str) -> Request<Body> {
    let request = Request::post(path).header("idempotency-key", key).extension(Caller("ann"));
    request.body(Body::from(body)).unwrap()
}

pub(crate) fn code(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let start = text.find("\"code\":\"").map_or(text.len(), |at| at + 8);
    text[start..].split('"').next().unwrap_or_default().to_owned()
}

pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
