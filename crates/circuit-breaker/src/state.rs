mod orders;
mod view;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use buttress_core::{Entropy, Mode, Outcome};
use buttress_window::Sample;

use crate::Window;
use crate::event::{Change, Counts, Reason, State};
use crate::probes::{Finding, Probe, Probes};
use crate::quick::QuickCount;
use crate::rules::Rules;
use crate::tally::Tally;
use crate::word::Epoch;

pub(crate) use view::View;

/// How long a caller had better wait who found every probe permit taken: probes decide quickly or not at all.
const PROBES_DECIDE_WITHIN: Duration = Duration::from_secs(1);

/// The decision: which calls pass, and what their outcomes change.
///
/// It knows no clock, no lock and no task. An epoch begins with every change; an outcome that was admitted in
/// another epoch changes nothing. Every method makes at most one change, which [`take_change`](Self::take_change)
/// hands out.
#[derive(Debug)]
pub(crate) struct Machine {
    rules: Arc<Rules>,
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
    pub(crate) started: Option<Instant>,
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

impl Machine {
    pub(crate) fn new(rules: Arc<Rules>, origin: Instant, shards: NonZeroUsize, entropy: Entropy) -> Self {
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
    #[inline]
    pub(crate) fn admit(&mut self, mode: Mode, now: Instant) -> Result<Option<Entry>, Shut> {
        if matches!(self.phase, Phase::Closed) {
            let due = self.tally.start(now);
            if !due || mode == Mode::Off || !self.opens_if_a_rule_is_broken(now) {
                return Ok(Some(Entry { epoch: self.epoch, started: Some(now) }));
            }
        }
        if mode == Mode::Off { Ok(None) } else { self.admit_unless_shut(now) }
    }

    /// The rest of [`admit`](Self::admit), for a breaker that is not closed.
    #[inline(never)]
    fn admit_unless_shut(&mut self, now: Instant) -> Result<Option<Entry>, Shut> {
        match self.phase {
            Phase::Open { until } if now >= until => {
                let probes = Probes::new(now);
                self.enter(Phase::HalfOpen(probes), Reason::OpenTimePassed, now);
            }
            Phase::HalfOpen(probes) if probes.are_overdue(now) => self.open(Reason::ProbesTookTooLong, now),
            _ => {}
        }
        let probe = Entry { epoch: self.epoch, started: Some(now) };
        match &mut self.phase {
            Phase::HalfOpen(probes) => {
                let full = Shut { state: State::HalfOpen, wait: Some(PROBES_DECIDE_WITHIN) };
                probes.take(&self.rules, now).then_some(Some(probe)).ok_or(full)
            }
            Phase::Open { until } => {
                Err(Shut { state: State::Open, wait: Some(until.saturating_duration_since(now)) })
            }
            Phase::ForcedOpen => Err(Shut { state: State::ForcedOpen, wait: None }),
            Phase::Disabled | Phase::Closed => Ok(None),
        }
    }

    /// Whether the last calls that ended have failed, which a success would have to end.
    pub(crate) fn counts_a_row(&self) -> bool {
        self.tally.streak() > 0
    }

    /// Takes note of a success in the common case that nothing else depends on it. False if it is a matter for
    /// [`settle`](Self::settle), and nothing has been noted.
    pub(crate) fn succeed(&mut self, entry: Entry, clock: impl Fn() -> Instant) -> bool {
        if entry.epoch != self.epoch || !matches!(self.phase, Phase::Closed) {
            return false;
        }
        if self.tally.watches_ages() {
            let (now, started) = (clock(), entry.started);
            if !self.tally.is_too_young_to_be_slow(started, now) && self.is_slow(entry, now) {
                return false;
            }
            self.tally.finish(started, now);
            self.tally.record_success(self.epoch, || now);
        } else {
            self.tally.record_success(self.epoch, clock);
        }
        true
    }

    /// Takes note of how an admitted call ended.
    pub(crate) fn settle(&mut self, entry: Entry, ending: Ending, mode: Mode, now: Instant) {
        let Ending { outcome, hint } = ending;
        if entry.epoch != self.epoch {
            self.stale += 1;
            return;
        }
        if let (Outcome::Failure | Outcome::Throttled, Some(hint)) = (outcome, hint) {
            let until = now.checked_add(hint.min(self.rules.retry_after_cap)).unwrap_or(now);
            self.hinted = self.hinted.max(Some(until));
        }
        let slow = self.is_slow(entry, now);
        match &mut self.phase {
            Phase::Closed => {
                self.tally.finish(entry.started, now);
                let went_wrong = self.count(outcome, slow, now);
                if went_wrong && mode != Mode::Off {
                    self.opens_if_a_rule_is_broken(now);
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
        since: Option<Instant>,
        mode: Mode,
        now: Instant,
    ) -> Outcome {
        let waited =
            since.or(entry.started).map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let outcome = match self.rules.abandoned_after {
            Some(limit) if waited >= limit => Outcome::Failure,
            _ => Outcome::Ignored,
        };
        self.settle(entry, Ending { outcome, hint: None }, mode, now);
        outcome
    }

    pub(crate) fn has_changed(&self) -> bool {
        self.change.is_some()
    }

    pub(crate) fn take_change(&mut self) -> Option<Change> {
        self.change.take()
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
            Outcome::Success => self.tally.end_row(),
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

    #[inline(never)]
    fn is_slow(&self, entry: Entry, now: Instant) -> bool {
        let limit = self.rules.slow.map(|slow| slow.after);
        limit
            .zip(entry.started)
            .is_some_and(|(limit, started)| now.saturating_duration_since(started) > limit)
    }

    #[inline(never)]
    fn opens_if_a_rule_is_broken(&mut self, now: Instant) -> bool {
        let broken = self.tally.broken_rule(self.epoch, &self.rules, now);
        if let Some(reason) = broken {
            self.open(reason, now);
        }
        broken.is_some()
    }

    fn open(&mut self, reason: Reason, now: Instant) {
        self.last_wait = self.rules.open_time.delay(self.openings, self.last_wait, self.entropy.draw());
        self.openings = self.openings.saturating_add(1);
        self.opened += 1;
        let until = now.checked_add(self.last_wait).unwrap_or(now).max(self.hinted.unwrap_or(now));
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
