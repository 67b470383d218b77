use std::sync::Arc;
use std::time::Duration;

use super::{Decided, Record, State, lease_terms};
use crate::{Checkpoint, Fingerprint, OwnerToken, RecordId, Scope, StoredResponse, Timestamp};

/// Asks to run an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which record.
    pub id: RecordId,
    /// Who asks.
    pub scope: Scope,
    /// What for.
    pub fingerprint: Fingerprint,
    /// Who would own it: drawn for this claim, and the same only if the claim is sent again because no answer came.
    pub owner: OwnerToken,
    /// How long the owner counts as alive without a renewal; 1 ms at least.
    pub lease: Duration,
    /// How long the record is kept, counted from the last claim or step that was accepted; a lease at least.
    pub retain: Duration,
    /// What to do if an earlier attempt was abandoned.
    pub when_abandoned: WhenAbandoned,
}

/// What a claim does about an attempt of which nobody knows how far it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WhenAbandoned {
    /// Runs the operation again, as the next attempt. The default.
    #[default]
    TakeOver,
    /// Runs it never again; the caller hears that the outcome is unknown.
    Refuse,
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is yours: run it, and say how it ended.
    Owned(Owned),
    /// Another request runs it, and holds a lease for so long unless renewed.
    InFlight {
        /// What is left of the lease; nothing if the claim itself had it and has released it, so that whatever comes
        /// now came late.
        remaining: Duration,
    },
    /// The key was used for another payload.
    Mismatch,
    /// It is done.
    Completed(Completion),
    /// It was begun, nobody finished it, and the claim does not take over.
    Abandoned {
        /// Which attempt that was.
        attempt: u32,
    },
}

/// A claim that was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// What the owner shows with each step.
    pub ticket: Ticket,
    /// Which run this is, from 1.
    pub attempt: u32,
    /// What was before.
    pub after: After,
    /// What the attempt before has left.
    pub checkpoint: Option<Checkpoint>,
    /// When the first claim came.
    pub created_at: Timestamp,
}

/// What proves that somebody owns a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Which record.
    pub id: RecordId,
    /// What for, so that a late owner never sees the answer to another payload.
    pub fingerprint: Fingerprint,
    /// Who.
    pub owner: OwnerToken,
    /// By which of the record's claims. Also for the handler, to fence itself elsewhere: whoever has seen a larger one
    /// refuses a smaller one.
    pub epoch: u64,
}

/// What was before an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum After {
    /// Nothing: it is the first.
    Nothing,
    /// An attempt that ended, and said that the operation may run again.
    Release,
    /// An attempt of which nobody knows how far it came: this is a recovery.
    Abandonment,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Its response; without a body if that was not kept.
    pub response: Arc<StoredResponse>,
    /// When.
    pub completed_at: Timestamp,
    /// Until when it is kept.
    pub expires_at: Timestamp,
    /// Which attempt it was.
    pub attempt: u32,
}

impl Record {
    /// Decides about a claim of the record that was found under its ID.
    pub fn claim(found: Option<&Self>, claim: &Claim, now: Timestamp) -> Decided<Claimed> {
        let Some(record) = found.filter(|record| !record.is_expired(now)) else {
            return first(claim, now);
        };
        // Before all else: another payload must learn nothing about this one, and change nothing.
        if record.fingerprint != claim.fingerprint {
            return Decided::unchanged(Claimed::Mismatch);
        }
        match &record.state {
            State::Completed { .. } => completed(record, claim),
            // It was granted, and has ended: this one was under way for all that time, and nobody waits for it.
            State::Stub if record.owner == Some(claim.owner) => {
                Decided::unchanged(Claimed::InFlight { remaining: Duration::ZERO })
            }
            State::Stub => record.next(claim, After::Release, now),
            State::InFlight { after, .. } if record.owner == Some(claim.owner) => {
                record.again(claim, *after, now)
            }
            State::InFlight { .. } if record.is_live(now) => record.busy(now),
            State::InFlight { .. } => record.abandoned(claim, now),
        }
    }

    fn abandoned(&self, claim: &Claim, now: Timestamp) -> Decided<Claimed> {
        match claim.when_abandoned {
            WhenAbandoned::TakeOver => self.next(claim, After::Abandonment, now),
            WhenAbandoned::Refuse => Decided::unchanged(Claimed::Abandoned { attempt: self.attempt }),
        }
    }

    /// Another claim than the one before has it from now on.
    fn next(&self, claim: &Claim, after: After, now: Timestamp) -> Decided<Claimed> {
        let (epoch, attempt) = (self.epoch.saturating_add(1), self.attempt.saturating_add(1));
        let epoch = epoch.max(now.as_millis());
        in_flight(Self { epoch, attempt, ..self.clone() }, claim, after, now)
    }

    /// The same claim was sent again: it has it as before.
    fn again(&self, claim: &Claim, after: After, now: Timestamp) -> Decided<Claimed> {
        in_flight(self.clone(), claim, after, now)
    }

    fn busy(&self, now: Timestamp) -> Decided<Claimed> {
        let State::InFlight { lease_until, lease_millis, after } = self.state else {
            return Decided::unchanged(Claimed::Mismatch);
        };
        let furthest = now.after(Duration::from_millis(lease_millis.into()));
        let remaining = lease_until.min(furthest).since(now);
        let answer = Claimed::InFlight { remaining };
        if lease_until <= furthest {
            return Decided::unchanged(answer);
        }
        // The clock went back. Nobody who is dead may hold a record for longer than a lease on that account.
        let state = State::InFlight { lease_until: furthest, lease_millis, after };
        Decided::put(answer, Self { state, ..self.clone() })
    }
}

fn first(claim: &Claim, now: Timestamp) -> Decided<Claimed> {
    let record = Record {
        fingerprint: claim.fingerprint,
        owner: None,
        epoch: now.as_millis().max(1),
        attempt: 1,
        created_at: now,
        expires_at: now,
        checkpoint: None,
        state: State::Stub,
    };
    in_flight(record, claim, After::Nothing, now)
}

fn in_flight(record: Record, claim: &Claim, after: After, now: Timestamp) -> Decided<Claimed> {
    let (lease_until, lease_millis, expires_at) = lease_terms(now, claim.lease, claim.retain);
    let state = State::InFlight { lease_until, lease_millis, after };
    let record = Record { owner: Some(claim.owner), expires_at, state, ..record };
    let Claim { id, fingerprint, owner, .. } = *claim;
    let owned = Owned {
        ticket: Ticket { id, fingerprint, owner, epoch: record.epoch },
        attempt: record.attempt,
        after,
        checkpoint: record.checkpoint.clone(),
        created_at: record.created_at,
    };
    Decided::put(Claimed::Owned(owned), record)
}

fn completed(record: &Record, claim: &Claim) -> Decided<Claimed> {
    let answer = record.completion(claim.fingerprint);
    Decided::unchanged(answer.map_or(Claimed::Mismatch, Claimed::Completed))
}
