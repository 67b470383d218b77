use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::{RecordId, Timestamp};

/// When which record of a shard must be looked at, because it may have expired.
///
/// A record that is kept for longer than was noted is noted anew when its first note comes up; one that is kept for
/// shorter is noted twice. A note counts only if it says the time that the record's slot says.
///
/// Where all records are kept equally long, notes come in the order of their times, and stay in it without being sorted.
#[derive(Debug, Default)]
pub(super) struct Due {
    in_order: VecDeque<Note>,
    others: BinaryHeap<Reverse<Note>>,
}

type Note = (Timestamp, RecordId);

impl Due {
    pub(super) fn note(&mut self, at: Timestamp, id: RecordId) {
        match self.in_order.back() {
            Some((last, _)) if *last > at => self.others.push(Reverse((at, id))),
            _ => self.in_order.push_back((at, id)),
        }
    }

    /// The next one whose time has come.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<Note> {
        let first = self.in_order.front();
        let other = self.others.peek().map(|Reverse(note)| note);
        let is_other = match (first, other) {
            (Some(first), Some(other)) => other < first,
            (first, _) => first.is_none(),
        };
        let (at, _) = if is_other { other? } else { first? };
        if *at > now {
            return None;
        }
        if is_other { self.others.pop().map(|Reverse(note)| note) } else { self.in_order.pop_front() }
    }

    pub(super) fn len(&self) -> usize {
        self.in_order.len() + self.others.len()
    }

    /// Begins anew with notes that all count.
    pub(super) fn reset(&mut self, notes: impl Iterator<Item = Note>) {
        *self = Self { in_order: VecDeque::new(), others: notes.map(Reverse).collect() };
    }
}
