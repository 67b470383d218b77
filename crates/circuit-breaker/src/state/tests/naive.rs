//! The machine beside one that remembers everything and computes everything anew.
#![expect(clippy::cast_possible_truncation, reason = "no test makes so many calls")]

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use buttress_backoff::{Backoff, Jitter};
use buttress_core::{Entropy, Mode, Outcome, Ratio};
use proptest::prelude::*;
use proptest::sample::Index;

use super::super::{Ending, Entry, Machine};
use crate::event::{Counts, State};
use crate::rules::Rules;
use crate::{BreakerConfig, ProbeRule, Window};

#[derive(Clone, Copy, Debug)]
struct Ended {
    at: Instant,
    outcome: Outcome,
    slow: bool,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    epoch: u64,
    began: Instant,
}

/// What a breaker should do, without a thought for cost.
struct Naive {
    rules: Rules,
    origin: Instant,
    epoch: u64,
    state: State,
    since: Instant,
    until: Instant,
    openings: u32,
    running: Vec<Running>,
    /// Of this epoch.
    ended: Vec<Ended>,
    /// When an arrival was last told of overdue calls, for each of the two limits.
    told: [Instant; 2],
    /// Since when probes have been running without a gap.
    probing_since: Instant,
    stale: u64,
}

impl Naive {
    fn new(rules: Rules, origin: Instant) -> Self {
        let (state, running, ended) = (State::Closed, Vec::new(), Vec::new());
        let (since, until, told, probing_since) = (origin, origin, [origin; 2], origin);
        Self {
            rules,
            origin,
            epoch: 0,
            state,
            since,
            until,
            openings: 0,
            running,
            ended,
            told,
            probing_since,
            stale: 0,
        }
    }

    fn admit(&mut self, now: Instant) -> bool {
        if self.state == State::Closed && self.is_due(now) && self.trips(now) {
            self.open(now);
        } else if self.state == State::Open && now >= self.until {
            self.enter(State::HalfOpen, now);
        } else if self.state == State::HalfOpen
            && self.probing() > 0
            && now >= self.probing_since + self.rules.half_open_max
        {
            self.open(now);
        }
        let admitted = match self.state {
            State::Closed => true,
            State::HalfOpen => self.has_permit(),
            _ => false,
        };
        if admitted {
            if self.probing() == 0 {
                self.probing_since = now;
            }
            self.running.push(Running { epoch: self.epoch, began: now });
        }
        admitted
    }

    fn settle(&mut self, which: usize, outcome: Outcome, now: Instant) {
        let call = self.running.swap_remove(which);
        if call.epoch != self.epoch {
            self.stale += 1;
            return;
        }
        let slow = self.rules.slow.is_some_and(|slow| now - call.began > slow.after);
        if outcome == Outcome::Ignored {
            return;
        }
        self.ended.push(Ended { at: now, outcome, slow });
        match self.state {
            State::Closed if (outcome != Outcome::Success || slow) && self.trips(now) => self.open(now),
            State::HalfOpen => self.judge_probes(now),
            _ => {}
        }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let limits = [self.rules.hung_after, self.rules.slow.map(|slow| slow.after)];
        let mut any = false;
        for (place, limit) in limits.into_iter().enumerate() {
            let Some(limit) = limit.filter(|limit| self.overdue(Some(*limit), now) > 0) else { continue };
            let tick = |at: Instant| (at - self.origin).as_nanos() / (limit.as_nanos().div_ceil(8));
            if tick(now) > tick(self.told[place]) {
                self.told[place] = now;
                any = true;
            }
        }
        any
    }

    fn overdue(&self, limit: Option<Duration>, now: Instant) -> u64 {
        let Some(limit) = limit else { return 0 };
        let tick = |at: Instant| (at - self.origin).as_nanos() / (limit.as_nanos().div_ceil(8));
        let old = |call: &&Running| call.epoch == self.epoch && tick(now) - tick(call.began) > 8;
        self.running.iter().filter(old).count() as u64
    }

    fn window(&self, now: Instant) -> Vec<Ended> {
        match self.rules.window {
            Window::None => Vec::new(),
            Window::Calls(calls) => self.ended.iter().rev().take(calls as usize).copied().collect(),
            Window::Time { span, buckets } => {
                let tick =
                    |at: Instant| (at - self.origin).as_nanos() / span.as_nanos().div_ceil(buckets.into());
                self.ended
                    .iter()
                    .filter(|call| tick(call.at) + u128::from(buckets) > tick(now))
                    .copied()
                    .collect()
            }
        }
    }

    fn streak(&self) -> u32 {
        let row = self.ended.iter().rev().take_while(|call| call.outcome != Outcome::Success);
        row.filter(|call| call.outcome == Outcome::Failure).count() as u32
    }

