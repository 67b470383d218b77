use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Left, Signal, Verdict};

/// What the layers decided about one request, in order, for one log line or one header.
///
/// It exists only if somebody who wants to read it put it into the request's [`Context`](crate::Context). Holds
/// the first [`Trail::CAPACITY`] verdicts and counts the rest. Clones share.
#[derive(Clone, Default)]
pub struct Trail(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    entries: Vec<Entry>,
    dropped: u64,
}

/// One verdict on a [`Trail`].
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The layer, such as `circuit-breaker`.
    pub layer: &'static str,
    /// The instance of the layer; empty if it has none.
    pub instance: Box<str>,
    /// What it did.
    pub verdict: Verdict,
    /// Why, as a stable word.
    pub code: &'static str,
    /// What it had left.
    pub left: Option<Left>,
}

impl Trail {
    /// How many verdicts are kept.
    pub const CAPACITY: usize = 32;

    /// An empty trail.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a verdict.
    pub fn leave(&self, signal: &Signal<'_>) {
        let mut inner = self.lock();
        if inner.entries.len() == Self::CAPACITY {
            inner.dropped += 1;
            return;
        }
        inner.entries.push(Entry {
            layer: signal.layer,
            instance: signal.instance.into(),
            verdict: signal.verdict,
            code: signal.code,
            left: signal.left,
        });
    }

    /// The verdicts so far, oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }

    /// How many verdicts found no room.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Prints `layer/instance=verdict:code`, separated by commas and a space.
impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        for (place, entry) in inner.entries.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            let slash = if entry.instance.is_empty() { "" } else { "/" };
            write!(
                f,
                "{comma}{}{slash}{}={}:{}",
                entry.layer,
                entry.instance,
                entry.verdict.as_str(),
                entry.code
            )?;
        }
        if inner.dropped > 0 {
            write!(f, ", and {} more", inner.dropped)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trail({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Context;

    #[test]
    fn verdicts_land_on_the_current_trail_only() {
        let trail = Trail::new();
        let signal = Signal::new("circuit-breaker", "intune", Verdict::Refused, "circuit_open");
        signal.report(None);
        Context::new().with_trail(trail.clone()).run(|| signal.report(None));
        assert_eq!(trail.to_string(), "circuit-breaker/intune=refused:circuit_open");
    }

    #[test]
    fn a_full_trail_counts_what_it_leaves_out() {
        let trail = Trail::new();
        for _ in 0..Trail::CAPACITY + 3 {
            trail.leave(&Signal::new("retry", "", Verdict::Retried, "status"));
        }
        assert_eq!((trail.entries().len(), trail.dropped()), (Trail::CAPACITY, 3));
        assert!(trail.to_string().ends_with(", and 3 more"));
    }

    #[test]
    fn an_observer_hears_every_signal() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&heard);
        let observer = move |signal: &Signal<'_>| sink.lock().expect("unpoisoned").push(signal.code);
        Signal::new("retry", "", Verdict::GaveUp, "budget").report(Some(&observer));
        assert_eq!(*heard.lock().expect("unpoisoned"), ["budget"]);
    }
}
