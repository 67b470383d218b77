//! For those who write a [`Sink`]: its laws as suites, and a log to feed it from. For tests only: what
//! is broken panics.
//!
//! Whoever writes a sink says in a [`Place`] how one is made and how to see what has arrived, and hands that to
//! [`check_sink`]; with a server that can be switched off, to [`check_outages`] and [`check_standstill`] as well. All
//! of it takes place in real time, and every wait ends.

#![expect(clippy::missing_panics_doc, reason = "all of it panics, as is said above")]

mod feeding;
mod laws;
mod outages;
mod written;

pub use feeding::{Until, feed, feed_all, feeder};
pub use laws::check_sink;
pub use outages::{Power, check_outages, check_standstill};
pub use written::Written;

use std::future::Future;

use crate::log::ChainId;
use crate::sink::Sink;

/// Where a sink puts records, as somebody sees it who looks there without one.
pub trait Place {
    /// What puts them there.
    type Sink: Sink;

    /// Whether it says what it has, in [`Sink::seen`]. Then each record is there once, whatever happens; else at least once.
    const TELLS: bool;

    /// A new sink to this place, of this name.
    fn sink(&self, name: &str) -> Self::Sink;

    /// The lines that are there of a log, without their line feeds, in the order in which they came.
    fn lines(&self, chain: ChainId) -> impl Future<Output = Vec<String>>;
}
