use buttress_core::ConfigError;

use crate::Quota;
use crate::quota::Tick;

/// A quota as the decision needs it: ticks for one unit, and how many units at once.
///
/// The generic cell rate algorithm keeps one number per key, the theoretical arrival time (`tat`): when the key would
/// have a full burst again. It lies in the past for a key that rests, and at most one *allowance*, the ticks of a whole
/// burst, in the future. A tick is whatever the clock counts, since any epoch; 0 is the time of a key never seen.
///
/// ```
/// use buttress_rate_limit::{Rate, Ruling};
///
/// let rate = Rate::from_ticks(10, 2); // a unit every ten ticks, two at once
/// let Ruling::Admit { tat } = rate.decide(0, 1_000, 2) else { panic!("a burst is there") };
/// assert_eq!(tat, 1_020);
/// assert_eq!(rate.decide(tat, 1_003, 1), Ruling::Deny { tat, wait: 7 });
/// assert_eq!(rate.decide(tat, 1_010, 1), Ruling::Admit { tat: 1_030 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    interval: u64,
    burst: u64,
    /// `interval * burst`, which never overflows.
    allowance: u64,
}

/// What becomes of a cost. Whatever it is, `tat` is what to store for the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Ruling {
    /// There is room, and the cost is charged.
    Admit {
        /// The time with the cost charged.
        tat: u64,
    },
    /// There is no room yet; nothing is charged.
    Deny {
        /// The time as it was, or one allowance from now if it claimed to lie further off.
        tat: u64,
        /// Ticks until the same cost would be admitted, if nobody else spends meanwhile; at least 1.
        wait: u64,
    },
    /// The cost exceeds the burst, so waiting does not help; nothing is charged.
    Never {
        /// As for [`Deny`](Self::Deny).
        tat: u64,
    },
}

/// What a key has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Units that would be admitted at once.
    pub remaining: u64,
    /// Ticks until there is one unit more; 0 if there is a whole burst.
    pub next: u64,
    /// Ticks until there is a whole burst.
    pub full: u64,
}

impl Ruling {
    /// What to store for the key.
    #[inline]
    pub const fn tat(self) -> u64 {
        match self {
            Self::Admit { tat } | Self::Deny { tat, .. } | Self::Never { tat } => tat,
        }
    }
}

impl Rate {
    /// A unit every `interval` ticks, and `burst` units at once.
    ///
    /// An interval of zero is taken as one tick. A burst that would fill up only after more ticks than a `u64` holds
    /// is cut down to one that does.
    pub const fn from_ticks(interval: u64, burst: u64) -> Self {
        let interval = if interval == 0 { 1 } else { interval };
        let most = u64::MAX / interval;
        let burst = if burst > most { most } else { burst };
        Self { interval, burst, allowance: interval * burst }
    }

    /// A quota in microseconds, for a server's clock.
    ///
    /// # Errors
    ///
    /// As for [`Quota::rate`], and for more than one unit per microsecond.
    pub fn in_micros(quota: &Quota) -> Result<Self, ConfigError> {
        quota.rate_in(Tick::Micro)
    }

    /// Ticks for one unit.
    pub const fn interval(self) -> u64 {
        self.interval
    }

    /// Units at once.
    pub const fn burst(self) -> u64 {
        self.burst
    }

    /// Ticks for a whole burst: how far ahead a key's time may lie, and the longest it can be locked out.
    pub const fn allowance(self) -> u64 {
        self.allowance
    }

    /// Charges `cost` if there is room for all of it. A cost of zero looks without touching.
    #[inline]
    pub const fn decide(self, tat: u64, now: u64, cost: u64) -> Ruling {
        let Room { tat, start, ticks } = self.room(tat, now);
        if cost > self.burst {
            return Ruling::Never { tat };
        }
        let need = cost * self.interval;
        if need > ticks {
            return Ruling::Deny { tat, wait: need - ticks };
        }
        Ruling::Admit { tat: if need == 0 { tat } else { start + need } }
    }

