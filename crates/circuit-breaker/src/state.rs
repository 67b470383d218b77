use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use buttress_core::{Entropy, Mode, Outcome};
use buttress_window::Sample;

use crate::Window;
use crate::event::{Change, Counts, Reason, State};
use crate::moment::Moment;
use crate::probes::{Finding, Probe, Probes};
use crate::quick::QuickCount;
use crate::rules::Rules;
use crate::tally::Tally;
use crate::word::{Epoch, Gate, Word};

/// How long a caller had better wait who found every probe permit taken: probes decide quickly or not at all.
pub(crate) const PROBES_DECIDE_WITHIN: Duration = Duration::from_secs(1);

/// The decision: which calls pass, and what their outcomes change.
///
/// It knows no clock, no lock and no task. An epoch begins with every change; an outcome that was admitted in
/// another epoch changes nothing. Every method makes at most one change, which [`take_change`](Self::take_change)
/// hands out.
#[derive(Debug)]
pub(crate) struct Machine {
    rules: Rules,
    origin: Instant,
    shards: NonZeroUsize,
    entropy: Entropy,
    epoch: Epoch,
    phase: Phase,
    since: Instant,
    tally: Tally,
    /// The count that the path without a lock knows, and the window it was made for.
    home: Option<(Window, Arc<QuickCount>)>,
    /// Openings in a row, without a closing between them.
    openings: u32,
    last_wait: Duration,
    /// Until when failed calls of this epoch asked their callers to stay away.
    hinted: Option<Instant>,
    opened: u64,
    stale: u64,
    change: Option<Change>,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed,
    Open { until: Instant },
    HalfOpen(Probes),
    ForcedOpen,
    Disabled,
}

/// What an admitted call remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) epoch: Epoch,
    /// When it began, as far as anybody has looked.
    pub(crate) started: Option<Moment>,
}

/// How an admitted call ended, and for how long it asked its callers to stay away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) hint: Option<Duration>,
}

/// Why a call is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shut {
    pub(crate) state: State,
    pub(crate) wait: Option<Duration>,
}

/// What [`Machine::view`] shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) rules: Rules,
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

impl Machine {
    pub(crate) fn new(rules: Rules, origin: Instant, shards: NonZeroUsize, entropy: Entropy) -> Self {
        let tally = Tally::new(&rules, origin, shards);
        let home = tally.successes().map(|successes| (rules.window, Arc::clone(successes)));
        Self {
            rules,
            origin,
            shards,
            entropy,
            epoch: Epoch::FIRST,
            phase: Phase::Closed,
            since: origin,
            tally,
            home,
            openings: 0,
            last_wait: Duration::ZERO,
            hinted: None,
            opened: 0,
            stale: 0,
            change: None,
        }
    }

    /// Whether a call that arrives at `now` passes, and what it remembers if its outcome counts.
    ///
    /// A breaker that is off changes nothing and lets everything pass; closed, it goes on counting.
    pub(crate) fn admit(&mut self, mode: Mode, now: Instant) -> Result<Option<Entry>, Shut> {
        let moment = self.moment(now);
        match self.phase {
            Phase::Closed if mode == Mode::Off => {}
            _ if mode == Mode::Off => return Ok(None),
            Phase::Closed if self.tally.look(moment) => self.open_if_a_rule_is_broken(now),
            Phase::Open { until } if now >= until => {
                let probes = Probes::new(&self.rules, now);
                self.enter(Phase::HalfOpen(probes), Reason::OpenTimePassed, now);
            }
            Phase::HalfOpen(probes) if probes.are_overdue(now) => self.open(Reason::ProbesTookTooLong, now),
            _ => {}
        }
        let entry = Entry { epoch: self.epoch, started: Some(moment) };
        match &mut self.phase {
            Phase::Closed => {
                self.tally.start(moment);
                Ok(Some(entry))
            }
            Phase::HalfOpen(probes) => {
                let full = Shut { state: State::HalfOpen, wait: Some(PROBES_DECIDE_WITHIN) };
                probes.take(&self.rules).then_some(Some(entry)).ok_or(full)
            }
            Phase::Open { until } => {
                Err(Shut { state: State::Open, wait: Some(until.saturating_duration_since(now)) })
            }
            Phase::ForcedOpen => Err(Shut { state: State::ForcedOpen, wait: None }),
            Phase::Disabled => Ok(None),
        }
    }

    /// Takes note of how an admitted call ended.
    pub(crate) fn settle(&mut self, entry: Entry, ending: Ending, mode: Mode, now: Instant) {
        let Ending { outcome, hint } = ending;
        if entry.epoch != self.epoch {
            self.stale += 1;
            return;
        }
        if let (Outcome::Failure | Outcome::Throttled, Some(hint)) = (outcome, hint) {
            let until = now + hint.min(self.rules.retry_after_cap);
            self.hinted = self.hinted.max(Some(until));
        }
        let moment = self.moment(now);
        let slow = self.is_slow(entry, moment);
        match &mut self.phase {
            Phase::Closed => {
                self.tally.finish(entry.started, moment);
                let went_wrong = self.count(outcome, slow, now);
                if went_wrong && mode != Mode::Off {
                    self.open_if_a_rule_is_broken(now);
                }
            }
            Phase::HalfOpen(probes) => match outcome {
                Outcome::Ignored => probes.give_back(),
                _ if mode == Mode::Off => probes.give_back(),
                _ => self.settle_probe(Probe { failed: outcome != Outcome::Success, slow }, now),
            },
            // An epoch ends with its phase, and these phases admit nothing that is recorded.
            Phase::Open { .. } | Phase::ForcedOpen | Phase::Disabled => {}
        }
    }

