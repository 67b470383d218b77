use std::time::Duration;

use crate::Backoff;

/// The waits of one call, one after another; remembers which retry is next and how long the last wait was.
///
/// Holds no chance of its own, so copies that are given different draws go different ways.
///
/// ```
/// use std::time::Duration;
/// use buttress_backoff::{Backoff, Jitter};
///
/// let backoff = Backoff::exponential(Duration::from_millis(100)).jitter(Jitter::Decorrelated).build()?;
/// let mut delays = backoff.delays();
/// assert_eq!(delays.next(u64::MAX), Duration::from_millis(300));
/// assert_eq!(delays.next(u64::MAX), Duration::from_millis(900));
/// assert_eq!(delays.next(0), Duration::from_millis(100));
/// # Ok::<(), buttress_backoff::InvalidBackoff>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delays {
    backoff: Backoff,
    retry: u32,
    previous: Duration,
}

impl Delays {
    pub(crate) const fn of(backoff: Backoff) -> Self {
        Self { backoff, retry: 0, previous: Duration::ZERO }
    }

    /// How long to wait before the next retry, chosen by `draw`; the retry after it is next then.
    pub fn next(&mut self, draw: u64) -> Duration {
        self.previous = self.backoff.delay(self.retry, self.previous, draw);
        self.retry = self.retry.saturating_add(1);
        self.previous
    }

    /// Which retry is next, from 0.
    pub const fn retry(&self) -> u32 {
        self.retry
    }
}
