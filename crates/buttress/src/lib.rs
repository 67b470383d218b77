//! Composable resilience for Axum services and the clients they call: one crate per layer, in the order that works.
//!
//! # Example
//!
//! An Axum app gets a correlation ID, a deadline and clocks on its bodies with one line, and nothing else changes:
//!
//! ```
//! use axum::{Router, routing::get};
//! use buttress::{Correlation, Inbound};
//!
//! async fn hello(id: Correlation) -> String {
//!     format!("hello from {}", id.as_str())
//! }
//!
//! let app: Router = Router::new().route("/", get(hello)).layer(Inbound::default());
//! # use tower::ServiceExt;
//! # let request = http::Request::builder().uri("/").header("x-correlation-id", "order-17").body(axum::body::Body::empty())?;
//! # let response = tokio::runtime::Runtime::new()?.block_on(app.oneshot(request))?;
//! assert_eq!(response.headers()["x-correlation-id"], "order-17");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A client over reqwest gets breaker, retry, timeouts, deadline and the same correlation ID:
//!
//! ```
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let intune = buttress::client("intune").build()?;
//! let error = intune.get("http://127.0.0.1:9/devices").send().await.expect_err("nobody listens there");
//! assert!(error.is_connect());
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(run()).unwrap();
//! ```
//!
//! # Place in the stack
//!
//! ```text
//! inbound    correlation ID > telemetry > audit > deadline and total > rate limit > your authentication
//!            > idempotency > bulkhead > body clocks > your app
//! outbound   correlation ID > idempotency key > events > deadline and total > body clocks > retry > throttle
//!            > bulkhead > circuit breaker > attempt timeout > deadline sent along > transport
//! ```
//!
//! Rate limit, throttle and bulkhead are there when asked for, because only you know the numbers; idempotency and its
//! keys, because only you know whose keys they are and which service honours them; audit, because only you know where
//! its log belongs.
//! [`Inbound`] and [`client()`] are these orders; [`Outbound`] is the second one for a transport of your own. For an
//! order of your own there is [`stack`], which refuses those that are a mistake.
//!
//! # Features
//!
//! | feature | brings |
//! |---|---|
//! | `full` (default) | everything below but `audit`, `fjall`, `nats`, `otlp`, `postgres`, `redact`, `redis` and `telemetry` |
//! | `audit` | records of requests and the log that keeps them; [`Inbound`] has a place for the layer |
//! | `axum` | the [`Correlation`] extractor |
//! | `bulkhead`, `circuit-breaker`, `correlation-id`, `idempotency`, `rate-limit`, `retry`, `timeout` | that layer |
//! | `inbound` | [`Inbound`], with every inbound layer |
//! | `outbound` | [`Outbound`], with every outbound layer |
//! | `fjall`, `postgres` | idempotency records on disk, and in PostgreSQL; there with `audit` its records too |
//! | `nats`, `otlp` | audit records in NATS JetStream, and as OpenTelemetry logs |
//! | `redact` | masks for secrets, in header maps and in what is serialised as well |
//! | `redis` | rate limits that several processes share, and with `idempotency` the records too |
//! | `reqwest` | [`client()`], in the outbound stack |
//! | `telemetry` | log lines as JSON with the context of the request, redacted |
//!
//! # Cancellation, cost, failures, options
//!
//! Those of the layers: each crate's front page has them, and `docs/` a page on each. [`InboundBuilder`] and
//! [`ClientBuilder`] list the options of the stacks.

#[cfg(feature = "reqwest")]
mod client;
#[cfg(feature = "outbound")]
mod profile;
pub mod stack;

#[cfg(feature = "audit")]
pub use buttress_audit as audit;
pub use buttress_backoff as backoff;
#[cfg(feature = "bulkhead")]
pub use buttress_bulkhead as bulkhead;
#[cfg(feature = "circuit-breaker")]
pub use buttress_circuit_breaker as circuit_breaker;
pub use buttress_core as core;
#[cfg(feature = "correlation-id")]
pub use buttress_correlation_id as correlation_id;
#[cfg(feature = "fjall")]
pub use buttress_fjall as fjall;
pub use buttress_http as http;
#[cfg(feature = "idempotency")]
pub use buttress_idempotency as idempotency;
#[cfg(feature = "nats")]
pub use buttress_nats as nats;
#[cfg(feature = "postgres")]
pub use buttress_postgres as postgres;
#[cfg(feature = "rate-limit")]
pub use buttress_rate_limit as rate_limit;
#[cfg(feature = "redact")]
pub use buttress_redact as redact;
#[cfg(feature = "redis")]
pub use buttress_redis as redis;
#[cfg(feature = "reqwest")]
pub use buttress_reqwest as reqwest;
#[cfg(feature = "retry")]
pub use buttress_retry as retry;
#[cfg(feature = "telemetry")]
pub use buttress_telemetry as telemetry;
#[cfg(feature = "timeout")]
pub use buttress_timeout as timeout;

#[cfg(feature = "circuit-breaker")]
pub use buttress_circuit_breaker::{Breaker, BreakerRegistry};
pub use buttress_core::{
    ConfigError, Context, CorrelationId, Deadline, Kind, Mode, Outcome, Principal, Ratio, Refused,
};
#[cfg(feature = "axum")]
pub use buttress_correlation_id::Correlation;
#[cfg(feature = "correlation-id")]
pub use buttress_correlation_id::{spawn, spawn_blocking};
pub use buttress_http::{AsProblem, refused_in};
#[cfg(feature = "reqwest")]
pub use buttress_reqwest::{ApiClient, ApiError, Client, Error};
#[cfg(feature = "reqwest")]
pub use client::{ClientBuilder, client};
#[cfg(feature = "inbound")]
pub use stack::{Inbound, InboundBuilder};
#[cfg(feature = "outbound")]
pub use {
    profile::Profile,
    stack::{Outbound, OutboundBuilder},
};
