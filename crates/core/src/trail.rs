use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Left, Signal, Verdict};

/// What the layers decided about one request, in order, for one log line or one header.
///
/// It exists only if somebody who wants to read it put it into the request's [`Context`](crate::Context). Holds
/// [`Trail::CAPACITY`] verdicts; once it is full, each further one takes the place of the last, since the last one
/// decided, and is counted. Clones share.
#[derive(Clone, Default)]
pub struct Trail(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    entries: Vec<Entry>,
    dropped: u64,
}

/// One verdict on a [`Trail`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
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
        let entry = Entry::from(signal);
        let mut inner = self.lock();
        if inner.entries.len() == Self::CAPACITY {
            inner.entries.pop();
            inner.dropped += 1;
        }
        inner.entries.push(entry);
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

/// A signal as it is kept: its instance's name is made printable and short.
impl From<&Signal<'_>> for Entry {
    fn from(signal: &Signal<'_>) -> Self {
        Self {
            layer: signal.layer,
            instance: clean(signal.instance),
            verdict: signal.verdict,
            code: signal.code,
            left: signal.left,
        }
    }
}

/// A name that breaks neither a line nor a header, whoever chose it: printable ASCII, at most 128 bytes, none of the
/// marks that the printed form uses.
fn clean(instance: &str) -> Box<str> {
    let harmless = |character: char| match character {
        ',' | '=' => '_',
        ' '..='~' => character,
        _ => '_',
    };
    instance.chars().take(128).map(harmless).collect::<String>().into()
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
        trail.leave(&Signal::new("retry", "", Verdict::GaveUp, "budget"));
        assert_eq!((trail.entries().len(), trail.dropped()), (Trail::CAPACITY, 4));
        assert_eq!(
            trail.entries().last().map(|last| last.code),
            Some("budget"),
            "the verdict that decided is kept"
        );
        assert!(trail.to_string().ends_with("retry=gave_up:budget, and 4 more"));
    }

    #[test]
    fn a_hostile_name_cannot_break_the_line() {
        let trail = Trail::new();
        let hostile = format!("a\r\nlevel=error, é{}", "x".repeat(500));
        trail.leave(&Signal::new("retry", &hostile, Verdict::Retried, "status"));
        let printed = trail.to_string();
        assert!(printed.starts_with("retry/a__level_error_ _xxx"), "{printed}");
        assert!(
            printed.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && printed.len() < 160,
            "{printed}"
        );
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