    fn counts(&self, now: Instant) -> Counts {
        let probes = self.state == State::HalfOpen;
        let calls = if probes { self.ended.clone() } else { self.window(now) };
        let hung = self.overdue(self.rules.hung_after, now);
        let slow = self.overdue(self.rules.slow.map(|slow| slow.after), now);
        let closed = self.state == State::Closed;
        Counts {
            calls: calls.len() as u64,
            failed: calls.iter().filter(|call| call.outcome != Outcome::Success).count() as u64,
            slow: calls.iter().filter(|call| call.slow).count() as u64,
            consecutive_failures: if closed { self.streak() } else { 0 },
            hung: if closed { hung.max(slow) as u32 } else { 0 },
        }
    }

    fn trips(&self, now: Instant) -> bool {
        let (counts, rules) = (self.counts(now), &self.rules);
        let share = |ratio: Option<Ratio>, bad: u64, running: u64| {
            let calls = counts.calls + running;
            let least = |ratio: Ratio| (bad + running) * 1_000_000 >= calls * u64::from(ratio.parts());
            calls >= rules.min_calls && calls > 0 && ratio.is_some_and(least)
        };
        let slow = rules.slow.map(|slow| slow.ratio);
        rules.consecutive_failures.is_some_and(|most| self.streak() >= most)
            || share(rules.failure_ratio, counts.failed, 0)
            || share(slow, counts.slow, 0)
            || share(rules.failure_ratio, counts.failed, self.overdue(rules.hung_after, now))
            || share(slow, counts.slow, self.overdue(rules.slow.map(|slow| slow.after), now))
    }

    fn probing(&self) -> u32 {
        self.running.iter().filter(|call| call.epoch == self.epoch).count() as u32
    }

    fn has_permit(&self) -> bool {
        let (permits, ended) = (self.rules.half_open_permits, self.ended.len() as u32);
        match self.rules.probe_rule {
            ProbeRule::Rate(_) => self.probing() + ended < permits,
            ProbeRule::FirstFailure { successes } => {
                self.probing() < permits && ended + self.probing() < successes
            }
        }
    }

    /// Tries every way in which the outstanding probes could end.
    fn judge_probes(&mut self, now: Instant) {
        let bad = |call: &Ended| call.outcome != Outcome::Success;
        let verdict = match self.rules.probe_rule {
            ProbeRule::FirstFailure { successes } => {
                if self.ended.iter().any(|call| bad(call) || call.slow) {
                    Some(false)
                } else {
                    (self.ended.len() as u32 >= successes).then_some(true)
                }
            }
            ProbeRule::Rate(ratio) => {
                let permits = u64::from(self.rules.half_open_permits);
                let left = permits - self.ended.len() as u64;
                let failed = self.ended.iter().filter(|call| bad(call)).count() as u64;
                let slow = self.ended.iter().filter(|call| call.slow).count() as u64;
                let reaches =
                    |ratio: Ratio, part: u64| part * 1_000_000 >= permits * u64::from(ratio.parts());
                let sick = |more_failed: u64, more_slow: u64| {
                    reaches(ratio, failed + more_failed)
                        || self.rules.slow.is_some_and(|rule| reaches(rule.ratio, slow + more_slow))
                };
                let mut ways = (0..=left).flat_map(|failed| (0..=left).map(move |slow| (failed, slow)));
                let first = sick(0, 0);
                ways.all(|(failed, slow)| sick(failed, slow) == first).then_some(!first)
            }
        };
        match verdict {
            Some(true) => {
                self.openings = 0;
                self.enter(State::Closed, now);
            }
            Some(false) => self.open(now),
            None => {}
        }
    }

    fn open(&mut self, now: Instant) {
        let seconds = 2_u64.pow(self.openings.min(3));
        self.openings += 1;
        self.until = now + Duration::from_secs(seconds);
        self.enter(State::Open, now);
    }

    fn enter(&mut self, state: State, now: Instant) {
        (self.state, self.since) = (state, now);
        self.epoch += 1;
        self.ended.clear();
    }

