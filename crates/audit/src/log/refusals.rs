//! How many refused requests have a record of their own. The others are counted, and one record tells of many.
//!
//! Whoever has no credentials can be refused as often as he likes. Were each time a record, a flood would push
//! everything out of a log that keeps so many bytes. So in each window of time so many refusals of a kind are recorded
//! each by itself, of one client and of all together; what is beyond is counted, and told when the window ends. A window
//! begins with the first refusal of its kind after the one before has ended.

mod bound;
mod summary;
mod window;

use std::time::{Instant, SystemTime};

use self::window::Window;
use crate::event::{RefusedFor, RefusedRequest};

pub(super) use self::bound::Bound;
pub(super) use self::summary::Summary;

/// The refusals of all kinds. A flood of one kind takes nothing from another.
#[derive(Debug)]
pub(super) struct Refusals {
    bound: Bound,
    windows: [Window; RefusedFor::ALL.len()],
}

impl Refusals {
    pub(super) fn new(bound: Bound) -> Self {
        Self { bound, windows: RefusedFor::ALL.map(Window::of) }
    }

    /// Whether a refusal is recorded by itself. If not it was counted.
    pub(super) fn admit(&mut self, refused: RefusedRequest, now: Instant, at: SystemTime) -> bool {
        let bound = self.bound;
        bound.is_off || self.windows[refused.why as usize].admit(refused.client, bound, now, at)
    }

    /// When the next window ends.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.windows.iter().filter_map(Window::ends).min()
    }

    /// What is to be told of windows that have ended.
    pub(super) fn take_ended(&mut self, now: Instant) -> Vec<Summary> {
        self.windows.iter_mut().filter_map(|window| window.take_ended(now)).collect()
    }

    /// What is to be told when nothing comes after it.
    pub(super) fn take_all(&mut self) -> Vec<Summary> {
        self.windows.iter_mut().filter_map(Window::take).collect()
    }

    /// What could not be told; it is told with what comes next.
    pub(super) fn put_back(&mut self, summaries: impl IntoIterator<Item = Summary>) {
        for summary in summaries {
            self.windows[summary.why() as usize].put_back(summary);
        }
    }
}

#[cfg(test)]
mod tests;
