use std::collections::VecDeque;
use std::time::{Instant, SystemTime};

use buttress_core::WallClock;
use buttress_redact::Redactor;
use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::{oneshot, watch};

use super::counts::Counts;
use super::facts::Facts;
use super::gap::Losses;
use super::policy::Policies;
use super::refusals::{Bound, Refusals};
use super::replicas::Replicas;
use super::room::{Rank, Room, Woken};
use super::{Head, Policy};
use crate::{Class, Durability, NotRecorded, Reason, Receipt};

/// What the handles of a log and the thread that writes it have in common.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Something is there to be done.
    work: Condvar,
    pub(super) policies: Policies,
    pub(super) most_event_bytes: usize,
    pub(super) redactor: Redactor,
    pub(super) clock: WallClock,
    /// The last record that nobody will take back.
    pub(super) head: watch::Sender<Head>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) room: Room,
    pub(super) queue: VecDeque<Entry>,
    pub(super) counts: Counts,
    pub(super) losses: Losses,
    pub(super) refusals: Refusals,
    pub(super) health: Health,
    pub(super) replicas: Replicas,
    pub(super) facts: Facts,
    /// Since when the thread that writes is at work on what it took last.
    pub(super) busy_since: Option<Instant>,
    /// Whether a new file was asked for.
    pub(super) rotate: bool,
    pub(super) phase: Phase,
}

/// An event that waits to be written.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) class: Class,
    /// Whose place it has.
    pub(super) rank: Rank,
    pub(super) durability: Durability,
    pub(super) event: Vec<u8>,
    pub(super) reply: Option<Reply>,
}

pub(super) type Reply = oneshot::Sender<Result<Receipt, NotRecorded>>;

/// What is recorded at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Health {
    /// Everything.
    #[default]
    Good,
    /// Only what must not be lost: the disk is nearly full.
    Scarce,
    /// Nothing.
    Refusing(Reason),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    #[default]
    Open,
    /// What waits is written, and nothing more comes.
    Closing,
    Closed,
}

impl Shared {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { room, refusals, policies, most_event_bytes, redactor, clock, head, facts } = parts;
        let state = State {
            room,
            queue: VecDeque::new(),
            counts: Counts::default(),
            losses: Losses::default(),
            refusals: Refusals::new(refusals),
            health: Health::default(),
            replicas: Replicas::default(),
            facts,
            busy_since: None,
            rotate: false,
            phase: Phase::default(),
        };
        let head = watch::Sender::new(head);
        Self {
            state: Mutex::new(state),
            work: Condvar::new(),
            policies,
            most_event_bytes,
            redactor,
            clock,
            head,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Where the writer waits.
    pub(super) const fn work(&self) -> &Condvar {
        &self.work
    }

    /// Changes the state, and wakes those who can go on once the lock is free.
    pub(super) fn change(&self, change: impl FnOnce(&mut State) -> Woken) {
        let woken = change(&mut self.state.lock());
        woken.into_iter().for_each(std::task::Waker::wake);
    }

    pub(super) const fn policy(&self, class: Class) -> Policy {
        self.policies.of(class)
    }

    /// Stops taking events; what waits is written.
    pub(super) fn begin_to_close(&self) {
        self.change(|state| {
            state.phase = state.phase.max(Phase::Closing);
            state.room.shut();
            state.room.dismiss()
        });
        self.work.notify_all();
    }
}

/// What a log is made of.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) room: Room,
    pub(super) refusals: Bound,
    pub(super) policies: Policies,
    pub(super) most_event_bytes: usize,
    pub(super) redactor: Redactor,
    pub(super) clock: WallClock,
    pub(super) head: Head,
    pub(super) facts: Facts,
}

impl State {
    /// Whether one more receipt may wait for sinks: those that stand still must not fill the memory.
    pub(super) fn replicas_have_room(&self, policy: Policy) -> bool {
        !matches!(policy.durability, Durability::Replicated(_))
            || self.replicas.held() < self.room.most(policy.when_full.rank()).events
    }

    /// Notes that an event was refused or failed, and what its caller is told.
    pub(super) fn refuse(&mut self, refusal: Refusal, at: SystemTime) -> NotRecorded {
        let Refusal { class, policy, reason, was_handed_over } = refusal;
        let category = class.category();
        let shed = policy.when_full.sheds() && reason != Reason::Closed;
        if !was_handed_over {
            self.counts.emitted(category);
        }
        self.counts.refused(category, shed);
        // An event that was never handed over and fails its request has not happened.
        if was_handed_over || shed {
            self.losses.note(category, reason, at);
        }
        let retry_after = match reason {
            Reason::QueueFull | Reason::DiskFull | Reason::Failed => Some(super::ladder::LOOK_AGAIN),
            _ => None,
        };
        NotRecorded { reason, shed, retry_after }
    }
}

/// Which event was not recorded, and why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    pub(super) class: Class,
    pub(super) policy: Policy,
    pub(super) reason: Reason,
    /// Whether there was an event, and not only the wish for one.
    pub(super) was_handed_over: bool,
}
