//! How long to wait before trying again: backoff schedules with jitter, as pure functions.
//!
//! Everything is an argument: which retry it is, how long the wait before it was, and one random draw. So a
//! schedule can be shared, stored in a constant configuration, printed and tested with no clock, no generator and
//! no state.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use buttress_backoff::{Backoff, Jitter};
//!
//! let backoff = Backoff::exponential(Duration::from_millis(100)).cap(Duration::from_secs(1)).build()?;
//! assert_eq!(backoff.ceiling(2), Duration::from_millis(400));
//! assert_eq!(backoff.ceiling(u32::MAX), Duration::from_secs(1), "no retry is too late to be capped");
//!
//! // The draw is the caller's, a fresh one for every wait.
//! let draw = 1 << 63;
//! assert_eq!(backoff.delay(2, Duration::ZERO, draw), Duration::from_millis(200));
//! # Ok::<(), buttress_backoff::InvalidBackoff>(())
//! ```
//!
//! # Schedules
//!
//! Before retry `n` (0 is the first) the ceiling is `c = min(cap, base * multiplier^n)`. A draw picks one duration
//! from a range below it, all equally likely:
//!
//! | jitter | range | for |
//! |---|---|---|
//! | [`None`](Jitter::None) | `c` | tests, or a caller that spreads by itself |
//! | [`Full`](Jitter::Full) | `0 ..= c` | the fewest collisions for the work done; the default |
//! | [`Equal`](Jitter::Equal) | `c / 2 ..= c` | a wait that must never be short |
//! | [`Decorrelated`](Jitter::Decorrelated) | `base ..= min(cap, 3 * previous)` | growth that differs between callers |
//! | [`Proportional`](Jitter::Proportional) | `c (1 - r) ..= min(cap, c (1 + r))` | a schedule that stays recognisable |
//!
//! Every range is cut to the cap **before** the draw. Cutting afterwards, as the decorrelated formula is usually
//! printed, sends two thirds or more of the callers that have reached the cap back after exactly the same time, and
//! those that have waited longest are the last that should meet.
//!
//! # Chance
//!
//! The crate has no generator. Give every wait a draw of its own, from a source that all callers share or that each
//! thread seeds apart: callers that copy one generator wait in step, whatever the jitter.
//!
//! # Cost
//!
//! No allocation, no lock, no clock. A delay is one power, one multiplication and a few comparisons in constant
//! time for any retry up to `u32::MAX`; a [`Backoff`] is a small `Copy` value.
//!
//! # When things fail
//!
//! [`BackoffBuilder::build`] refuses settings out of range and names all of them at once. After that nothing can
//! fail: a ceiling too large to say is the cap, and no delay exceeds the cap.
//!
//! # Options
//!
//! | option | default | range | unit | effect |
//! |---|---|---|---|---|
//! | `base` | 100 ms in [`Backoff::default`], else given | 1 ms to the cap | time | the ceiling before the first retry |
//! | [`multiplier`](BackoffBuilder::multiplier) | 2, or 1 if constant | 1 or more, finite | factor | growth per retry |
//! | [`cap`](BackoffBuilder::cap) | 20 times the base | 1 ms to 1 day | time | no delay is longer |
//! | [`jitter`](BackoffBuilder::jitter) | [`Full`](Jitter::Full) | see above | | how a draw spreads the waits |
//!
//! # Sources
//!
//! M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015, for full, equal and decorrelated
//! jitter; the gRPC connection backoff protocol for the proportional one (there 20 %).

mod backoff;
mod builder;
mod delays;
mod invalid;
mod jitter;

pub use backoff::Backoff;
pub use builder::BackoffBuilder;
pub use delays::Delays;
pub use invalid::{InvalidBackoff, Problem};
pub use jitter::Jitter;
