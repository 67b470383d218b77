use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Instant;

use buttress_core::Ratio;
use buttress_window::{CountWindow, Sample, TimeWindow, Totals};

use crate::Window;
use crate::ages::Ages;
use crate::event::{Counts, Reason};
use crate::quick::QuickCount;
use crate::rules::Rules;
use crate::word::Epoch;

/// What a closed breaker has seen since it closed.
#[derive(Debug)]
pub(crate) struct Tally {
    record: Record,
    /// Failures since the last success.
    streak: u32,
    slow: Option<Box<Ages>>,
    hung: Option<Box<Ages>>,
}

/// The calls that have ended.
#[derive(Debug)]
enum Record {
    Time {
        /// Everything but plain successes.
        rest: TimeWindow,
        successes: Arc<QuickCount>,
    },
    Calls(CountWindow),
    None,
}

impl Record {
    fn of_time(successes: Arc<QuickCount>) -> Self {
        Self::Time { rest: TimeWindow::new(successes.ticks()), successes }
    }
}

impl Tally {
    /// Begins to count; `shards` says how many threads may count successes without meeting.
    pub(crate) fn new(rules: &Rules, origin: Instant, shards: NonZeroUsize) -> Self {
        let record = match rules.window {
            Window::Time { span, buckets } => {
                Record::of_time(Arc::new(QuickCount::new(origin, span, at_least_one(buckets), shards)))
            }
            Window::Calls(calls) => Record::Calls(CountWindow::new(at_least_one(calls))),
            Window::None => Record::None,
        };
        Self::with_record(rules, origin, record)
    }

    /// Begins to count with the successes in a place that others know already.
    pub(crate) fn with_successes(rules: &Rules, origin: Instant, successes: Arc<QuickCount>) -> Self {
        Self::with_record(rules, origin, Record::of_time(successes))
    }

    fn with_record(rules: &Rules, origin: Instant, record: Record) -> Self {
        Self {
            record,
            streak: 0,
            slow: rules.slow.map(|slow| Box::new(Ages::new(slow.after, origin))),
            hung: rules.hung_after.map(|limit| Box::new(Ages::new(limit, origin))),
        }
    }

    /// Where successes may be counted without asking, if the window allows it.
    pub(crate) fn successes(&self) -> Option<&Arc<QuickCount>> {
        match &self.record {
            Record::Time { successes, .. } => Some(successes),
            _ => None,
        }
    }

    pub(crate) fn watches_ages(&self) -> bool {
        self.slow.is_some() || self.hung.is_some()
    }

    pub(crate) fn streak(&self) -> u32 {
        self.streak
    }

    /// Whether a plain success need only be counted at `home`, which is nothing where nothing is remembered.
    pub(crate) fn takes_successes_at(&self, home: Option<&Arc<QuickCount>>) -> bool {
        self.streak == 0
            && match &self.record {
                Record::Time { successes, .. } => home.is_some_and(|home| Arc::ptr_eq(home, successes)),
                Record::Calls(_) => false,
                Record::None => true,
            }
    }

    pub(crate) fn clear(&mut self) {
        self.streak = 0;
        match &mut self.record {
            // Its successes belong to an epoch that has ended and count no more.
            Record::Time { rest, .. } => rest.clear(),
            Record::Calls(window) => window.clear(),
            Record::None => {}
        }
        self.each_age(Ages::clear);
    }

    /// A call begins; true, at most once per tick, if others have been running for too long.
    #[inline]
    pub(crate) fn start(&mut self, now: Instant) -> bool {
        let mut due = false;
        self.each_age(|ages| due |= ages.start(now));
        due
    }

    /// Whether a call that ends now is too young to be slow, which is cheaper to find out than how old it is.
    #[inline]
    pub(crate) fn is_too_young_to_be_slow(&mut self, started: Option<Instant>, now: Instant) -> bool {
        let young = |ages: &mut Box<Ages>| started.is_some_and(|started| ages.has_just_begun(started, now));
        self.slow.as_mut().is_none_or(young)
    }

