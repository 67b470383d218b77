use std::sync::Arc;
use std::time::Instant;

use super::{Machine, Phase};
use crate::event::{Counts, State};
use crate::quick::QuickCount;
use crate::rules::Rules;
use crate::word::{Gate, Word};

/// What [`Machine::view`] shows.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) rules: Arc<Rules>,
    pub(crate) state: State,
    pub(crate) since: Instant,
    pub(crate) open_until: Option<Instant>,
    pub(crate) counts: Counts,
    pub(crate) epoch: u64,
    pub(crate) opened: u64,
    pub(crate) stale: u64,
}

impl View {
    /// Whether a breaker that is forgotten in this state would forget nothing but successes.
    pub(crate) fn is_quiet(&self) -> bool {
        let Counts { failed, slow, consecutive_failures, .. } = self.counts;
        self.state == State::Closed && (failed, slow, consecutive_failures) == (0, 0, 0)
    }
}

/// What others may see of a machine.
impl Machine {
    /// What the path without a lock must know.
    pub(crate) fn word(&self) -> Word {
        let gate = match self.phase {
            Phase::Closed if self.tally.watches_ages() => Gate::Timed,
            Phase::Closed if self.tally.takes_successes_at(self.home.as_ref().map(|(_, home)| home)) => {
                Gate::Quick
            }
            Phase::Closed => Gate::Closed,
            Phase::Open { .. } => Gate::Open,
            Phase::HalfOpen(_) => Gate::HalfOpen,
            Phase::ForcedOpen => Gate::ForcedOpen,
            Phase::Disabled => Gate::Disabled,
        };
        Word::new(gate, self.epoch)
    }

    /// Where the path without a lock may count successes.
    pub(crate) fn home(&self) -> Option<Arc<QuickCount>> {
        self.home.as_ref().map(|(_, successes)| Arc::clone(successes))
    }

    pub(crate) fn open_until(&self) -> Option<Instant> {
        match self.phase {
            Phase::Open { until } => Some(until),
            _ => None,
        }
    }

    pub(crate) fn opened(&self) -> u64 {
        self.opened
    }

    pub(crate) fn state(&self) -> State {
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen(_) => State::HalfOpen,
            Phase::ForcedOpen => State::ForcedOpen,
            Phase::Disabled => State::Disabled,
        }
    }

    pub(crate) fn view(&mut self, now: Instant) -> View {
        View {
            rules: Arc::clone(&self.rules),
            state: self.state(),
            since: self.since,
            open_until: self.open_until(),
            counts: self.counts(now),
            epoch: self.epoch.number(),
            opened: self.opened,
            stale: self.stale,
        }
    }
}
