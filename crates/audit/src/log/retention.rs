use std::time::{Duration, SystemTime};

use super::segment::Sealed;

/// How much of a log is kept.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Retention {
    pub(super) age: Option<Duration>,
    pub(super) bytes: Option<u64>,
    pub(super) segments: Option<usize>,
}

impl Retention {
    pub(super) const fn keeps_all(&self) -> bool {
        self.age.is_none() && self.bytes.is_none() && self.segments.is_none()
    }

    /// How many of the oldest files are to go: those that some bound calls too many, and that nobody needs any more,
    /// which is all up to the record `released`.
    pub(super) fn expired(&self, sealed: &[Sealed], current: u64, released: u64, now: SystemTime) -> usize {
        let mut left = sealed.len() + 1;
        let mut bytes = sealed.iter().map(|file| file.bytes).sum::<u64>() + current;
        let is_due = |file: &&Sealed| {
            let is_old = |age| now.duration_since(file.at).is_ok_and(|since| since > age);
            let goes = self.age.is_some_and(is_old)
                || self.bytes.is_some_and(|most| bytes > most)
                || self.segments.is_some_and(|most| left > most);
            left -= 1;
            bytes -= file.bytes;
            goes && file.last <= released
        };
        sealed.iter().take_while(is_due).count()
    }
}
