//! Limits how often callers may ask: exact rates in bounded memory, on one machine and across many.
//!
//! # Example
//!
//! ```
//! use axum::{Router, routing::get};
//! use buttress_rate_limit::{Exempt, Policy, Quota, RateLimitLayer, key};
//! # use std::net::SocketAddr;
//! # use axum::{body::Body, http::Request};
//! # use buttress_http::PeerAddr;
//! # use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limit = RateLimitLayer::inbound()
//!     .policy(Policy::named("per-address").key(key::client_addr()).quota(Quota::per_minute(2)))
//!     .exempt(Exempt::preflights().path("/healthz"))
//!     .build()?;
//! let app: Router = Router::new().route("/", get(|| async { "hello" })).layer(limit);
//!
//! # let ask = || {
//! #     let mut request = Request::new(Body::empty());
//! #     request.extensions_mut().insert(PeerAddr(SocketAddr::from(([192, 0, 2, 1], 4711))));
//! #     app.clone().oneshot(request)
//! # };
//! let answer = ask().await?; // from 192.0.2.1
//! assert_eq!(answer.headers()["ratelimit"], r#""per-address";r=1;t=30"#);
//! ask().await?;
//! let refused = ask().await?;
//! assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"30".parse()?));
//! # Ok(())
//! # }
//! ```
//!
//! To count by address takes a server that says who its peer is. With Axum that is two lines, which the page of
//! `key::client_addr` has; without them every request is refused, and a warning says why.
//!
//! | to limit | take |
//! |---|---|
//! | routes of an Axum router | `RateLimitLayer::inbound`: a refusal is a problem document |
//! | an HTTP client with a boxed error | `RateLimitLayer::outbound`: a refusal is an error |
//! | an HTTP client that should wait instead | [`ThrottleLayer`] |
//! | any other service | [`RateLimitLayer::plain`] |
//! | several processes together | [`RateLimitBuilder::shared`] with a `SharedTier` |
//! | a piece of code | [`RateLimiter`] |
//!
//! # Place in the stack
//!
//! ```text
//! deadline > timeout > RATE LIMIT per address > authentication > RATE LIMIT per principal > .. > handler
//! ```
//!
//! What counts by address stands outside of everything that costs; what counts by principal stands inside the layer that
//! finds out who that is. A CORS layer stands outside of both, or a browser cannot read the refusal. On a client it
//! stands inside retry, so that every attempt is counted.
//!
//! The counts belong to the layer value: one value on many routes, in nested and in cloned routers is one limit.
//! [`RateLimitLayer::fresh`] makes another.
//!
//! # Policies
//!
//! A [`Policy`] says who is counted, how much each may spend and what a request costs. Up to eight are decided
//! together: a request is charged to all or to none, and a refusal names each policy that it would violate. The decision
//! is the generic cell rate algorithm: after a rest a burst at once, then one unit per interval; exact, without windows
//! at whose edges twice as much gets through.
//!
//! A [`Mode`](buttress_core::Mode) lies across each policy and across the layer. `Observe` counts and reports what it
//! would have refused, and lets it pass. `Off` counts nothing.
//!
//! # Cancellation
//!
//! Where only this process counts, a request is decided before `call` returns, and there is nothing to cancel. A request
//! that waits for a shared tier or an override, and is dropped, gives back at once what was charged before the inner
//! service was called. Dropped later, it keeps it: the service was asked.
//!
//! The inner service is polled ready before a request is there, so one that hands out permits in `poll_ready` has its
//! permit waiting along while a shared tier decides, for its time budget at most.
//!
//! # Cost
//!
//! | path | locks | allocations | clock |
//! |---|---|---|---|
//! | passes, without fields | one of many, for some tens of nanoseconds, per policy | 0 | once |
//! | passes, with fields | the same | 1, and what the response's header map takes for two lines | once |
//! | refused | the same | those of the problem document | once |
//! | a policy settles | one more | 1 | once more |
//! | an override is fetched, or a shared tier asks its server | none across the wait | a few | twice |
//! | exempt, or off | none | 0 | never |
//!
//! Memory is what the table takes from the start ([`Table`]), whatever strangers send. A layer spawns no task;
//! [`Overrides`] ask their source in tasks of their own, and a [`SharedTier`] has one.
//!
//! # When things fail
//!
//! | refusal | status | `Retry-After` | when |
//! |---|---|---|---|
//! | `rate_limited` | 429 | the longest wait of the violated policies, rounded up | a quota is spent |
//! | `rate_limited` | 429 | none; `retryable: false` | the request costs more than a burst |
//! | `rate_limit_key_missing` | 400, or as [`Missing`] says | none | there is no key, or several |
//! | `rate_limit_unavailable` | 503 | if the tier knows | the shared tier is gone, and was told to refuse then |
//!
//! In none of them the inner service was called. Its own errors pass through.
//!
//! # Options
//!
//! | option | default | range | unit | effect |
//! |---|---|---|---|---|
//! | [`policy`](RateLimitBuilder::policy) | must be given | 1 to 8 | policies | see the table at [`Policy`] |
//! | `exempt` | inbound: CORS preflights | [`Exempt`] | | who is not counted |
//! | `fields` | inbound: all; outbound: none | `Fields` | | what responses say |
//! | `client_addr` | the peer, from a `PeerAddr` | `ClientAddrResolver` | | who the client is |
//! | [`mode`](RateLimitBuilder::mode) | enforce | enforce, observe, off | | whether it may refuse; changeable |
//! | [`slots`](RateLimitBuilder::slots) | 131,072 | 1 to 268,435,456 | keys | how many are remembered, 24 bytes for each |
//! | [`shared`](RateLimitBuilder::shared) | nobody | [`Tier`] | | who counts for several processes; options at [`SharedTierBuilder`] |
//! | [`reject_with`](RateLimitBuilder::reject_with) | problem document, or error | [`Reject`](buttress_core::Reject) | | what a caller sees |
//! | [`observer`](RateLimitBuilder::observer) | nobody | [`Observer`](buttress_core::Observer) | | who hears of refusals |
//!
//! # Features
//!
//! `http` (on): keys, exemptions, fields and refusals of HTTP. `testing` (off): the laws of stores, for those who write
//! one.
//!
//! # Sources
//!
//! ITU-T I.371 for the algorithm; draft-ietf-httpapi-ratelimit-headers-10 for the fields and the problem type; RFC 9110,
//! section 10.2.3, for `Retry-After`; RFC 9457 for problem documents; RFC 9651 for structured fields. That the state
//! belongs into the layer is the lesson of tower's issues 764 and axum's 2634; that policies are decided together and
//! that nobody falls back to the address are lessons of gateways that do neither.

