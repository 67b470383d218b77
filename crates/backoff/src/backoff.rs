use std::ops::RangeInclusive;
use std::time::Duration;

use crate::{BackoffBuilder, Delays, Jitter};

/// A schedule of waits: how long before retry `n`, given the wait before it and one random draw.
///
/// Retries count from 0, the wait after the first attempt failed. The default is 100 ms, doubled up to 2 s, with
/// full jitter. The [crate example](crate#example) shows one in use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    pub(crate) base: Duration,
    pub(crate) multiplier: f64,
    pub(crate) cap: Duration,
    pub(crate) jitter: Jitter,
}

impl Backoff {
    /// The shortest base: timers are no finer, and a shorter wait is a busy loop.
    pub const MIN_BASE: Duration = Duration::from_millis(1);

    /// The longest cap: one day.
    pub const MAX_CAP: Duration = Duration::from_secs(24 * 60 * 60);

    /// The same ceiling before every retry.
    pub const fn constant(delay: Duration) -> BackoffBuilder {
        BackoffBuilder::new(delay, 1.0)
    }

    /// A ceiling that starts at `base` and doubles, or grows by another [`multiplier`](BackoffBuilder::multiplier).
    pub const fn exponential(base: Duration) -> BackoffBuilder {
        BackoffBuilder::new(base, 2.0)
    }

    /// `min(cap, base * multiplier^retry)`, from which the jitter departs.
    pub fn ceiling(&self, retry: u32) -> Duration {
        // A power beyond this exponent is 1 or infinite like the power before it.
        let growth = self.multiplier.powi(i32::try_from(retry).unwrap_or(i32::MAX));
        match Duration::try_from_secs_f64(self.base.as_secs_f64() * growth) {
            Ok(grown) => grown.min(self.cap),
            Err(_too_long_to_say) => self.cap,
        }
    }

    /// The waits that a draw chooses from, both ends included; the longest never exceeds the cap.
    ///
    /// `previous` is the wait before the previous retry, [`Duration::ZERO`] before the first; only
    /// [`Jitter::Decorrelated`] looks at it.
    pub fn range(&self, retry: u32, previous: Duration) -> RangeInclusive<Duration> {
        let ceiling = self.ceiling(retry);
        match self.jitter {
            Jitter::None => ceiling..=ceiling,
            Jitter::Full => Duration::ZERO..=ceiling,
            Jitter::Equal => ceiling / 2..=ceiling,
            Jitter::Decorrelated => self.base..=previous.max(self.base).saturating_mul(3).min(self.cap),
            Jitter::Proportional { percent } => {
                let swing = ceiling * percent / 100;
                ceiling.saturating_sub(swing)..=(ceiling + swing).min(self.cap)
            }
        }
    }

    /// How long to wait before `retry`, chosen by `draw` from the [`range`](Self::range).
    ///
    /// Draws 0 and `u64::MAX` choose the ends, and equal shares of all draws choose equal shares of the range.
    pub fn delay(&self, retry: u32, previous: Duration, draw: u64) -> Duration {
        let (shortest, longest) = self.range(retry, previous).into_inner();
        shortest + share(longest.saturating_sub(shortest), draw)
    }

    /// The waits of one call, one after another.
    pub const fn delays(self) -> Delays {
        Delays::of(self)
    }

    /// The ceiling before the first retry.
    pub const fn base(&self) -> Duration {
        self.base
    }

    /// What the ceiling grows by from retry to retry.
    pub const fn multiplier(&self) -> f64 {
        self.multiplier
    }

    /// The longest wait.
    pub const fn cap(&self) -> Duration {
        self.cap
    }

    /// How a draw spreads the waits.
    pub const fn jitter(&self) -> Jitter {
        self.jitter
    }
}

impl Default for Backoff {
    fn default() -> Self {
        let (base, cap) = (Duration::from_millis(100), Duration::from_secs(2));
        Self { base, multiplier: 2.0, cap, jitter: Jitter::Full }
    }
}

/// The part of `whole` that `draw` is of all draws, such that the last draw is all of it.
fn share(whole: Duration, draw: u64) -> Duration {
    // A whole of at most `MAX_CAP` has 47 bits, so the product fits, and so does its high half.
    let nanos = ((whole.as_nanos() + 1) * u128::from(draw)) >> u64::BITS;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
