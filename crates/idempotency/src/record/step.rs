use std::sync::Arc;
use std::time::Duration;

use super::{Completion, Decided, Record, State, Ticket, lease_terms};
use crate::{Checkpoint, StoredResponse, Timestamp};

/// What an owner does with its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Says that it is alive.
    Renew {
        /// For how long.
        lease: Duration,
        /// How long the record is kept.
        retain: Duration,
    },
    /// Leaves something for the next attempt, in place of what was left before.
    Checkpoint(Checkpoint),
    /// Ends it for good.
    Complete {
        /// What is answered from now on.
        response: Arc<StoredResponse>,
        /// How long the record is kept.
        retain: Duration,
    },
    /// Ends it so that the same request may run again, at once.
    Release {
        /// How long the record is kept, so that another payload is still refused and attempts are counted.
        retain: Duration,
    },
    /// Ends it without knowing how far it came.
    Abandon,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stepped {
    /// It happened, or had happened before.
    Done,
    /// It is completed, and there was no room for the response: a tombstone with the status alone.
    StatusOnly,
    /// Somebody else owns the record, or it has ended: nothing changed.
    Fenced(
        /// How it ended, if it has and was about the same payload.
        Option<Completion>,
    ),
    /// There is no such record any more: it has expired, was invalidated or was lost.
    Gone,
}

/// What became of an invalidation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Invalidated {
    /// The record is gone: the next request runs as the first.
    Removed,
    /// There was none.
    Absent,
    /// It stays, because its owner runs.
    InFlight,
}

impl Record {
    /// Decides about a step of an owner of the record that was found under its ID.
    pub fn step(found: Option<&Self>, ticket: &Ticket, step: &Step, now: Timestamp) -> Decided<Stepped> {
        let Some(record) = found.filter(|record| !record.is_expired(now)) else {
            return Decided::unchanged(Stepped::Gone);
        };
        let is_owner = record.owner == Some(ticket.owner) && record.epoch == ticket.epoch;
        match (&record.state, step) {
            (State::InFlight { .. }, step) if is_owner => record.stepped(step, now),
            // Sent again, because the first answer was lost.
            (State::Completed { .. }, Step::Complete { .. }) | (State::Stub, Step::Release { .. })
                if is_owner =>
            {
                Decided::unchanged(Stepped::Done)
            }
            _ => Decided::unchanged(Stepped::Fenced(record.completion(ticket.fingerprint))),
        }
    }

    /// Decides about an invalidation of the record that was found.
    pub fn invalidate(found: Option<&Self>, now: Timestamp) -> Decided<Invalidated> {
        match found {
            None => Decided::unchanged(Invalidated::Absent),
            Some(record) if record.is_live(now) => Decided::unchanged(Invalidated::InFlight),
            Some(record) if record.is_expired(now) => Decided::remove(Invalidated::Absent),
            Some(_) => Decided::remove(Invalidated::Removed),
        }
    }

    fn stepped(&self, step: &Step, now: Timestamp) -> Decided<Stepped> {
        Decided::put(Stepped::Done, self.after_step(step, now))
    }

    fn after_step(&self, step: &Step, now: Timestamp) -> Self {
        let record = self.clone();
        match step {
            Step::Renew { lease, retain } => record.renewed(*lease, *retain, now),
            Step::Checkpoint(left) => Self { checkpoint: Some(left.clone()), ..record },
            Step::Complete { response, retain } => Self {
                state: State::Completed { at: now, response: Arc::clone(response) },
                expires_at: now.after(*retain),
                checkpoint: None,
                ..record
            },
            Step::Release { retain } => Self { state: State::Stub, expires_at: now.after(*retain), ..record },
            Step::Abandon => {
                let mut record = record;
                record.disown(now);
                record
            }
        }
    }

    fn renewed(mut self, lease: Duration, retain: Duration, now: Timestamp) -> Self {
        if let State::InFlight { lease_until, lease_millis, .. } = &mut self.state {
            (*lease_until, *lease_millis, self.expires_at) = lease_terms(now, lease, retain);
        }
        self
    }
}