mod builder;
mod claim;
mod epoch;
mod exempt;
#[cfg(feature = "http")]
mod fields;
mod future;
mod gcra;
mod handle;
mod hash;
#[cfg(feature = "http")]
mod head;
pub mod key;
mod layer;
mod limiter;
mod local;
mod missing;
mod overrides;
mod policies;
mod policy;
mod quota;
mod rejection;
mod reporter;
#[cfg(feature = "http")]
mod response_head;
mod service;
mod settle;
mod settling;
mod shared;
mod store;
mod subject;
mod sync;
mod table;
mod terms;
#[cfg(feature = "testing")]
pub mod testing;
pub mod throttle;
mod tier;
mod told;
mod trial;
mod waiting;
#[cfg(feature = "http")]
mod web;

pub use builder::RateLimitBuilder;
pub use claim::{ChargedBy, Claim, Claims, Fate, MAX_POLICIES, Position, Unavailable, Verdicts};
pub use exempt::Exempt;
#[cfg(feature = "http")]
pub use fields::Fields;
pub use future::ResponseFuture;
pub use gcra::{Rate, Ruling, Standing};
pub use handle::PolicyHandle;
pub use hash::{HashKey, KeyHash, KeyHasher};
#[cfg(feature = "http")]
pub use head::Head;
pub use layer::RateLimitLayer;
pub use limiter::{Admitted, Denied, RateLimiter, RateLimiterBuilder};
pub use local::LocalTier;
pub use missing::Missing;
pub use overrides::{FetchFuture, Lookup, OverrideCounts, OverrideKey, Overrides, OverridesBuilder};
pub use policy::Policy;
pub use quota::Quota;
pub use rejection::{KeyMissing, RateLimited};
#[cfg(feature = "http")]
pub use response_head::ResponseHead;
pub use service::RateLimit;
pub use settle::Settle;
pub use shared::{Leases, SharedStats, SharedTier, SharedTierBuilder, WhenGone};
pub use store::{Ask, MAX_ASKS, Reply, Store, StoreError, Take};
pub use subject::{Limits, Plain, Subject};
pub use table::{Occupancy, Table};
pub use throttle::{ThrottleHandle, ThrottleLayer, Throttled};
pub use tier::{Answer, Pending, Tier};
#[cfg(feature = "http")]
pub use web::Http;
