//! Sends a request again when that is safe and may help, and stops before retries make an outage worse.
//!
//! # Example
//!
//! ```
//! # #[cfg(not(feature = "http"))] fn main() {}
//! # #[cfg(feature = "http")]
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! use buttress_retry::RetryLayer;
//! use buttress_testkit::message::{get, response, send};
//! use buttress_testkit::{Reply, Strict};
//! use tower::Layer;
//!
//! # use http::StatusCode;
//! # type Inner = Strict<http::Request<buttress_http::ReplayBody<http_body_util::Full<bytes::Bytes>>>,
//! #     http::Response<http_body_util::Full<bytes::Bytes>>, buttress_core::BoxError>;
//! let busy = || Reply::Ok(response(StatusCode::SERVICE_UNAVAILABLE, "busy"));
//! let fine = Reply::Ok(response(StatusCode::OK, "done"));
//! let upstream = Inner::script([busy(), busy(), fine]);
//!
//! let retry = RetryLayer::builder().name("inventory").build().unwrap();
//! let answer = send(&retry.layer(upstream), get("/devices")).await;
//! assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, "done"));
//! # }
//! ```
//!
//! [`RetryLayer::plain`] retries other Tower services, and [`RetryLayer::call`] work that is no service at all.
//!
//! # Place in the stack
//!
//! Outbound, around everything that belongs to one attempt and inside everything that belongs to the whole call:
//!
//! ```text
//! idempotency key > total timeout, deadline > RETRY > limits > circuit breaker > attempt timeout > transport
//! ```
//!
//! A breaker stays inside, so that it counts attempts; its refusal ends the call. An attempt timeout stays inside
//! and is shorter than the total. What mints an idempotency key stays outside, so that all attempts carry the same.
//! One retry layer per path: two multiply.
//!
//! # States
//!
//! ```text
//! attempt --no fault--> answer
//!    |
//!    +--fault--> stop? (method, refusal, attempts, Retry-After, deadline, body, budget) --> answer as it came
//!                  |
//!                  no --> read and drop the response --> wait --> ready at once? --yes--> next attempt
//!                                                                       |
//!                                                                       no --> answer as far as it was kept
//! ```
//!
//! # Cancellation
//!
//! Dropping the call ends the attempt or the wait that is going on. What it held of the budget is back at once: it
//! is no longer in flight, and its retry no longer under way. The retries it had spent stay spent.
//!
//! # Cost
//!
//! A plain call that is answered at once costs about 30 instructions, by what the inner future has to drop, and no
//! allocation. The budget is included: one count on a cache line of the thread's own, no lock, no clock. A call that
//! waits reads the clock once and counts on another such line. Over HTTP a copy of the head is kept: one allocation,
//! and less than a header map's clone costs; a request body that is not empty costs a second one, and extensions other
//! than correlation ID and deadline cost a clone of them all, two and one more for each. A retry takes a lock for the
//! budget, allocates the wait, and makes a header map.
//!
//! # When things fail
//!
//! The caller always gets an outcome of the service as it came, never one of this layer. The signal
//! [`GaveUp`](buttress_core::Verdict::GaveUp) and the log line say why there was no other attempt:
//!
//! | code | the fault is not tried again because |
//! |---|---|
//! | `attempts` | all attempts were made |
//! | `deadline`, `elapsed` | the next would begin at or after the deadline, or after [`max_elapsed`](RetryBuilder::max_elapsed) |
//! | `budget` | the destination's [`Budget`] has nothing left |
//! | `method` | the method is not idempotent, there is no key, and the request may have arrived |
//! | `no_key` | 409 with `Retry-After`, and there is no key that runs at the moment: the conflict is the answer |
//! | `body` | the request's body is beyond the cap, still being sent, or broken |
//! | `retry_after` | the service asks for a longer wait than [`retry_after_limit`](RetryBuilder::retry_after_limit) |
//! | `server_said_no` | the response says `x-should-retry: false` |
//! | `local_refusal` | a layer of this process refused; a timeout around the attempt is the exception |
//! | `not_ready` | the service was not ready when the wait was over |
//! | `opted_out`, `not_covered`, `observing` | the request, the schedule or the mode says so |
//!
//! What counts as a fault over HTTP, unless the `StandardPolicy` is told otherwise:
//!
//! | outcome | sent again |
//! |---|---|
//! | no connection came about | whatever the method |
//! | connection broken, transport or attempt timed out, unknown error | idempotent requests |
//! | 408, 429, 502, 503, 504 | idempotent requests |
//! | 409 with `Retry-After`: the same key runs | requests with an `Idempotency-Key` |
//! | 4xx and 5xx with `x-should-retry: true` | idempotent requests |
//! | invalid request, failed request body, anything else | never |
//!
//! A request is idempotent by its method (RFC 9110, section 9.2.2), by an `Idempotency-Key`, or by
//! `Retryable::Yes`. A response that was dropped for a retry that then turned out impossible is given back with
//! its body if that was read to its end, and otherwise with an empty body and no headers that describe one.
//!
//! # Options
//!
//! | option | default | range, unit | effect |
//! |---|---|---|---|
//! | `max_attempts` | 3 | 1 to 100 | attempts in all |
//! | `backoff` | 100 ms, doubling to 2 s, full jitter | 1 ms to 1 day | the wait between attempts |
//! | `profile`, `schedule` | | [`Profile`] | attempts, waits and limits by name |
//! | `max_elapsed` | none | above 0 | when the last attempt must begin, from the first wait on |
//! | `retry_after_limit` | 10 s | to 1 day | the longest wait that a service may ask for |
//! | `transient_only` | off | | tries only faults of connection and time again |
//! | `budget` | one of its own | [`Budget`] | 20 % of calls over 10 s, 3 per second on top; 20 % of calls in flight, at least 3 |
//! | `when_not_ready` | give up | wait to 1 day | what to do about an inner service that is not ready after the wait |
//! | `policy` | `StandardPolicy` | [`RetryPolicy`] | what is a fault, and what to do about it |
//! | `mode` | enforce | [`Mode`](buttress_core::Mode) | observe reports only, off decides nothing |
//! | `name`, `observer`, `entropy` | none | | signals, and jitter that can be repeated |
//! | `replay_cap_bytes` | 64 KiB | bytes | request body that is kept for another attempt |
//! | `drain_cap_bytes`, `drain_for` | 64 KiB, 50 ms | bytes, to 10 s | how much of a failed response is read, to keep its connection |
//! | `attempt_header` | `x-retry-attempt` from the second | `AttemptHeader` | how requests say which attempt they are |
//! | `wrap_body` | none | `WrapBody` | what the inner service takes as body |
//!
//! # Features
//!
//! `http` (default): `RetryLayer::builder` and what is needed for HTTP requests. Without it the crate knows no
//! HTTP.
//!
//! # Sources
//!
//! Budgets over time: Finagle's `RetryBudget`; the share in flight: Envoy's retry budgets. Full jitter: Marc Brooker,
//! "Exponential Backoff and Jitter". No queueing behind an unready service, and bodies that are replayed within a
//! cap: linkerd2-proxy. `Retry-After`: RFC 9110, section 10.2.3. Idempotency keys:
//! draft-ietf-httpapi-idempotency-key-header. That fractions of the budget must not be rounded:
//! tower-rs/tower issue 857.

mod budget;
mod builder;
mod future;
mod layer;
mod pause;
mod plain;
mod policy;
mod profile;
mod resend;
mod run;
mod schedule;
mod service;
mod shared;
mod sync;
mod work;

#[cfg(feature = "http")]
mod over_http;

pub use budget::{Budget, BudgetBuilder, BudgetUsage, BudgetedCall};
pub use builder::RetryBuilder;
pub use future::ResponseFuture;
pub use layer::RetryLayer;
#[cfg(feature = "http")]
pub use over_http::{
    AsReplayBody, AttemptHeader, Draining, HttpKept, HttpRetryLayer, ResendHttp, Retryable, StandardPolicy,
    StatusRule, WrapBody,
};
pub use plain::{RetryErrors, RetryWhen};
pub use policy::{Decision, Fault, RetryPolicy, Stop, Tried};
pub use profile::Profile;
pub use resend::{CannotRepeat, CloneRequest, Cloned, Discard, Repeat, Resend, Whole};
pub use schedule::Schedule;
pub use service::Retry;
pub use shared::NotReady;
pub use work::{Numbered, Work};
