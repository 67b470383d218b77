use std::collections::BTreeMap;

use buttress_idempotency::{RecordId, Step, StoreError, Timestamp};
use fjall::PersistMode;

use crate::layout::{Due, Kept};
use crate::request::Answer;

/// So many bytes of content are written at once, so that nobody waits behind more.
const MOST_BYTES: u64 = 32 << 20;

/// What is decided together and written at once: what it changes, and who waits for it.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) now: Timestamp,
    pub(crate) changes: BTreeMap<RecordId, Change>,
    /// Nothing that the changes list as due stands before this place in the list.
    pub(crate) earliest: [u8; 40],
    /// Answers that must not be given before the changes are written.
    pub(crate) answers: Vec<Answer>,
    /// Whether the changes must be on disk, and not only with the operating system.
    pub(crate) syncs: bool,
    bytes: u64,
}

/// How a record changes in a round.
#[derive(Debug)]
pub(crate) struct Change {
    /// When what is stored would expire; `None` if nothing is stored.
    pub(crate) before: Option<Timestamp>,
    /// What stands there from now on.
    pub(crate) after: Option<Kept>,
}

impl Round {
    pub(crate) const fn at(now: Timestamp) -> Self {
        let earliest = Due::END;
        Self { now, changes: BTreeMap::new(), earliest, answers: Vec::new(), syncs: false, bytes: 0 }
    }

    /// Changes what stands under an ID, where `found` stood until now.
    pub(crate) fn change(&mut self, id: RecordId, found: Option<Timestamp>, after: Option<Kept>) {
        if let Some(kept) = &after {
            self.bytes += kept.charge().bytes;
            self.earliest = self.earliest.min(Due::key(kept.record.expires_at, id));
        }
        // What is stored is what was found first.
        let before = self.changes.get(&id).map_or(found, |change| change.before);
        self.changes.insert(id, Change { before, after });
    }

    /// Gives an answer: at once if it rests on what is stored already, or else when that is written.
    pub(crate) fn answer<A>(
        &mut self,
        id: RecordId,
        decided: Result<A, StoreError>,
        answer: impl FnOnce(Result<A, StoreError>) -> Answer,
    ) {
        let waits = decided.is_ok() && self.changes.contains_key(&id);
        let answer = answer(decided);
        if waits { self.answers.push(answer) } else { answer.give() }
    }

    /// How safely it is written.
    pub(crate) const fn mode(&self) -> PersistMode {
        // The journal has its size already, so its data is all that must be synced.
        if self.syncs { PersistMode::SyncData } else { PersistMode::Buffer }
    }

    pub(crate) const fn is_large(&self) -> bool {
        self.bytes >= MOST_BYTES
    }
}

/// Whether a step must be on disk before it is answered.
///
/// A renewal need not. What it extends, a lease, ends with this process, and the next one gives up whatever was in
/// flight. If the machine loses its power, an abandoned record may so be kept for as long as its last claim said, and
/// not as its last renewal did.
pub(crate) const fn must_last(step: &Step) -> bool {
    !matches!(step, Step::Renew { .. })
}
