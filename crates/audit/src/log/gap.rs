use std::time::SystemTime;

use serde_json::{Value, json};

use super::system::timestamp;
use crate::{Category, Reason};

/// Events that are not in the log although they happened, until a record in the log says so.
#[derive(Clone, Debug, Default)]
pub(super) struct Losses {
    count: u64,
    first: Option<SystemTime>,
    last: Option<SystemTime>,
    reasons: Counted<{ REASONS.len() }>,
    classes: Counted<{ Category::ALL.len() }>,
}

const REASONS: [Reason; 5] =
    [Reason::QueueFull, Reason::DiskFull, Reason::Failed, Reason::TooLarge, Reason::Closed];

#[derive(Clone, Copy, Debug)]
struct Counted<const N: usize>([u64; N]);

impl<const N: usize> Default for Counted<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl Losses {
    pub(super) fn note(&mut self, class: Category, reason: Reason, at: SystemTime) {
        self.count += 1;
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
        self.reasons.0[reason as usize] += 1;
        self.classes.0[class as usize] += 1;
    }

    /// Puts back what was taken and could not be written.
    pub(super) fn put_back(&mut self, other: &Self) {
        self.count += other.count;
        self.first = earliest(self.first, other.first);
        self.last = self.last.max(other.last);
        add(&mut self.reasons.0, &other.reasons.0);
        add(&mut self.classes.0, &other.classes.0);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn details(&self) -> Value {
        let reasons = named(REASONS.map(Reason::as_str), &self.reasons.0);
        let classes = named(Category::ALL.map(Category::as_str), &self.classes.0);
        let at = |time: Option<SystemTime>| time.and_then(timestamp);
        json!({
            "count": self.count,
            "first": at(self.first),
            "last": at(self.last),
            "reasons": reasons,
            "categories": classes,
        })
    }
}

fn earliest(one: Option<SystemTime>, other: Option<SystemTime>) -> Option<SystemTime> {
    one.into_iter().chain(other).min()
}

fn add(sums: &mut [u64], more: &[u64]) {
    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

/// Those that were counted at all, under their names.
fn named<const N: usize>(names: [&str; N], counts: &[u64; N]) -> Value {
    let counted = names.into_iter().zip(counts).filter(|(_, count)| **count > 0);
    counted.map(|(name, count)| (name.to_owned(), Value::from(*count))).collect()
}