    #[inline]
    pub(crate) fn finish(&mut self, started: Option<Instant>, now: Instant) {
        if let Some(started) = started {
            self.each_age(|ages| ages.finish(started, now));
        }
    }

    pub(crate) fn end_row(&mut self) {
        self.streak = 0;
    }

    pub(crate) fn failed(&mut self) {
        self.streak = self.streak.saturating_add(1);
    }

    /// Records a call that neither failed nor was slow; the time matters only to a window of time.
    pub(crate) fn record_success(&mut self, epoch: Epoch, clock: impl Fn() -> Instant) {
        self.end_row();
        match &mut self.record {
            Record::Time { successes, .. } => successes.add(epoch, clock()),
            Record::Calls(window) => {
                window.record(Sample::Success);
            }
            Record::None => {}
        }
    }

    pub(crate) fn record(&mut self, epoch: Epoch, sample: Sample, now: Instant) {
        match &mut self.record {
            _ if sample == Sample::Success => self.record_success(epoch, || now),
            Record::Time { rest, .. } => {
                rest.record(now, sample);
            }
            Record::Calls(window) => {
                window.record(sample);
            }
            Record::None => {}
        }
    }

    /// The rule that is broken, if one is.
    pub(crate) fn broken_rule(&mut self, epoch: Epoch, rules: &Rules, now: Instant) -> Option<Reason> {
        if rules.consecutive_failures.is_some_and(|most| self.streak >= most) {
            return Some(Reason::ConsecutiveFailures);
        }
        self.look(now);
        let totals = self.totals(epoch, now);
        let trips = |ratio: Option<Ratio>, bad: u64, running: u64| {
            let calls = totals.total() + running;
            let reached = |ratio: Ratio| ratio.is_reached_by(bad + running, calls);
            calls >= rules.min_calls && ratio.is_some_and(reached)
        };
        let slow_ratio = rules.slow.map(|slow| slow.ratio);
        if trips(rules.failure_ratio, totals.failed(), 0) {
            Some(Reason::FailureRatio)
        } else if trips(slow_ratio, totals.slow(), 0) {
            Some(Reason::SlowCalls)
        } else if trips(rules.failure_ratio, totals.failed(), overdue(self.hung.as_deref()))
            || trips(slow_ratio, totals.slow(), overdue(self.slow.as_deref()))
        {
            Some(Reason::HungCalls)
        } else {
            None
        }
    }

    pub(crate) fn counts(&mut self, epoch: Epoch, now: Instant) -> Counts {
        self.look(now);
        let totals = self.totals(epoch, now);
        let hung = overdue(self.hung.as_deref()).max(overdue(self.slow.as_deref()));
        Counts {
            calls: totals.total(),
            failed: totals.failed(),
            slow: totals.slow(),
            consecutive_failures: self.streak,
            hung: u32::try_from(hung).unwrap_or(u32::MAX),
        }
    }

    /// Counts anew how many of the running calls have been running for too long.
    fn look(&mut self, now: Instant) {
        self.each_age(|ages| ages.look(now));
    }

    fn totals(&mut self, epoch: Epoch, now: Instant) -> Totals {
        match &mut self.record {
            Record::Time { rest, successes } => rest.totals(now).with_successes(successes.sum(epoch, now)),
            Record::Calls(window) => window.totals(),
            Record::None => Totals::default(),
        }
    }

    #[inline]
    fn each_age(&mut self, mut work: impl FnMut(&mut Ages)) {
        for ages in [&mut self.slow, &mut self.hung].into_iter().flatten() {
            work(ages);
        }
    }
}

fn overdue(ages: Option<&Ages>) -> u64 {
    ages.map_or(0, |ages| ages.overdue().into())
}

fn at_least_one(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
}
