//! Stops calling a service that keeps failing, and lets a few probes decide when to start again.
//!
//! # Example
//!
//! ```
//! use buttress_circuit_breaker::{BreakerConfig, CircuitBreakerLayer, State};
//! use buttress_core::{BoxError, Refused};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let layer = CircuitBreakerLayer::plain("inventory")
//!     .config(BreakerConfig::new().consecutive_failures(3))
//!     .build()?;
//! let inventory = layer.layer(service_fn(|_: u32| async { Err::<u32, _>(BoxError::from("no answer")) }));
//!
//! for _ in 0..3 {
//!     let _ = inventory.clone().oneshot(1).await;
//! }
//! assert_eq!(layer.breaker().state(), State::Open);
//! let error = inventory.oneshot(1).await.unwrap_err();
//! assert_eq!(Refused::in_error(&error).map(Refused::code), Some("circuit_open"));
//! # Ok(())
//! # }
//! ```
//!
//! | to guard | take |
//! |---|---|
//! | routes of an Axum router | `CircuitBreakerLayer::inbound`: a refusal is a problem document |
//! | an HTTP client with a boxed error | `CircuitBreakerLayer::outbound`: a refusal is an error |
//! | any other service | [`CircuitBreakerLayer::plain`] |
//! | each host, route or tenant for itself | [`CircuitBreakerBuilder::keyed`] |
//! | a future, or a piece of code | [`Breaker::call`], [`Breaker::try_admit`] |
//!
//! # Place in the stack
//!
//! ```text
//! retry > rate limit > bulkhead > CIRCUIT BREAKER > attempt timeout > transport
//! ```
//!
//! Inside retry, so that it sees every attempt; around the attempt timeout, so that a timeout is a failure. On a
//! server it guards the routes that need one named dependency, never the whole router. What a layer inside refuses
//! without calling the service (its [`Refused`](buttress_core::Refused) says so) is no outcome, and what a layer
//! outside refuses never arrives.
//!
//! The breaker belongs to the layer value: one value on many routes, in nested and in cloned routers is one breaker.
//! [`CircuitBreakerLayer::fresh`] makes another.
//!
//! # States
//!
//! ```text
//!            a rule is broken                    the open time has passed, and a call arrives
//! closed ------------------------> open -----------------------------------------> half-open
//!    ^                              ^                                                |    |
//!    |                              +----- too many probes failed, or no verdict ----+    |
//!    +--------------------------------------- the probes succeeded -----------------------+
//! ```
//!
//! | state | calls | ends |
//! |---|---|---|
//! | [`Closed`](State::Closed) | pass and are counted | when a rule is broken |
//! | [`Open`](State::Open) | are refused | with the first call after the open time |
//! | [`HalfOpen`](State::HalfOpen) | a few pass as probes, the rest is refused | with the verdict, or when a probe has run for `half_open_max` |
//! | [`ForcedOpen`](State::ForcedOpen) | are refused | by hand |
//! | [`Disabled`](State::Disabled) | pass and are not counted | by hand |
//!
//! Four rules open a closed breaker, each of which can be off: too large a share of failures in the window; so many
//! failures in a row; too large a share of slow calls; too large a share, counting the calls that have been running
//! for too long and have not returned. They are looked at whenever something bad is recorded, and the last one when
//! a call arrives, once per eighth of its limit.
//!
//! Every change begins an epoch. A call remembers the epoch in which it was admitted, and its outcome counts in no
//! other: a slow success from before the outage closes nothing, a late failure opens nothing.
//!
//! A [`Mode`](buttress_core::Mode) lies across all this. `Observe` lets pass what it would have refused, and
//! reports it. `Off` changes no state and lets everything pass; a closed breaker goes on counting meanwhile.
//!
//! # Cancellation
//!
//! Dropping a call returns its probe permit at once and records it before the drop returns, with or without a
//! runtime. It counts as a failure if it had been waiting for as long as a slow call may take (1 s where slow calls
//! are not watched), and as nothing before: so a backend that hangs is seen also when the timeout is outside the
//! breaker, and a caller who changes his mind is not held against the service. [`Abandoned`] changes that. A call
//! that panics while it is polled is a failure, even if the future is dropped later.
//!
//! # Cost
//!
//! | path | locks | allocations | clock |
//! |---|---|---|---|
//! | closed, success | none; atomic adds to cache lines of the thread's own | 0 | once, twice if the call waits |
//! | closed, only failures in a row watched, success | none | 0 | never, once if the call waits |
//! | closed, window of calls, success | one at its end | 0 | the same |
//! | closed, slow or hung calls watched | one at each end of the call | 0 | twice |
//! | closed, anything but a success | one at its end | 0 | once, twice if the call waits |
//! | open | none; atomic adds to cache lines of the thread's own | 0 before the answer is built | once |
//! | half-open | one at each end of the probe | 0 | twice |
//!
//! A lock is held for some tens of nanoseconds; none while code of others runs, and none across an `.await`. A
//! breaker takes about 2 KiB, and 320 bytes more for each processor; its window costs the same whether it holds ten
//! calls or ten million. No task is spawned and no timer armed: an open breaker half-opens when a call arrives.
//!
//! # When things fail
//!
//! | refusal | status | `Retry-After` | inner service reached |
//! |---|---|---|---|
//! | `circuit_open` | 503 | rest of the open time | no |
//! | `circuit_half_open_full` | 503 | 1 s | no |
//! | `circuit_forced_open` | 503 | none | no |
//!
//! `circuit_open` without a wait also answers a call whose handle became ready while the breaker was open, if the
//! breaker has closed since and the inner service is not ready at that moment: nobody may call it then, and nobody
//! would be woken. Errors of the inner service's readiness pass through and are not counted.
//!
//! # Options
//!
//! Of [`BreakerConfig`]:
//!
//! | option | default | range | unit | effect |
//! |---|---|---|---|---|
//! | [`window`](BreakerConfig::window) | 30 s in 10 buckets | 100 ms to 1 day in 1 to 15; 1 to 1,000,000 calls; none | | what is remembered |
//! | [`min_calls`](BreakerConfig::min_calls) | 20, or the window if shorter | 1 to 1,000,000; at most the window | calls | no share is looked at before |
//! | [`failure_ratio`](BreakerConfig::failure_ratio) | 50 % | above 0 to 100 %, off | share | at least so much opens |
//! | [`consecutive_failures`](BreakerConfig::consecutive_failures) | 5 | 1 to 1,000,000, off | calls | so many in a row open |
//! | [`slow_call_after`](BreakerConfig::slow_call_after) | off | 1 ms to 1 day | time | longer calls are slow, running ones too |
//! | [`slow_call_ratio`](BreakerConfig::slow_call_ratio) | 100 % | above 0 to 100 % | share | at least so much opens |
//! | [`hung_after`](BreakerConfig::hung_after) | off | 1 ms to 1 day | time | longer running calls count as failed meanwhile |
//! | [`half_open_permits`](BreakerConfig::half_open_permits) | 3 | 1 to 1,000 | calls | probes |
//! | [`probe_rule`](BreakerConfig::probe_rule) | rate, 50 % | rate above 0 to 100 %; first failure, 1 to 1,000 successes | | how probes are judged |
//! | [`half_open_max`](BreakerConfig::half_open_max) | 30 s | 1 ms to 1 day | time | probes that run for so long without a verdict open it again |
//! | [`open_for`](BreakerConfig::open_for) | 5 s, doubling to 60 s, drawn from the upper half | 1 ms to 1 day | time | how long it stays open |
//! | [`retry_after_cap`](BreakerConfig::retry_after_cap) | 60 s | 0 to 1 day | time | the most that `Retry-After` extends that to |
//! | [`abandoned`](BreakerConfig::abandoned) | failure if slow | [`Abandoned`] | | what a dropped call counts as |
//!
//! [`ServiceProfile`] and [`ResourceProfile`] are settings by name. Of [`KeyLimits`]: `max_keys` 10,000 (1 to
//! 1,000,000), `idle_after` 10 minutes. Of the builders: `mode`, `observer`, `entropy`, `wall_clock`.
//!
//! # Features
//!
//! `http` (on): `CircuitBreakerLayer::inbound` and `outbound`, their watching of response bodies, and `ByHost`.
//!
//! # Sources
//!
//! M. Nygard, *Release It!*, for the pattern; resilience4j for windows, slow calls and the states set by hand; gobreaker
//! for the idea that an outcome belongs to a generation, and its issue 91 for calls that hang; Polly for late
//! outcomes that never extend the open time; Linkerd for two rules side by side, for rates and for rows.

