//! Limits how much runs at once, and refuses instead of queueing.
//!
//! # Example
//!
//! ```
//! use buttress_bulkhead::BulkheadLayer;
//! use buttress_core::{BoxError, Refused};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let layer = BulkheadLayer::plain("reports").max_concurrent(2).build()?;
//! let reports = layer.layer(service_fn(|number: u32| async move { Ok::<_, BoxError>(number) }));
//!
//! let (one, two) = (layer.bulkhead().try_acquire()?, layer.bulkhead().try_acquire()?);
//! let error = reports.clone().oneshot(7).await.unwrap_err();
//! assert_eq!(Refused::in_error(&error).map(Refused::code), Some("bulkhead_full"));
//!
//! drop((one, two));
//! assert_eq!(reports.oneshot(7).await?, 7);
//! # Ok(())
//! # }
//! ```
//!
//! | to limit | take |
//! |---|---|
//! | routes of an Axum router | `BulkheadLayer::inbound`: a refusal is a problem document |
//! | an HTTP client with a boxed error | `BulkheadLayer::outbound`: a refusal is an error |
//! | any other service | [`BulkheadLayer::plain`] |
//! | each route, host or tenant for itself | [`BulkheadLayerBuilder::keyed`] |
//! | a future, or a piece of code | [`Bulkhead::run`], [`Bulkhead::try_acquire`] |
//!
//! # Place in the stack
//!
//! ```text
//! inbound:   deadline > rate limit > BULKHEAD > body clocks > handler
//! outbound:  retry > throttle > BULKHEAD > circuit breaker > attempt timeout > transport
//! ```
//!
//! On a server close to the work that it protects, one per group of routes that share a resource, and inside the
//! deadline, which its queue obeys. On a client inside retry, so that a wait between attempts holds no permit, and
//! outside the breaker, so that a probe is not refused for want of room.
//!
//! The bulkhead belongs to the layer value: one value on many routes, in nested and in cloned routers is one
//! bulkhead. [`BulkheadLayer::fresh`] makes another.
//!
//! # When a call begins and ends
//!
//! ```text
//! call --room--> runs, with a permit --response--> (over HTTP: its body is read) --end--> the permit returns
//!   |                  ^
//!   |                  +--first in the queue, and a permit returns
//!   +--no room--> waits, if there is a queue --time up--> refused, bulkhead_wait_exceeded
//!          |
//!          +--no queue, or it is full--> refused, bulkhead_full
//! ```
//!
//! A permit is taken by `call` and never by `poll_ready`: a handle that is ready and idle, as every keep-alive
//! connection has one, holds nothing, and with nothing in flight every call is admitted. Over HTTP the permit returns
//! with the end of the response body, because a slow reader costs memory for as long as it reads; `UntilHead` returns
//! it earlier, `UntilBodyEndAs` keeps the type of the body, which is a `HeldBody` otherwise.
//!
//! Who waits is served first come, first served, and a newcomer never takes a permit that somebody waits for. A call
//! that waits keeps the instance of the inner service that was ready for it. A permit that arrives together with the
//! end of `max_wait` is used; one that arrives after the request's deadline goes to the next, because nobody needs
//! that answer any more.
//!
//! A [`Mode`](buttress_core::Mode) lies across all this. `Observe` lets everything run at once and reports what would
//! have been refused; `Off` does so in silence. Both go on counting, so the gauge is right on the day the limit is
//! switched on. What decides at the end of a wait is the mode then in force.
//!
//! # Cancellation
//!
//! Dropping a call drops the inner future first and then returns its permit, before the drop returns, with or without
//! a runtime. Dropping a call that waits gives up its place; if it was granted at that moment, the permit goes to the
//! next. A waiter who leaves is counted and reported as abandoned. A panic is a drop like any other.
//!
//! # Cost
//!
//! | path | locks | allocations | clock | timer |
//! |---|---|---|---|---|
//! | there is room | none: two atomic steps on one word, two on a reference count | 0 | never | none |
//! | there is room, per key | one short one for the table | 0 if the key is known | never | none |
//! | refused at once | none | 2, and those of the answer | never | none |
//! | waits | one short one to join, at each poll and to leave | 1 | twice | 1 |
//! | the permit returns to a waiter | one short one | 0 | never | none |
//!
//! No lock is held while code of others runs, wakers and observers included, but for what a key does when it is
//! compared, cloned and printed; and none across an `.await`. A bulkhead takes about 300 bytes, and 24 for each place in
//! the queue that was ever taken at once. No task is spawned.
//!
//! # When things fail
//!
//! | refusal | status | `Retry-After` | inner service reached |
//! |---|---|---|---|
//! | `bulkhead_full` | 503 | `retry_after` | no |
//! | `bulkhead_wait_exceeded`: the wait was too long, or the deadline came first | 503 | `retry_after` | no |
//!
//! Errors of the inner service, and of its readiness, pass through.
//!
//! # Options
//!
//! | option | default | range | unit | effect |
//! |---|---|---|---|---|
//! | [`max_concurrent`](BulkheadLayerBuilder::max_concurrent) | 100; `outbound` 64 | 1 to 1,000,000 | calls | so many run at once; [changeable](Bulkhead::set_max_concurrent) |
//! | [`queue`](BulkheadLayerBuilder::queue) | none | 1 to 50,000 | calls | so many may wait |
//! | [`max_wait`](BulkheadLayerBuilder::max_wait) | 1 s, if there is a queue | 1 ms to 1 day | time | for so long, and never beyond the deadline |
//! | [`retry_after`](BulkheadLayerBuilder::retry_after) | 1 s | 1 ms to 1 day | time | what a refusal tells its caller |
//! | [`hold`](BulkheadLayerBuilder::hold) | `UntilBodyEnd` over HTTP, [`UntilResponse`] elsewhere | [`Hold`] | | when a call is over |
//! | [`reject_with`](BulkheadLayerBuilder::reject_with) | problem document, or error | | | what a caller sees of a refusal |
//! | [`mode`](BulkheadLayerBuilder::mode) | enforce | enforce, observe, off | | whether it acts; changeable |
//! | [`observer`](BulkheadLayerBuilder::observer) | nobody | | | who hears its signals |
//! | [`max_keys`](KeyLimits::max_keys) | 10,000 | 1 to 1,000,000 | keys | so many have a bulkhead of their own |
//!
//! # Features
//!
//! `http` (on): `BulkheadLayer::inbound` and `outbound`, permits held to the end of response bodies, deadlines in
//! extensions, and `ByHost`.
//!
//! # Sources
//!
//! M. Nygard, *Release It!*, for the pattern. Resilience4j and Polly for a limit that does not wait unless asked to.
//! tower-rs/tower issue 793, for a limit that refuses; tower-rs/tower-http pull request 447, for a permit that lasts as
//! long as the body; vectordotdev/vector issue 26457, for permits in idle connections.

