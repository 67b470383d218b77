use std::time::Duration;

use crate::invalid::Problem;
use crate::{Backoff, InvalidBackoff, Jitter};

/// Builds a [`Backoff`]; begun by [`Backoff::constant`] or [`Backoff::exponential`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct BackoffBuilder {
    base: Duration,
    multiplier: f64,
    cap: Option<Duration>,
    jitter: Jitter,
}

impl BackoffBuilder {
    pub(crate) const fn new(base: Duration, multiplier: f64) -> Self {
        Self { base, multiplier, cap: None, jitter: Jitter::Full }
    }

    /// What the ceiling grows by from retry to retry: finite, and at least 1.
    pub const fn multiplier(mut self, multiplier: f64) -> Self {
        self.multiplier = multiplier;
        self
    }

    /// The longest wait, from the base to [`Backoff::MAX_CAP`]. Default: 20 times the base.
    pub const fn cap(mut self, cap: Duration) -> Self {
        self.cap = Some(cap);
        self
    }

    /// How a draw spreads the waits. Default: [`Jitter::Full`].
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// The schedule.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range, with its value and the range:
    ///
    /// ```
    /// use std::time::Duration;
    /// use buttress_backoff::Backoff;
    ///
    /// let error = Backoff::exponential(Duration::ZERO).multiplier(0.5).build().expect_err("both are too small");
    /// assert_eq!(
    ///     error.to_string(),
    ///     "base is 0ns, allowed: 1 ms to the cap (1ms); multiplier is 0.5, allowed: 1 or more, finite",
    /// );
    /// ```
    pub fn build(self) -> Result<Backoff, InvalidBackoff> {
        let Self { base, multiplier, jitter, .. } = self;
        let cap = self.cap.unwrap_or_else(|| default_cap(base));
        let checks = [
            check_base(base, cap),
            check_multiplier(multiplier),
            check_cap(cap),
            check_jitter(jitter, multiplier),
        ];
        let problems: Vec<Problem> = checks.into_iter().flatten().collect();
        if problems.is_empty() {
            Ok(Backoff { base, multiplier, cap, jitter })
        } else {
            Err(InvalidBackoff::of(problems))
        }
    }
}

fn default_cap(base: Duration) -> Duration {
    base.saturating_mul(20).clamp(Backoff::MIN_BASE, Backoff::MAX_CAP)
}

fn check_base(base: Duration, cap: Duration) -> Option<Problem> {
    let fits = Backoff::MIN_BASE <= base && base <= cap;
    (!fits).then(|| Problem::new("base", format!("{base:?}"), format!("1 ms to the cap ({cap:?})")))
}

fn check_multiplier(multiplier: f64) -> Option<Problem> {
    let fits = multiplier.is_finite() && multiplier >= 1.0;
    (!fits).then(|| Problem::new("multiplier", multiplier.to_string(), "1 or more, finite".to_owned()))
}

fn check_cap(cap: Duration) -> Option<Problem> {
    let fits = (Backoff::MIN_BASE..=Backoff::MAX_CAP).contains(&cap);
    (!fits).then(|| Problem::new("cap", format!("{cap:?}"), "1 ms to 1 day".to_owned()))
}

fn check_jitter(jitter: Jitter, multiplier: f64) -> Option<Problem> {
    let allowed = match jitter {
        Jitter::Proportional { percent } if !(1..=100).contains(&percent) => "1 to 100 %",
        Jitter::Decorrelated if multiplier <= 1.0 => "none, full, equal or proportional to a constant delay",
        _ => return None,
    };
    Some(Problem::new("jitter", jitter.to_string(), allowed.to_owned()))
}
