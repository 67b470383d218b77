use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use buttress_core::{Mode, Ratio};

use crate::circuit::Circuit;
use crate::event::{Counts, State};
use crate::state::View;

/// What could be known of a breaker at one moment, for status pages and alarms.
///
/// ```
/// use buttress_circuit_breaker::{Breaker, BreakerConfig, State};
/// use buttress_core::Outcome;
///
/// let breaker = Breaker::new("intune", &BreakerConfig::new())?;
/// let ticket = breaker.try_admit()?;
/// breaker.try_admit()?.settle(Outcome::Failure);
///
/// let seen = breaker.snapshot();
/// assert_eq!((seen.state(), seen.in_flight()), (State::Closed, 1));
/// assert_eq!((seen.counts().calls(), seen.counts().failed()), (1, 1));
/// assert!(seen.is_healthy());
/// # drop(ticket);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Snapshot {
    name: Arc<str>,
    mode: Mode,
    in_flight: usize,
    rejected: u64,
    would_reject: u64,
    for_so_long: Duration,
    since: Option<SystemTime>,
    retry_in: Option<Duration>,
    open_time: Duration,
    view: View,
}

impl Snapshot {
    pub(crate) fn new(circuit: &Circuit, in_flight: usize, view: View, now: Instant) -> Self {
        let (parts, (rejected, would_reject)) = (circuit.parts(), circuit.rejected());
        let rest = |until: Instant| until.saturating_duration_since(now);
        Self {
            name: Arc::clone(&parts.name),
            mode: parts.mode.get(),
            in_flight,
            rejected,
            would_reject,
            for_so_long: now.saturating_duration_since(view.since),
            since: circuit.calendar(view.since, now),
            retry_in: view.open_until.map(rest),
            open_time: view
                .open_until
                .map_or(view.rules.open_time.base(), |until| until.saturating_duration_since(view.since)),
            view,
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the breaker stood.
    pub fn state(&self) -> State {
        self.view.state
    }

    /// Whether calls passed as if all were well: closed or disabled.
    pub fn is_healthy(&self) -> bool {
        self.state().is_healthy()
    }

    /// Whether it acted on what it decided.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What it had counted: in its window if it was closed, of its probes if it was half-open.
    pub fn counts(&self) -> Counts {
        self.view.counts
    }

    /// The share of failed calls, in percent; `None` if nothing was counted.
    pub fn failure_percent(&self) -> Option<f64> {
        percent(self.view.counts.failed, self.view.counts.calls)
    }

    /// The share of slow calls, in percent; `None` if nothing was counted.
    pub fn slow_percent(&self) -> Option<f64> {
        percent(self.view.counts.slow, self.view.counts.calls)
    }

    /// The share of failures that opens it, if a share does.
    pub fn failure_ratio_threshold(&self) -> Option<Ratio> {
        self.view.rules.failure_ratio
    }

    /// The number of failures in a row that opens it, if a number does.
    pub fn consecutive_failures_threshold(&self) -> Option<u32> {
        self.view.rules.consecutive_failures
    }

    /// The calls that must have ended before a share is looked at.
    pub fn min_calls(&self) -> u64 {
        self.view.rules.min_calls
    }

    /// The admitted calls that were under way.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How long it had been in this state.
    pub fn state_for(&self) -> Duration {
        self.for_so_long
    }

    /// When it came into this state, by the calendar.
    pub fn state_since(&self) -> Option<SystemTime> {
        self.since
    }

    /// When it opened, by the calendar, if it was open.
    pub fn opened_at(&self) -> Option<SystemTime> {
        self.since.filter(|_| matches!(self.state(), State::Open | State::ForcedOpen))
    }

    /// The rest of the open time, if it was open; zero if it waited for a call to probe with.
    pub fn retry_in(&self) -> Option<Duration> {
        self.retry_in
    }

    /// How long it stays open: this time if it was open, the first time otherwise.
    pub fn open_time(&self) -> Duration {
        self.open_time
    }

    /// How often it had opened since it was built.
    pub fn opened(&self) -> u64 {
        self.view.opened
    }

    /// How many calls it had refused since it was built.
    pub fn rejected(&self) -> u64 {
        self.rejected
    }

    /// How many calls it would have refused, had it not only observed.
    pub fn would_have_rejected(&self) -> u64 {
        self.would_reject
    }

    /// How many outcomes came too late to count, because the state had changed since their calls were admitted.
    pub fn stale(&self) -> u64 {
        self.view.stale
    }

    /// A number that grows with every change.
    pub fn epoch(&self) -> u64 {
        self.view.epoch
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share for people to read")]
fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 * 100.0 / whole as f64)
}
