use std::collections::BTreeMap;

use super::shared::Reply;
use crate::{Class, Durability, Receipt};

/// How far each sink has confirmed, and who waits for that.
#[derive(Debug, Default)]
pub(super) struct Replicas {
    confirmed: BTreeMap<String, u64>,
    held: Vec<Held>,
}

/// A receipt that waits for sinks.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) class: Class,
    pub(super) seq: u64,
    pub(super) sinks: u8,
    pub(super) reply: Reply,
}

impl Replicas {
    /// Counts a sink from now on, as far as it has come.
    pub(super) fn register(&mut self, sink: &str, seq: u64) {
        let confirmed = self.confirmed.entry(sink.to_owned()).or_default();
        *confirmed = seq.max(*confirmed);
    }

    /// Those whose receipts are due because a sink has come so far.
    pub(super) fn confirm(&mut self, sink: &str, seq: u64) -> Vec<Held> {
        self.register(sink, seq);
        self.due()
    }

    pub(super) fn forget(&mut self, sink: &str) {
        self.confirmed.remove(sink);
    }

    /// Holds a receipt back, or gives it at once.
    pub(super) fn hold(&mut self, held: Held) -> Vec<Held> {
        self.held.push(held);
        self.due()
    }

    fn due(&mut self) -> Vec<Held> {
        if self.held.is_empty() {
            return Vec::new();
        }
        let mut heads: Vec<u64> = self.confirmed.values().copied().collect();
        heads.sort_unstable_by(|one, other| other.cmp(one));
        let reached = |sinks: u8| heads.get(usize::from(sinks) - 1).copied().unwrap_or(0);
        // Whoever waits no more need not be held.
        self.held.extract_if(.., |held| held.seq <= reached(held.sinks) || held.reply.is_closed()).collect()
    }

    pub(super) fn take_all(&mut self) -> Vec<Held> {
        std::mem::take(&mut self.held)
    }

    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// How far all sinks have come; `None` without sinks.
    pub(super) fn slowest(&self) -> Option<u64> {
        self.confirmed.values().copied().min()
    }

    pub(super) fn sinks(&self) -> impl Iterator<Item = (&str, u64)> {
        self.confirmed.iter().map(|(name, seq)| (name.as_str(), *seq))
    }
}

impl Held {
    pub(super) fn give(self, durability: Durability) {
        let _nobody_waits = self.reply.send(Ok(Receipt::new(Some(self.seq), durability)));
    }

    pub(super) fn durability(&self) -> Durability {
        std::num::NonZeroU8::new(self.sinks).map_or(Durability::Synced, Durability::Replicated)
    }
}