mod acquire;
mod aside;
#[cfg(feature = "http")]
mod body;
mod builder;
mod bulkhead;
mod future;
mod gate;
mod hold;
mod keyed;
mod keyed_layer;
mod layer;
mod limit;
mod permit;
mod place;
mod queue;
mod rejection;
mod rules;
mod run;
mod service;
mod shelf;
mod snapshot;
mod state;
mod sync;
mod tally;
mod tell;
mod terms;
mod wait;
mod word;

pub use acquire::Acquire;
#[cfg(feature = "http")]
pub use body::HeldBody;
pub use builder::BulkheadBuilder;
pub use bulkhead::Bulkhead;
pub use buttress_core::{Key, KeyOf, KeyRef, KeyWith};
#[cfg(feature = "http")]
pub use buttress_http::ByHost;
pub use future::ResponseFuture;
pub use hold::*;
pub use keyed::{KeyLimits, KeyedBulkheads};
pub use keyed_layer::{KeyedBulkheadLayer, KeyedBulkheadService};
pub use layer::{BulkheadLayer, BulkheadLayerBuilder};
pub use permit::Permit;
pub use place::Place;
pub use rejection::{Cause, Saturated};
pub use run::Run;
pub use service::BulkheadService;
pub use snapshot::Snapshot;
