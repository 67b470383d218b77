//! Time limits for calls, and the one deadline that everything in a request consults.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use buttress_core::{BoxError, Refused};
//! use buttress_timeout::TimeoutLayer;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), BoxError> {
//! let slow = service_fn(|_: u32| async {
//!     tokio::time::sleep(Duration::from_secs(60)).await;
//!     Ok::<_, BoxError>(7)
//! });
//! let limited = TimeoutLayer::builder(Duration::from_secs(10)).build()?.layer(slow);
//! let error = limited.oneshot(1).await.unwrap_err();
//! assert_eq!(Refused::in_error(&error).map(Refused::code), Some("timed_out"));
//! # Ok(())
//! # }
//! ```
//!
//! | for | take |
//! |---|---|
//! | each request that a server gets: stamp the deadline and enforce it | `DeadlineLayer::inbound` |
//! | a client's call, retries included: the shorter of its total and the deadline it inherits | `DeadlineLayer::outbound` |
//! | each attempt of that call | `TimeoutLayer::attempt` |
//! | telling the next service what is left | `ForwardDeadlineLayer` |
//! | bodies that stand still or go on for ever | `BodyTimeoutLayer` |
//! | a route with a limit of its own, or with work that must be finished | `TimeoutLayer::inbound`, [`Detach`] |
//! | any other service | [`TimeoutLayer::builder`] |
//!
//! # Place in the stack
//!
//! ```text
//! inbound:   correlation ID > spans > DEADLINE > limits, shedding > BODY CLOCKS > route (TIMEOUT) > handler
//! outbound:  DEADLINE (total) > retry > breaker > TIMEOUT (attempt) > FORWARD DEADLINE > transport
//! ```
//!
//! The deadline stands outside everything that queues, so that waiting counts. The attempt's limit stands inside the
//! breaker, which sees a timeout as a failure. Body clocks stand inside the deadline, or they do not know it. A layer
//! here obeys every deadline that is in force around it, whatever its own limit.
//!
//! # States
//!
//! ```text
//! (waiting for readiness) --ready--> called --first poll that waits--> timer set --response, or time up--> done
//!            |                                                                                 |
//!            +-- time up: the next call is refused, 503, inner service not called              +-- refused, 504
//! ```
//!
//! A call's time counts from its first poll, or from the first poll of `poll_ready` that had to wait. Time that passes
//! after readiness was granted is the caller's own. The inner future is polled before the timer, always: a response
//! that is ready together with the timer wins. So does a frame of a body.
//!
//! The clock is first looked at when the inner future has been polled and has to wait. What that one poll took, usually
//! a microsecond, is on top of the limit. A future that blocks its thread cannot be timed out by anybody.
//!
//! # Cancellation
//!
//! Dropping a call drops the inner future and the timer with it; nothing is left behind and nothing is reported. When
//! the time is up the inner future is dropped before the caller hears of it, so what it held is free by then. A future
//! that was dropped may have had its effect: the refusal says [`reached_inner`](buttress_core::Rejection::reached_inner).
//!
//! With [`Detach`] the call goes on in a task of its own instead, at most so many at once and for at most so long. Only
//! the time limit detaches: a caller that leaves takes its call along.
//!
//! # Cost
//!
//! | path | allocations | clock reads | timer |
//! |---|---|---|---|
//! | [`TimeoutLayer`], the service answers at once | 0 | 0 | none |
//! | the service has to wait | 0 | 1, and 1 for each further poll that waits | 1 |
//! | readiness has to be waited for | 1 | 1 for each poll that waits, 2 more | 1 |
//! | `DeadlineLayer` | those of the request's extensions | 1 | 1 if something waits |
//! | `ForwardDeadlineLayer` | the header's value | 1 | none |
//! | a body, for each frame but the last, under a deadline | 0 | 1 | 1 for the whole body, if it ever waits |
//! | [`Detach`] | 1 for each call | 1 when it detaches | 2 |
//!
//! No locks but that of the runtime's timers, and one around the set of detached tasks. Each call counts one reference
//! to the layer; one that only tells the next service its deadline counts none. The figures are in
//! `docs/performance.md`.
//!
//! # When things fail
//!
//! | refusal | status | `Retry-After` | inner service reached |
//! |---|---|---|---|
//! | `deadline_expired`: too little was left to begin | 504, and `x-should-retry: false` | none | no |
//! | `timed_out_in_queue`: the time ran out before the inner service was ready | 503 | 1 s | no |
//! | `timed_out` | 504 | none | yes |
//! | `malformed_timeout`: only if so chosen | 400 | none | no |
//! | `body_idle`, `body_timed_out`: an error in the body, whose head has been sent | none | none | yes |
//!
//! A panic of the inner service is the caller's, as without the layer; in a detached call it is counted and reported.
//! A mode lies across all this: `Observe` reports once what it would have refused and lets the call go on, stamps
//! nothing and writes no header; `Off` sets no timer. What decides is the mode in force when the time is up.
//!
//! # Options
//!
//! | option | of | default | range | effect |
//! |---|---|---|---|---|
//! | `limit` | [`TimeoutLayer`] | none, must be given | 1 ms to 1 day | the time of a call |
//! | [`on_timeout`](TimeoutBuilder::on_timeout) | | [`Cancel`] | [`Cancel`], [`Detach`] | what becomes of the call |
//! | [`time_of_with`](TimeoutBuilder::time_of_with) | | nothing; over HTTP the extension `TimeLimit` or `AttemptLimit` | | a limit of the request's own |
//! | `max`, `longest` | [`Detach::at_most`] | none, must be given | from 1 call; 1 ms to 1 day | how many go on, for how long |
//! | `total` | `DeadlineLayer` | 30 s | 1 ms to 1 day | the time of a request |
//! | `max` | | 60 s, or `total` if more | `total` to 1 day | the most that a `TimeLimit` grants |
//! | `min_useful` | | 5 ms | 0 to 10 s, below `total` | with less left, nothing is begun |
//! | `trust` | | nobody | | whose headers are read |
//! | `headers` | | `x-request-timeout-ms`, `grpc-timeout`, `x-envoy-expected-rq-timeout-ms` | 0 to 8 | which headers are read |
//! | `when_malformed` | | ignore and report | | what happens to a header that holds no time |
//! | `reserve` | `ForwardDeadlineLayer` | 10 ms | 0 to 10 s | kept back for the way |
//! | `min_useful` | | 5 ms | 0 to 10 s | with less left, nothing is sent |
//! | `at_most` | | all that is left | 1 ms to 1 day | the most that the next service is told |
//! | `header` | | `x-request-timeout-ms` | | which header is written |
//! | `idle` | `BodyTimeoutLayer` | 15 s | 1 ms to 1 day, off | the longest wait for one part of a body |
//! | `without_deadline` | | off | | lets a body outlast its request's deadline |
//!
//! Every builder also takes `name`, `mode`, `observer` and, where it refuses, `reject_with`. A limit in a request's
//! extensions is not checked, as only the program itself can put it there; too long a one ends in a year.
//!
//! # Features
//!
//! `http` (on): deadlines in extensions and headers, problem documents, limits of a request's own, body clocks.
//!
//! # Sources
//!
//! Google's SRE book, chapters 21 and 22, on deadlines that cross services. The gRPC wire format, for `grpc-timeout`.
//! RFC 9110, sections 15.5.9, 15.6.4 and 15.6.5, for why a server's own lateness is 504 and not 408. tower-rs/tower-http
//! issues 300 and 623, for what 408 does to browsers and where a body's clock must begin.

mod detach;
mod face;
mod future;
#[cfg(feature = "http")]
mod http;
mod layer;
mod on_timeout;
mod plan;
mod queue;
mod range;
mod rejection;
mod reporter;
mod service;
mod time_of;
mod timer;
mod watch;

pub use detach::{Detach, DetachCounts};
pub use future::ResponseFuture;
#[cfg(feature = "http")]
pub use http::*;
pub use layer::{TimeoutBuilder, TimeoutLayer};
pub use on_timeout::{Cancel, OnTimeout};
pub use plan::Bound;
pub use rejection::{Phase, TimedOut};
pub use service::Timeout;
pub use time_of::{Allowed, FromContext, TimeOf};
