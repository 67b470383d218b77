use std::sync::Arc;
use std::time::Instant;

use super::{Machine, Phase};
use crate::event::Reason;
use crate::probes::Probes;
use crate::rules::Rules;
use crate::tally::Tally;

/// What is done to a machine by hand.
impl Machine {
    pub(crate) fn force_open(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::ForcedOpen) {
            self.enter(Phase::ForcedOpen, Reason::ForcedOpen, now);
        }
    }

    pub(crate) fn disable(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Disabled) {
            self.enter(Phase::Disabled, Reason::Disabled, now);
        }
    }

    pub(crate) fn release(&mut self, now: Instant) {
        if matches!(self.phase, Phase::ForcedOpen | Phase::Disabled) {
            self.close(Reason::Released, now);
        }
    }

    /// Closes and forgets, whatever the state; also if it is closed already.
    pub(crate) fn reset(&mut self, now: Instant) {
        self.close(Reason::Reset, now);
    }

    /// Puts other rules into force. The state stays; what was counted under the old rules is forgotten.
    pub(crate) fn reconfigure(&mut self, rules: Arc<Rules>, now: Instant) {
        let phase = match self.phase {
            Phase::HalfOpen(_) => Phase::HalfOpen(Probes::new(now)),
            other => other,
        };
        let (counts, since) = (self.counts(now), self.since);
        self.tally = match &self.home {
            Some((window, successes)) if *window == rules.window => {
                Tally::with_successes(&rules, self.origin, Arc::clone(successes))
            }
            _ => Tally::new(&rules, self.origin, self.shards),
        };
        self.rules = rules;
        self.enter_counted(phase, Reason::Reconfigured, counts, now);
        self.since = since;
    }
}
