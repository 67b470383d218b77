//! The laws that every layer keeps, and one suite that checks them all.
//!
//! [`plain`], [`server`] and [`client`] take a closure that makes a layer and return a [`Suite`]; [`Suite::run`]
//! fails with every broken law and what was seen. A layer is put through it once for each of its modes. The closure
//! must make a fresh layer each time, because each law starts anew, with a clock of its own.
//!
//! The bounds of [`Subject`] and [`Served`] are laws too, kept by the compiler: layer and service are cloned and
//! shared between threads, the future can be sent, and the error of the service stays what it was.
//!
//! # Example
//!
//! ```
//! use buttress_core::BoxError;
//! use buttress_testkit::contract::{self, Law};
//! use tower::timeout::TimeoutLayer;
//! use std::time::Duration;
//!
//! contract::plain(|| TimeoutLayer::new(Duration::from_secs(30))).run();
//!
//! // A layer that hides the inner error is caught, and the breach says so.
//! let hides = tower::util::MapErrLayer::new(|_: BoxError| BoxError::from("something went wrong"));
//! let breaches = contract::plain(move || hides.clone()).check();
//! assert!(breaches.iter().any(|breach| breach.law == Law::InnerErrorUnchanged));
//! ```

mod answers;
mod bench;
mod cancellation;
mod law;
mod mark;
mod readiness;
mod refusal;
mod subject;
mod suite;
mod waking;

pub use law::{Breach, Law};
pub use mark::{InnerFailed, MakeMarked, MarkedError, PeekMark, ReadMark};
pub use subject::{Client, Plain, Served, Server, Subject, Wire, Wiring};
pub use suite::Suite;

/// The suite for a layer over a service of plain values, `u32` to `u32`, with a boxed error.
pub fn plain<L: Subject<Plain>>(layer: impl Fn() -> L + 'static) -> Suite<L, Plain> {
    Suite::new(layer)
}

/// The suite for a layer in an HTTP server, whose services never fail.
pub fn server<L: Subject<Server>>(layer: impl Fn() -> L + 'static) -> Suite<L, Server> {
    Suite::new(layer)
}

/// The suite for a layer in an HTTP client, whose services fail with a boxed error.
pub fn client<L: Subject<Client>>(layer: impl Fn() -> L + 'static) -> Suite<L, Client> {
    Suite::new(layer)
}
