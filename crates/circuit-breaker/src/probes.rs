use std::time::Instant;

use crate::ProbeRule;
use crate::event::Counts;
use crate::rules::Rules;

/// The permits of a half-open breaker, and what the probes have told so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probes {
    /// When the probes that run have taken too long. Means nothing while none runs.
    until: Instant,
    running: u32,
    good: u32,
    failed: u32,
    slow: u32,
}

/// How one probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) failed: bool,
    pub(crate) slow: bool,
}

/// What the probes together say of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    Healthy,
    Sick,
}

impl Probes {
    pub(crate) fn new(now: Instant) -> Self {
        Self { until: now, running: 0, good: 0, failed: 0, slow: 0 }
    }

    /// Whether probes have been running for too long without a verdict. A breaker that waits for its next call does
    /// not count as slow: where calls are rare, so are probes.
    pub(crate) fn are_overdue(&self, now: Instant) -> bool {
        self.running > 0 && now >= self.until
    }

    /// Takes a permit, if one is left.
    pub(crate) fn take(&mut self, rules: &Rules, now: Instant) -> bool {
        let room = match rules.probe_rule {
            ProbeRule::Rate(_) => self.running + self.ended() < rules.half_open_permits,
            // More probes than successes are needed could tell nothing new.
            ProbeRule::FirstFailure { successes } => {
                self.running < rules.half_open_permits && self.good + self.running < successes
            }
        };
        if room && self.running == 0 {
            self.until = now.checked_add(rules.half_open_max).unwrap_or(now);
        }
        self.running += u32::from(room);
        room
    }

    /// Gives a permit back whose probe told nothing.
    pub(crate) fn give_back(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// Takes note of how a probe ended, and says what all of them say, as soon as that is certain.
    pub(crate) fn settle(&mut self, rules: &Rules, probe: Probe) -> Option<Finding> {
        self.give_back();
        self.good += u32::from(!probe.failed);
        self.failed += u32::from(probe.failed);
        self.slow += u32::from(probe.slow);
        match rules.probe_rule {
            ProbeRule::FirstFailure { .. } if probe.failed || probe.slow => Some(Finding::Sick),
            ProbeRule::FirstFailure { successes } => (self.good >= successes).then_some(Finding::Healthy),
            ProbeRule::Rate(ratio) => {
                let permits = u64::from(rules.half_open_permits);
                // What each share would be if all outstanding probes went well, and if all went badly.
                let outstanding = permits.saturating_sub(self.ended().into());
                let shares = [(Some(ratio), self.failed), (rules.slow.map(|slow| slow.ratio), self.slow)];
                let reached = |hoped: bool| {
                    let extra = if hoped { 0 } else { outstanding };
                    shares.iter().any(|(ratio, bad)| {
                        ratio.is_some_and(|ratio| ratio.is_reached_by(u64::from(*bad) + extra, permits))
                    })
                };
                match (reached(true), reached(false)) {
                    (true, _) => Some(Finding::Sick),
                    (_, false) => Some(Finding::Healthy),
                    _ => None,
                }
            }
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            calls: self.ended().into(),
            failed: self.failed.into(),
            slow: self.slow.into(),
            ..Counts::default()
        }
    }

    fn ended(&self) -> u32 {
        self.good + self.failed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use buttress_core::Ratio;

    use super::*;
    use crate::BreakerConfig;

    const GOOD: Probe = Probe { failed: false, slow: false };
    const BAD: Probe = Probe { failed: true, slow: false };
    const SLOW: Probe = Probe { failed: false, slow: true };

    fn start() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn probes(config: BreakerConfig) -> (Rules, Probes) {
        (Rules::of(&config).unwrap(), Probes::new(start()))
    }

    fn findings(config: BreakerConfig, outcomes: &[Probe]) -> Vec<Option<Finding>> {
        let (rules, mut probes) = probes(config);
        let settle = |outcome: &Probe| {
            assert!(probes.take(&rules, start()), "a permit is left");
            probes.settle(&rules, *outcome)
        };
        outcomes.iter().map(settle).collect()
    }

    #[test]
    fn three_probes_at_fifty_percent_are_decided_by_two() {
        let config = BreakerConfig::new();
        for (outcomes, verdict) in [
            (&[GOOD, GOOD][..], Finding::Healthy),
            (&[BAD, BAD], Finding::Sick),
            (&[GOOD, BAD, GOOD], Finding::Healthy),
            (&[BAD, GOOD, BAD], Finding::Sick),
        ] {
            let findings = findings(config, outcomes);
            let (last, before) = findings.split_last().unwrap();
            assert_eq!(*last, Some(verdict), "{outcomes:?}");
            assert!(before.iter().all(Option::is_none), "{outcomes:?} was decided too early");
        }
    }

    #[test]
    fn one_failure_decides_in_first_failure_mode_and_successes_are_counted() {
        let config = BreakerConfig::new().half_open_permits(1).success_threshold(3);
        assert_eq!(findings(config, &[GOOD, GOOD, GOOD]), [None, None, Some(Finding::Healthy)]);
        assert_eq!(findings(config, &[GOOD, GOOD, BAD]), [None, None, Some(Finding::Sick)]);
    }

    #[test]
    fn slow_probes_are_judged_where_slow_calls_are_watched() {
        let config = BreakerConfig::new().slow_call_after(Duration::from_secs(1)).half_open_permits(2);
        assert_eq!(findings(config, &[SLOW, SLOW]), [None, Some(Finding::Sick)], "all of them slow");
        assert_eq!(findings(config, &[GOOD, SLOW]), [None, Some(Finding::Healthy)]);
        let half = config.slow_call_ratio(Ratio::percent(50));
        assert_eq!(findings(half, &[SLOW]), [Some(Finding::Sick)]);
        assert_eq!(findings(config.success_threshold(1), &[SLOW]), [Some(Finding::Sick)]);
    }

    #[test]
    fn no_more_permits_than_configured_and_each_comes_back() {
        let (rules, mut probes) = probes(BreakerConfig::new());
        assert_eq!([0; 5].map(|_| probes.take(&rules, start())), [true, true, true, false, false]);
        probes.give_back();
        assert_eq!([0; 2].map(|_| probes.take(&rules, start())), [true, false]);
    }

    #[test]
    fn no_more_probes_run_than_successes_are_needed() {
        let (rules, mut probes) = probes(BreakerConfig::new().half_open_permits(3).success_threshold(2));
        assert_eq!([0; 3].map(|_| probes.take(&rules, start())), [true, true, false]);
    }
}
