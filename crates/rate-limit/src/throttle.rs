//! Sends calls no faster than an upstream allows: a layer that shapes instead of refusing.
//!
//! # Example
//!
//! ```
//! use buttress_core::BoxError;
//! use buttress_rate_limit::{Quota, ThrottleLayer};
//! use tokio::time::{Duration, Instant};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), BoxError> {
//! // The upstream allows twenty calls per second, and two at once.
//! let layer = ThrottleLayer::plain("graph").quota(Quota::per_second(20).burst(2)).build()?;
//! let client = layer.layer(service_fn(|call: u32| async move { Ok::<_, BoxError>(call) }));
//!
//! let begin = Instant::now();
//! for call in 0..4 {
//!     client.clone().oneshot(call).await?;
//! }
//! assert_eq!(begin.elapsed(), Duration::from_millis(100), "two at once, the others 50 ms apart");
//! # Ok(())
//! # }
//! ```
//!
//! # Place in the stack
//!
//! ```text
//! deadline > retry > THROTTLE > bulkhead > circuit breaker > attempt timeout > transport
//! ```
//!
//! Inside retry, so that repeated calls wait for their turn too. Around bulkhead and circuit breaker, so that nobody
//! holds a permit while it waits. Around the attempt timeout, so that the wait is not part of the attempt; a total
//! timeout around everything counts it.
//!
//! # How it works
//!
//! Each key has a timetable. A call takes the next slot when it is made, by one addition to one number, sleeps until
//! then, and is sent. There is no queue and no retry loop: whoever calls first goes first, and nobody starves.
//!
//! An upstream that says that it has had enough blocks its key: nothing is sent before the time it names. The clock of
//! the timetable stands still meanwhile, so those who wait keep their order and their distance, those who come fall in
//! behind them, and the end of a block is no stampede. Who waits learns of a block when its slot comes; it is refused
//! then if it would have to wait for longer than [`max_wait`](ThrottleBuilder::max_wait) in all. A block is never
//! shortened, and lasts 10 minutes at most.
//!
//! # Cancellation
//!
//! Dropping a call that waits gives its slot back at once, before the drop returns, if it holds the newest slot of its
//! key. An older slot lapses, as long as anybody waits behind it: those have been told when they go. A call that has been sent has used its slot.
//!
//! # Readiness
//!
//! A slot is taken in `call`. `poll_ready` only asks the inner service, and the instance that is ready goes with the
//! call, into its wait; so an inner service that hands out permits with readiness, as tower's own concurrency limit
//! does, lends them to calls that wait. Put such a service outside, or use one that takes its permit in `call`, as all
//! layers of Buttress do.
//!
//! # Cost
//!
//! | path | locks | allocations | clock |
//! |---|---|---|---|
//! | at once | one, for a search in a map and one addition | 0 | once |
//! | with a wait | four | 1, for the timer | twice |
//! | refused | three | 1, for the refusal | once |
//!
//! Timers of tokio fire at whole milliseconds, so a call leaves up to a millisecond after its slot, never before. No task is
//! spawned.
//!
//! # When things fail
//!
//! | refusal | kind | `retry_after` | when |
//! |---|---|---|---|
//! | `throttled` | rate limited | the wait that was refused | the slot is further away than `max_wait`, or not before the deadline |
//! | `throttle_queue_full` | overloaded | the same | `max_waiting` calls wait for the key |
//!
//! Refused at once, before any wait, and nothing is reserved; the inner service was not reached. Only a block that comes
//! during the wait can refuse later.
//!
//! # Modes
//!
//! `Observe` reserves and reports what it would do (`throttle_would_delay`, or a refusal that would have been) and sends
//! everything at once; as nobody waits, nobody finds the queue full. `Off` does nothing, and learns nothing.
//!
//! # Options
//!
//! | option | default | range | unit | effect |
//! |---|---|---|---|---|
//! | [`quota`](ThrottleBuilder::quota) | none, must be set | 1 unit or more per window, burst 1 or more | calls | what each key may be sent |
//! | [`max_wait`](ThrottleBuilder::max_wait) | 30 s | 0 to 1 day | time | longer waits are refused |
//! | [`max_waiting`](ThrottleBuilder::max_waiting) | 1,000 | 1 to 1,000,000 | calls | more that wait for one key are refused |
//! | [`max_waiting_in_all`](ThrottleBuilder::max_waiting_in_all) | 10,000 | 1 to 1,000,000 | calls | more that wait for all keys together are refused |
//! | [`max_keys`](ThrottleBuilder::max_keys) | 10,000 | 1 to 1,000,000 | keys | further ones share a timetable until one rests |
//! | [`key`](ThrottleBuilder::key) | authority; one for all if not HTTP | [`ThrottleKey`] | | which timetable |
//! | [`feedback`](ThrottleBuilder::feedback) | [`HttpFeedback`]; none if not HTTP | [`Feedback`] | | what blocks a key |
//! | [`mode`](ThrottleBuilder::mode) | enforce | [`Mode`](buttress_core::Mode) | | see above |
//!
//! # Sources
//!
//! ITU-T I.371 for the algorithm that the timetables use; RFC 9110, section 10.2.3, for `Retry-After`; the drafts of
//! `RateLimit` header fields for HTTP, 06 to 10; governor's issue tracker for waiters that look again and starve.

#[cfg(feature = "http")]
mod authority;
mod book;
mod builder;
mod feedback;
#[cfg(feature = "http")]
mod fields;
mod future;
#[cfg(feature = "http")]
mod http_feedback;
mod key;
mod layer;
#[cfg(feature = "http")]
mod members;
mod rejection;
mod service;
mod state;
mod ticket;
mod timetable;

#[cfg(feature = "http")]
pub use self::authority::ByAuthority;
pub use self::builder::ThrottleBuilder;
pub use self::feedback::{Feedback, FeedbackWith, NoFeedback};
pub use self::future::ResponseFuture;
#[cfg(feature = "http")]
pub use self::http_feedback::HttpFeedback;
pub use self::key::{OneKey, ThrottleKey};
pub use self::layer::ThrottleLayer;
pub use self::rejection::{Throttled, WhyThrottled};
pub use self::service::Throttle;
pub use self::state::{ThrottleHandle, ThrottleSnapshot};
