use std::collections::VecDeque;
use std::time::SystemTime;

use super::disk::Disk;
use super::journal::Journal;
use super::replicas::Held;
use super::room::{Freed, Woken};
use super::shared::{Entry, Refusal, Reply, Shared, State};
use super::tail::Mark;
use crate::{Durability, NotRecorded, Reason, Receipt};

/// Takes what waits, up to so many bytes and at least one.
pub(super) fn take(queue: &mut VecDeque<Entry>, most: usize) -> VecDeque<Entry> {
    let mut bytes = 0;
    let fits = |entry: &&Entry| {
        bytes += entry.event.len();
        bytes <= most
    };
    let count = queue.iter().take_while(fits).count().max(1);
    if count >= queue.len() {
        return std::mem::take(queue);
    }
    let later = queue.split_off(count);
    std::mem::replace(queue, later)
}

/// Records that are in a file, and who waits for them.
pub(super) struct Written(VecDeque<(Entry, Mark)>);

impl Written {
    pub(super) fn seal<D: Disk>(journal: &mut Journal<D>, entries: VecDeque<Entry>) -> Self {
        let sealed = entries.into_iter().map(|entry| {
            let mark = journal.seal(&entry.event);
            (entry, mark)
        });
        Self(sealed.collect())
    }

    pub(super) fn wants_sync(&self) -> bool {
        self.0.iter().any(|(entry, _)| entry.durability > Durability::Written)
    }

    /// Up to where records are acknowledged before the sync.
    pub(super) fn last_without_sync(&self) -> Option<Mark> {
        let mut from_end = self.0.iter().rev();
        from_end.find(|(entry, _)| entry.durability <= Durability::Written).map(|(_, mark)| *mark)
    }

    /// Gives the receipts of all that wait for no more than this, in order.
    pub(super) fn acknowledge(&mut self, shared: &Shared, is_due: impl Fn(Durability) -> bool) {
        if self.0.is_empty() {
            return;
        }
        let (mut replies, mut held, mut later) =
            (Vec::with_capacity(self.0.len()), Vec::new(), VecDeque::new());
        let mut freed = Freed::default();
        let mut state = shared.lock();
        for (entry, mark) in std::mem::take(&mut self.0) {
            if !is_due(entry.durability) {
                later.push_back((entry, mark));
                continue;
            }
            freed.add(entry.rank, entry.event.len());
            let Some(reply) = entry.reply else { continue };
            if let Durability::Replicated(sinks) = entry.durability {
                let (class, seq, sinks) = (entry.class, mark.head.seq, sinks.get());
                held.extend(state.replicas.hold(Held { class, seq, sinks, reply }));
            } else {
                state.counts.acknowledged(entry.class.category());
                replies.push((reply, Receipt::new(Some(mark.head.seq), entry.durability)));
            }
        }
        count(&mut state, &held);
        let woken = state.room.give_back(freed);
        drop(state);
        self.0 = later;
        for (reply, receipt) in replies {
            let _nobody_waits = reply.send(Ok(receipt));
        }
        give(held);
        wake(woken);
    }

    /// Those that were not acknowledged.
    pub(super) fn into_entries(self) -> VecDeque<Entry> {
        self.0.into_iter().map(|(entry, _)| entry).collect()
    }
}

/// Tells everybody that nothing came of it.
pub(super) fn fail(
    shared: &Shared,
    entries: impl IntoIterator<Item = Entry>,
    reason: Reason,
    at: SystemTime,
) {
    let mut replies: Vec<(Reply, NotRecorded)> = Vec::new();
    let mut freed = Freed::default();
    let mut state = shared.lock();
    for entry in entries {
        freed.add(entry.rank, entry.event.len());
        let (class, policy) = (entry.class, shared.policy(entry.class));
        match entry.reply {
            Some(reply) => {
                let refusal = Refusal { class, policy, reason, was_handed_over: true };
                replies.push((reply, state.refuse(refusal, at)));
            }
            // It was acknowledged when it was handed over, as somebody wanted it.
            None => state.losses.note(class.category(), reason, at),
        }
    }
    let woken = state.room.give_back(freed);
    drop(state);
    for (reply, why) in replies {
        let _nobody_waits = reply.send(Err(why));
    }
    wake(woken);
}

/// Gives receipts that sinks have confirmed, or whose waiter has left.
pub(super) fn confirmed(shared: &Shared, sink: &str, seq: u64) {
    let mut state = shared.lock();
    let due = state.replicas.confirm(sink, seq);
    count(&mut state, &due);
    drop(state);
    give(due);
}

/// Gives the receipts that still wait for sinks, for no more than what is true of them.
pub(super) fn release_replicas(shared: &Shared) {
    let mut state = shared.lock();
    let held = state.replicas.take_all();
    count(&mut state, &held);
    drop(state);
    for held in held {
        held.give(Durability::Synced);
    }
}

fn count(state: &mut State, held: &[Held]) {
    for held in held {
        state.counts.acknowledged(held.class.category());
    }
}

fn give(held: Vec<Held>) {
    for held in held {
        let durability = held.durability();
        held.give(durability);
    }
}

fn wake(woken: Woken) {
    woken.into_iter().for_each(std::task::Waker::wake);
}
