use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::{RecordId, Timestamp};

/// When which record of a shard must be looked at, because it may have expired.
///
/// A record that is kept for longer than was noted is noted anew when its first note comes up; one that is kept for
/// shorter is noted twice. A note counts only if it says the time that the record's slot says.
#[derive(Debug, Default)]
pub(super) struct Due(BinaryHeap<Reverse<(Timestamp, RecordId)>>);

impl Due {
    pub(super) fn note(&mut self, at: Timestamp, id: RecordId) {
        self.0.push(Reverse((at, id)));
    }

    /// The next one whose time has come.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<(Timestamp, RecordId)> {
        let Reverse((at, _)) = self.0.peek()?;
        if *at > now {
            return None;
        }
        self.0.pop().map(|Reverse(note)| note)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Begins anew with notes that all count.
    pub(super) fn reset(&mut self, notes: impl Iterator<Item = (Timestamp, RecordId)>) {
        self.0 = notes.map(Reverse).collect();
    }
}
