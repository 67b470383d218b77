use std::time::Duration;

use buttress_backoff::{Backoff, InvalidBackoff};
use buttress_core::{Attempt, Checks, Entropy};

use crate::{Decision, Fault, Stop};

/// How often to try, how long to wait in between, and when it is too late: plain numbers.
///
/// The default suits a caller that waits for the answer: three attempts, full jitter below 100 ms, then below 200 ms.
/// A [`Profile`](crate::Profile) names others.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pub(crate) max_attempts: u32,
    pub(crate) backoff: Backoff,
    pub(crate) max_elapsed: Option<Duration>,
    pub(crate) retry_after_limit: Duration,
    pub(crate) transient_only: bool,
}

/// Where a call stands when an attempt has gone wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) fault: Fault,
    pub(crate) attempt: Attempt,
    /// The wait before this attempt.
    pub(crate) previous: Duration,
    pub(crate) elapsed: Duration,
    pub(crate) remaining: Option<Duration>,
}

impl Schedule {
    /// The most attempts a schedule can have.
    pub const MAX_ATTEMPTS: u32 = 100;
    /// The longest wait that a service may ask for, unless told otherwise.
    pub const RETRY_AFTER_LIMIT: Duration = Duration::from_secs(10);

    /// Attempts in all, the first included.
    pub fn max_attempts(&self) -> u32 {
        self.max_attempts
    }

    /// The delays between them.
    pub fn backoff(&self) -> Backoff {
        self.backoff
    }

    /// The time within which the last attempt must begin.
    pub fn max_elapsed(&self) -> Option<Duration> {
        self.max_elapsed
    }

    /// The longest wait that a service may ask for.
    pub fn retry_after_limit(&self) -> Duration {
        self.retry_after_limit
    }

    /// Whether only faults of connection and time are tried again.
    pub fn is_transient_only(&self) -> bool {
        self.transient_only
    }

    pub(crate) fn check(&self, checks: &mut Checks) {
        let attempts = self.max_attempts;
        checks.require((1..=Self::MAX_ATTEMPTS).contains(&attempts), "max_attempts", attempts, "1 to 100");
        if let Some(limit) = self.max_elapsed {
            let shown = format_args!("{limit:?}");
            checks.require(!limit.is_zero(), "max_elapsed", shown, "more than 0");
        }
        let limit = self.retry_after_limit;
        checks.require(
            limit <= Backoff::MAX_CAP,
            "retry_after_limit",
            format_args!("{limit:?}"),
            "at most 1 day",
        );
    }

    /// Whether there may be another attempt after this one.
    pub(crate) fn goes_on_after(&self, attempt: Attempt) -> Result<(), Stop> {
        if attempt.number() < self.max_attempts { Ok(()) } else { Err(Stop::Attempts) }
    }

    /// How long to wait before the next attempt, or why there is none.
    ///
    /// Draws at most twice from `entropy`.
    pub(crate) fn plan(
        &self,
        decision: Decision,
        standing: Standing,
        entropy: &Entropy,
    ) -> Result<Duration, Stop> {
        if let Decision::Stop(stop) = decision {
            return Err(stop);
        }
        if self.transient_only && !standing.fault.is_transient() {
            return Err(Stop::NotCovered);
        }
        let delay = self.delay(decision, standing, entropy)?;
        self.in_time(delay, standing)?;
        Ok(delay)
    }

    fn delay(&self, decision: Decision, standing: Standing, entropy: &Entropy) -> Result<Duration, Stop> {
        let retry = standing.attempt.number() - 1;
        let own = || self.backoff.delay(retry, standing.previous, entropy.draw());
        match decision {
            Decision::RetryIn(exactly) => Ok(exactly.min(Backoff::MAX_CAP)),
            Decision::RetryAfter(asked) if asked > self.retry_after_limit => Err(Stop::RetryAfter),
            Decision::RetryAfter(asked) => Ok(own().max(asked.saturating_add(spread(asked / 10, entropy)))),
            _ => Ok(own()),
        }
    }

    fn in_time(&self, delay: Duration, standing: Standing) -> Result<(), Stop> {
        // The deadline itself is too late to begin.
        if standing.remaining.is_some_and(|remaining| delay >= remaining) {
            return Err(Stop::Deadline);
        }
        let begins = standing.elapsed.saturating_add(delay);
        if self.max_elapsed.is_some_and(|limit| begins > limit) {
            return Err(Stop::Elapsed);
        }
        Ok(())
    }
}

/// A duration between nothing and `most`: those who were told the same time must not all come back at it.
fn spread(most: Duration, entropy: &Entropy) -> Duration {
    let nanos = most.as_nanos().saturating_mul(u128::from(entropy.draw())) >> 64;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            backoff: Backoff::default(),
            max_elapsed: None,
            retry_after_limit: Self::RETRY_AFTER_LIMIT,
            transient_only: false,
        }
    }
}

/// Notes what is wrong with a backoff among the problems of the layer that uses it.
pub(crate) fn note(checks: &mut Checks, invalid: &InvalidBackoff) {
    for problem in invalid.problems() {
        checks.require(false, problem.field(), problem.value(), problem.allowed().to_owned());
    }
}

#[cfg(test)]
mod tests;
