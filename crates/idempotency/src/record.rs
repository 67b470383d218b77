use std::sync::Arc;
use std::time::Duration;

use crate::{Checkpoint, Fingerprint, OwnerToken, StoredResponse, Timestamp};

mod claim;
mod decided;
mod step;

pub use claim::{After, Claim, Claimed, Completion, Owned, Ticket, WhenAbandoned};
pub use decided::{Decided, Write};
pub use step::{Invalidated, Step, Stepped};

/// All that a store keeps about one key of one caller.
///
/// | state | is left by | for |
/// |---|---|---|
/// | absent | a claim | in flight |
/// | in flight | the owner's renewal or checkpoint | in flight |
/// | in flight | the owner's completion | completed, or a tombstone where the body is not kept |
/// | in flight | the owner's release | stub |
/// | in flight | the end of its lease, or the owner giving up | abandoned |
/// | abandoned | a claim of the same payload, if it may take over | in flight, next attempt |
/// | abandoned | a late step of the owner, if nobody took over and he did not give up | as if in time |
/// | stub | a claim of the same payload | in flight, next attempt |
/// | any but in flight | its expiry, or an invalidation | absent |
///
/// All else leaves it as it is. A claim with another payload does so in every state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What the first request asked for.
    pub fingerprint: Fingerprint,
    /// Who may step: the owner in flight. After a completion or a release, who sent it, so that it is known again if it is
    /// sent again. Nobody once it was given up.
    pub owner: Option<OwnerToken>,
    /// Grows with each claim; never 0.
    ///
    /// It begins with the store's time in milliseconds, so that it grows even across records that were forgotten, as far
    /// as that clock does.
    pub epoch: u64,
    /// Which run this is or was, from 1.
    pub attempt: u32,
    /// When the first claim came.
    pub created_at: Timestamp,
    /// From when on the record is as good as absent. Never before the end of the lease.
    pub expires_at: Timestamp,
    /// What an attempt that did not finish has left.
    pub checkpoint: Option<Checkpoint>,
    /// What happens.
    pub state: State,
}

/// What is stored about how far an operation is; [`Phase`] says what that means at a certain time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Somebody runs it, or did so until he was gone.
    InFlight {
        /// From when on the owner counts as gone.
        lease_until: Timestamp,
        /// How long the lease is, in milliseconds.
        lease_millis: u32,
        /// What was before this attempt.
        after: After,
    },
    /// It ran, its outcome was not worth keeping, and it may run again.
    Stub,
    /// It is done.
    Completed {
        /// Since when.
        at: Timestamp,
        /// How it answered.
        response: Arc<StoredResponse>,
    },
}

/// Where a record stands at a certain time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Its owner runs it.
    InFlight,
    /// It was begun, and nobody is there to finish it.
    Abandoned,
    /// It ran, and may run again.
    Stub,
    /// It is done, and its response is kept.
    Completed,
    /// It is done, and its body was not kept.
    Tombstone,
}

impl Record {
    /// Where it stands; `None` once it has expired.
    pub fn phase(&self, now: Timestamp) -> Option<Phase> {
        if self.is_expired(now) {
            return None;
        }
        Some(match &self.state {
            State::InFlight { .. } if self.is_live(now) => Phase::InFlight,
            State::InFlight { .. } => Phase::Abandoned,
            State::Stub => Phase::Stub,
            State::Completed { response, .. } if response.body().is_some() => Phase::Completed,
            State::Completed { .. } => Phase::Tombstone,
        })
    }

    /// Whether it may be forgotten.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at && !self.is_live(now)
    }

    /// Whether its owner holds a lease.
    pub fn is_live(&self, now: Timestamp) -> bool {
        let State::InFlight { lease_until, .. } = self.state else { return false };
        self.owner.is_some() && now < lease_until
    }

    /// Gives up what is in flight, because its owner is known to be dead: for a store that starts and that nobody else
    /// has open. Says whether that changed anything.
    pub fn disown(&mut self, now: Timestamp) -> bool {
        let State::InFlight { lease_until, .. } = &mut self.state else { return false };
        let changed = self.owner.take().is_some();
        *lease_until = now.min(*lease_until);
        changed
    }

    /// Bytes that belong to it beyond its fixed parts: response and checkpoint.
    pub fn content_bytes(&self) -> usize {
        let checkpoint = self.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.as_bytes().len());
        let State::Completed { response, .. } = &self.state else { return checkpoint };
        checkpoint + response.bytes()
    }

    /// How it ended, if it has, for whoever asks for the same.
    pub fn completion(&self, fingerprint: Fingerprint) -> Option<Completion> {
        let State::Completed { at, response } = &self.state else { return None };
        (self.fingerprint == fingerprint).then(|| Completion {
            response: Arc::clone(response),
            completed_at: *at,
            expires_at: self.expires_at,
            attempt: self.attempt,
        })
    }
}

/// The length of a lease as records keep it: 1 ms to 49 days.
fn lease_millis(lease: Duration) -> u32 {
    u32::try_from(crate::time::whole_millis(lease)).unwrap_or(u32::MAX).max(1)
}

/// When a lease that begins now ends, and until when its record is kept.
fn lease_terms(now: Timestamp, lease: Duration, retain: Duration) -> (Timestamp, u32, Timestamp) {
    let millis = lease_millis(lease);
    let until = now.after(Duration::from_millis(millis.into()));
    (until, millis, until.max(now.after(retain)))
}