    /// What is left at `now`.
    #[inline]
    pub const fn standing(self, tat: u64, now: u64) -> Standing {
        let Room { start, ticks, .. } = self.room(tat, now);
        let remaining = ticks / self.interval;
        let next = if remaining >= self.burst { 0 } else { self.interval - ticks % self.interval };
        Standing { remaining, next, full: start - now }
    }

    /// The time to store when `cost` is given back: earlier by that much, but a key never has more than a burst.
    #[inline]
    pub const fn refund(self, tat: u64, now: u64, cost: u64) -> u64 {
        let tat = self.clamp(tat, now);
        if tat <= now {
            return tat;
        }
        let refunded = tat.saturating_sub(cost.saturating_mul(self.interval));
        if refunded > now { refunded } else { now }
    }

    /// Charges for what has happened already, as far as one allowance goes: the time to store, and the units that
    /// could not be charged.
    #[inline]
    pub const fn charge(self, tat: u64, now: u64, cost: u64) -> (u64, u64) {
        let (charged, tat) = self.up_to(tat, now, cost);
        (tat, cost - charged)
    }

    /// Charges as many whole units as there is room for, `want` at most: how many, and the time to store.
    #[inline]
    pub const fn up_to(self, tat: u64, now: u64, want: u64) -> (u64, u64) {
        let Room { tat, start, ticks } = self.room(tat, now);
        let whole = ticks / self.interval;
        let granted = if want < whole { want } else { whole };
        (granted, if granted == 0 { tat } else { start + granted * self.interval })
    }

    /// Charges `cost` now and says how many ticks to wait before it may be spent, if that is `max_wait` at most.
    ///
    /// Whoever reserves first waits least, since each reservation moves the time on: a queue without a queue. With
    /// reservations a key's time may lie `max_wait` further ahead than an allowance, so use the same `max_wait` for
    /// all that share a key, and don't mix with [`decide`](Self::decide).
    ///
    /// # Errors
    ///
    /// The wait that would have been, if it is longer than `max_wait`; `u64::MAX` if the cost exceeds the burst.
    /// Nothing is charged, and nothing is to be stored.
    #[inline]
    pub const fn reserve(self, tat: u64, now: u64, cost: u64, max_wait: u64) -> Result<(u64, u64), u64> {
        if cost > self.burst {
            return Err(u64::MAX);
        }
        let latest = now.saturating_add(self.allowance);
        let horizon = latest.saturating_add(max_wait);
        let tat = if tat < horizon { tat } else { horizon };
        if cost == 0 {
            return Ok((0, tat));
        }
        let start = if tat > now { tat } else { now };
        let Some(reserved) = start.checked_add(cost * self.interval) else { return Err(u64::MAX) };
        let wait = reserved.saturating_sub(latest);
        if wait > max_wait { Err(wait) } else { Ok((wait, reserved)) }
    }

    /// A key's time, or one allowance from now if it claims to lie further off.
    ///
    /// No time further off was ever stored under this rate by this clock. One that is found all the same was stored
    /// before the clock stepped back or the quota shrank, and would lock the key out until the clock catches up. Nor is
    /// it told from one that somebody stored who read the clock later and came earlier: who decides in several threads
    /// has to keep `now` from going back, as [`Table`](crate::Table) does.
    #[inline]
    pub const fn clamp(self, tat: u64, now: u64) -> u64 {
        let latest = now.saturating_add(self.allowance);
        if tat < latest { tat } else { latest }
    }

    #[inline]
    const fn room(self, tat: u64, now: u64) -> Room {
        let latest = now.saturating_add(self.allowance);
        let tat = if tat < latest { tat } else { latest };
        let start = if tat > now { tat } else { now };
        Room { tat, start, ticks: latest - start }
    }
}

/// What a key may still spend.
struct Room {
    /// The key's time, clamped.
    tat: u64,
    /// Where the next charge begins: `tat`, or now if that is later.
    start: u64,
    /// From there to one allowance from now.
    ticks: u64,
}