    /// Takes note of a call whose caller left; what it counted as.
    ///
    /// It had been waiting in vain since `since`, or since it began.
    pub(crate) fn abandon(
        &mut self,
        entry: Entry,
        since: Option<Moment>,
        mode: Mode,
        now: Instant,
    ) -> Outcome {
        let waited = since.or(entry.started).map_or(Duration::ZERO, |since| self.moment(now).since(since));
        let outcome = match self.rules.abandoned_after {
            Some(limit) if waited >= limit => Outcome::Failure,
            _ => Outcome::Ignored,
        };
        self.settle(entry, Ending { outcome, hint: None }, mode, now);
        outcome
    }

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
    pub(crate) fn reconfigure(&mut self, rules: Rules, now: Instant) {
        let phase = match self.phase {
            Phase::HalfOpen(_) => Phase::HalfOpen(Probes::new(&rules, now)),
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

    pub(crate) fn has_changed(&self) -> bool {
        self.change.is_some()
    }

    pub(crate) fn take_change(&mut self) -> Option<Change> {
        self.change.take()
    }

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
            rules: self.rules,
            state: self.state(),
            since: self.since,
            open_until: self.open_until(),
            counts: self.counts(now),
            epoch: self.epoch.number(),
            opened: self.opened,
            stale: self.stale,
        }
    }

    /// Counts a call that a closed breaker admitted; true if a rule may be broken now.
    ///
    /// A good call can only make the shares better, or bring the number of calls up to the minimum; the next bad one
    /// sees that.
    fn count(&mut self, outcome: Outcome, slow: bool, now: Instant) -> bool {
        let sample = match outcome {
            Outcome::Ignored => return false,
            Outcome::Success => Sample::Success,
            Outcome::Failure | Outcome::Throttled => Sample::Failure,
        };
        match outcome {
            Outcome::Success => self.tally.succeeded(),
            Outcome::Failure => self.tally.failed(),
            // A service that asks for less neither breaks nor continues a row of failures.
            _ => {}
        }
        let sample = if slow { sample.slow() } else { sample };
        self.tally.record(self.epoch, sample, now);
        sample != Sample::Success
    }

    fn settle_probe(&mut self, probe: Probe, now: Instant) {
        let Phase::HalfOpen(probes) = &mut self.phase else { return };
        match probes.settle(&self.rules, probe) {
            Some(Finding::Healthy) => self.close(Reason::ProbesSucceeded, now),
            Some(Finding::Sick) => self.open(Reason::ProbesFailed, now),
            None => {}
        }
    }

    fn is_slow(&self, entry: Entry, now: Moment) -> bool {
        let limit = self.rules.slow.map(|slow| slow.after);
        limit.zip(entry.started).is_some_and(|(limit, started)| now.since(started) > limit)
    }

    fn moment(&self, now: Instant) -> Moment {
        Moment::of(now, self.origin)
    }

    fn open_if_a_rule_is_broken(&mut self, now: Instant) {
        if let Some(reason) = self.tally.broken_rule(self.epoch, &self.rules, now) {
            self.open(reason, now);
        }
    }

    fn open(&mut self, reason: Reason, now: Instant) {
        self.last_wait = self.rules.open_time.delay(self.openings, self.last_wait, self.entropy.draw());
        self.openings = self.openings.saturating_add(1);
        self.opened += 1;
        let until = (now + self.last_wait).max(self.hinted.unwrap_or(now));
        self.enter(Phase::Open { until }, reason, now);
    }

    fn close(&mut self, reason: Reason, now: Instant) {
        (self.openings, self.last_wait) = (0, Duration::ZERO);
        self.enter(Phase::Closed, reason, now);
    }

    fn enter(&mut self, phase: Phase, reason: Reason, now: Instant) {
        let counts = self.counts(now);
        self.tally.clear();
        self.enter_counted(phase, reason, counts, now);
    }

    fn enter_counted(&mut self, phase: Phase, reason: Reason, counts: Counts, now: Instant) {
        let from = self.state();
        (self.phase, self.since, self.hinted) = (phase, now, None);
        self.epoch = self.epoch.next();
        let open_for = self.open_until().map(|until| until.saturating_duration_since(now));
        let (to, epoch) = (self.state(), self.epoch.number());
        self.change = Some(Change { from, to, reason, epoch, at: now, counts, open_for });
    }

    fn counts(&mut self, now: Instant) -> Counts {
        match &self.phase {
            Phase::HalfOpen(probes) => probes.counts(),
            _ => self.tally.counts(self.epoch, now),
        }
    }
}

#[cfg(test)]
#[cfg(not(buttress_loom))]
mod tests;
