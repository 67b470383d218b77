//! The words that every Buttress layer speaks: what a refusal is, what a failure is, and what one request knows.
//!
//! Layers never import one another. They meet here, in plain values: a [`Refused`] that one layer returns is
//! recognised by every layer around it, a [`Deadline`] that one layer stamps is obeyed by all that wait, and a
//! [`Classify`] that one layer is given can be given to the next. The crate knows neither tokio nor HTTP nor
//! serde; [`buttress-http`](../buttress_http/index.html) says the same things in HTTP.
//!
//! # Example
//!
//! ```
//! use std::time::{Duration, Instant};
//! use buttress_core::{Classify, Context, Deadline, ErrorsFail, Outcome};
//!
//! // One request's context: everything polled inside the scope can see the deadline.
//! let now = Instant::now();
//! let context = Context::new().with_deadline(Deadline::after(now, Duration::from_secs(2)));
//! let left = context.run(|| Context::current().deadline().map(|deadline| deadline.remaining(now)));
//! assert_eq!(left, Some(Duration::from_secs(2)));
//!
//! // One idea of failure, shared by every layer that needs it.
//! let reply: Result<u8, std::fmt::Error> = Err(std::fmt::Error);
//! assert_eq!(ErrorsFail.classify(reply.as_ref()), Outcome::Failure);
//! ```
//!
//! # What is here
//!
//! | words | for |
//! |---|---|
//! | [`Kind`], [`Rejection`], [`Refused`] | what a layer says when it refuses |
//! | [`Reject`], [`AsError`], [`RejectWith`] | how the caller gets to see a refusal, without a change of types |
//! | [`Outcome`], [`Classify`] | what counts as failure |
//! | [`Context`], [`CorrelationId`], [`Deadline`], [`Attempt`] | what is known of the current request |
//! | [`Principal`], [`Caller`] | who asks, told from authentication to the layers outside of it |
//! | [`Key`], [`KeyOf`], [`KeyWith`], [`KeyRef`] | which of many instances a request belongs to |
//! | [`Mode`], [`ModeSwitch`] | enforce, observe or off, changeable while running |
//! | [`Signal`], [`Observer`], [`Trail`] | who decided what, and why |
//! | [`Ratio`], [`ConfigError`] | numbers and settings that cannot be wrong in silence |
//! | [`Entropy`], [`WallClock`] | chance and calendar time that a test can hold still |
//!
//! # What never comes here
//!
//! Bases for settings, an error enum with an arm per layer, an event bus, a registry, stores, HTTP types, test
//! tools. A new layer adds nothing to this crate.

mod attempt;
mod classify;
mod config;
mod context;
mod correlation;
mod deadline;
mod entropy;
mod key;
mod mode;
mod principal;
mod ratio;
mod reject;
mod rejection;
mod signal;
mod trail;
mod wall_clock;

pub use attempt::Attempt;
pub use classify::{Classify, ClassifyWith, ErrorsFail, Outcome};
pub use config::{Checks, ConfigError, Problem};
pub use context::{Context, Scoped};
pub use correlation::{CorrelationId, InvalidCorrelationId};
pub use deadline::Deadline;
pub use entropy::Entropy;
pub use key::{Key, KeyOf, KeyRef, KeyWith};
pub use mode::{Mode, ModeSwitch, UnknownMode};
pub use principal::{Caller, Principal, PrincipalKind};
pub use ratio::Ratio;
pub use reject::{AsError, Reject, RejectWith};
pub use rejection::{Fact, Kind, ProblemType, Refused, Rejection, Wording, find_cause};
pub use signal::{Left, Observer, Signal, Verdict};
pub use trail::{Entry, Trail};
pub use wall_clock::WallClock;

/// The boxed error of the Tower world.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