    fn command(&mut self, command: Command, now: Instant) {
        match command {
            Command::Reset => {
                self.openings = 0;
                self.enter(State::Closed, now);
            }
            Command::ForceOpen if self.state != State::ForcedOpen => self.enter(State::ForcedOpen, now),
            Command::Release if self.state == State::ForcedOpen => {
                self.openings = 0;
                self.enter(State::Closed, now);
            }
            _ => {}
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Command {
    Reset,
    ForceOpen,
    Release,
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Admit,
    Settle(Index, Outcome),
    Abandon(Index),
    Order(Command),
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => Just(Outcome::Success),
        4 => Just(Outcome::Failure),
        1 => Just(Outcome::Throttled),
        1 => Just(Outcome::Ignored),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        20 => (0_u64..900).prop_map(Step::Wait),
        40 => Just(Step::Admit),
        40 => (any::<Index>(), outcomes()).prop_map(|(which, outcome)| Step::Settle(which, outcome)),
        4 => any::<Index>().prop_map(Step::Abandon),
        1 => prop_oneof![Just(Command::Reset), Just(Command::ForceOpen), Just(Command::Release)].prop_map(Step::Order),
    ];
    prop::collection::vec(step, 1..300)
}

fn configs() -> impl Strategy<Value = BreakerConfig> {
    let window = prop_oneof![
        (1_u32..=15).prop_map(|buckets| Window::Time { span: Duration::from_millis(3_001), buckets }),
        (4_u32..=12).prop_map(Window::Calls),
        Just(Window::None),
    ];
    let trips = (prop::option::of(2_u32..=5), 1_u32..=4, 20_u32..=100, any::<[bool; 2]>());
    let probes = (1_u32..=4, prop::option::of(1_u32..=4), 20_u32..=100);
    (window, trips, probes).prop_map(
        |(window, (row, min_calls, percent, [slow, hung]), (permits, successes, rate))| {
            let backoff =
                Backoff::exponential(Duration::from_secs(1)).cap(Duration::from_secs(8)).jitter(Jitter::None);
            let rule = match successes {
                Some(successes) => ProbeRule::FirstFailure { successes },
                None => ProbeRule::Rate(Ratio::percent(rate)),
            };
            let mut config = BreakerConfig::new()
                .window(window)
                .min_calls(min_calls)
                .failure_ratio(Ratio::percent(percent))
                .half_open_permits(permits)
                .probe_rule(rule)
                .half_open_max(Duration::from_secs(4))
                .open_by(backoff.build().unwrap());
            config = match row {
                None if window != Window::None => config.without_consecutive_failures(),
                row => config.consecutive_failures(row.unwrap_or(3)),
            };
            if slow && window != Window::None {
                config =
                    config.slow_call_after(Duration::from_millis(700)).slow_call_ratio(Ratio::percent(60));
            }
            if hung && window != Window::None {
                config = config.hung_after(Duration::from_millis(1_203));
            }
            config
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_machine_agrees_with_one_that_computes_everything_anew(config in configs(), steps in steps()) {
        let origin = tokio::time::Instant::now().into_std();
        let rules = Rules::of(&config).unwrap();
        let mut machine = Machine::new(rules.into(), origin, NonZeroUsize::MIN, Entropy::seeded(1));
        let (mut naive, mut now) = (Naive::new(rules, origin), origin);
        let mut entries: Vec<Entry> = Vec::new();
        for step in steps {
            match step {
                Step::Wait(millis) => now += Duration::from_millis(millis),
                Step::Admit => {
                    let admitted = machine.admit(Mode::Enforce, now);
                    prop_assert_eq!(admitted.is_ok(), naive.admit(now));
                    entries.extend(admitted.ok().flatten());
                }
                Step::Settle(which, outcome) if !entries.is_empty() => {
                    let which = which.index(entries.len());
                    let ending = Ending { outcome, hint: None };
                    machine.settle(entries.swap_remove(which), ending, Mode::Enforce, now);
                    naive.settle(which, outcome, now);
                }
                Step::Abandon(which) if !entries.is_empty() => {
                    let which = which.index(entries.len());
                    let limit = rules.abandoned_after.unwrap();
                    let late = now - naive.running[which].began >= limit;
                    machine.abandon(entries.swap_remove(which), None, Mode::Enforce, now);
                    naive.settle(which, if late { Outcome::Failure } else { Outcome::Ignored }, now);
                }
                Step::Order(command) => {
                    match command {
                        Command::Reset => machine.reset(now),
                        Command::ForceOpen => machine.force_open(now),
                        Command::Release => machine.release(now),
                    }
                    naive.command(command, now);
                }
                Step::Settle(..) | Step::Abandon(_) => {}
            }
            prop_assert_eq!(machine.state(), naive.state);
            prop_assert_eq!(machine.epoch.number(), naive.epoch);
            prop_assert_eq!(machine.stale, naive.stale);
            prop_assert_eq!(machine.open_until(), (naive.state == State::Open).then_some(naive.until));
            if machine.change.take().is_some() || naive.state != State::Closed {
                prop_assert_eq!(machine.counts(now), naive.counts(now));
            }
        }
        prop_assert_eq!(machine.counts(now), naive.counts(now));
    }
}