mod ages;
#[cfg(feature = "http")]
mod body;
#[cfg(feature = "http")]
mod body_layer;
mod breaker;
mod builder;
mod call;
mod circuit;
mod config;
mod desk;
mod event;
mod future;
mod guard;
mod inner;
mod keyed;
mod keyed_layer;
mod layer;
mod name;
mod nanos;
mod opening;
mod probes;
mod profile;
mod progress;
mod quick;
mod registry;
mod rejection;
mod rules;
mod service;
mod shelf;
mod snapshot;
mod spread;
mod state;
mod sync;
mod tally;
mod tell;
mod ticket;
mod word;

#[cfg(feature = "http")]
pub use body::WatchedBody;
#[cfg(feature = "http")]
pub use body_layer::{BodyWatching, BodyWatchingFuture, BodyWatchingLayer};
pub use breaker::Breaker;
pub use builder::BreakerBuilder;
pub use buttress_core::{Key, KeyOf, KeyRef, KeyWith};
#[cfg(feature = "http")]
pub use buttress_http::ByHost;
pub use call::Call;
pub use config::{Abandoned, BreakerConfig, ProbeRule, Window};
pub use event::{Counts, Reason, State, StateChange};
pub use future::ResponseFuture;
pub use keyed::{KeyLimits, KeyedBreakers};
pub use keyed_layer::{KeyedCircuitBreaker, KeyedCircuitBreakerLayer};
pub use layer::{CircuitBreakerBuilder, CircuitBreakerLayer};
pub use profile::{ResourceProfile, ServiceProfile};
pub use registry::{BreakerRegistry, RegistryError, UnknownBreaker};
pub use rejection::CircuitOpen;
pub use service::CircuitBreaker;
pub use snapshot::Snapshot;
pub use ticket::Ticket;
