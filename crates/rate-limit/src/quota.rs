use std::time::Duration;

use buttress_core::{Checks, ConfigError};

use crate::Rate;

/// How much a caller may ask for: so many units in a window, and how many of them at once.
///
/// The numbers are kept as they were written and checked where they are put to use, so that a builder can name every
/// setting that is wrong and not only the first.
///
/// ```
/// use std::time::Duration;
/// use buttress_rate_limit::Quota;
///
/// let quota = Quota::per_second(50).burst(100);
/// assert_eq!((quota.units(), quota.window(), quota.burst_units()), (50, Duration::from_secs(1), 100));
/// assert_eq!(Quota::per_minute(600).burst_units(), 600, "the units of one window, unless said otherwise");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    units: u64,
    window: Duration,
    burst: u64,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Quota {
    /// The longest window, and the longest time in which an exhausted quota may fill up again: a hundred years.
    ///
    /// So long that nobody misses more, and so short that times in microseconds since 1970 stay below 2^53, which is
    /// what a script on a server can count to.
    pub const LONGEST: Duration = DAY.saturating_mul(36_500);

    /// So many units in any second; `per_second(5)` is five, not one in five seconds.
    pub const fn per_second(units: u64) -> Self {
        Self::per(units, Duration::from_secs(1))
    }

    /// So many units in any minute.
    pub const fn per_minute(units: u64) -> Self {
        Self::per(units, Duration::from_secs(60))
    }

    /// So many units in any hour.
    pub const fn per_hour(units: u64) -> Self {
        Self::per(units, Duration::from_secs(60 * 60))
    }

    /// So many units in any 24 hours.
    pub const fn per_day(units: u64) -> Self {
        Self::per(units, DAY)
    }

    /// So many units in any window of that length.
    pub const fn per(units: u64, window: Duration) -> Self {
        Self { units, window, burst: units }
    }

    /// How many units may be spent at once after a rest. Default: the units of one window.
    ///
    /// A burst is spent on top of the rate: in a span of time `t`, at most `burst + t * units / window` are admitted.
    #[must_use]
    pub const fn burst(self, units: u64) -> Self {
        Self { burst: units, ..self }
    }

    /// The units of one window.
    pub const fn units(&self) -> u64 {
        self.units
    }

    /// The window.
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// How many units may be spent at once.
    pub const fn burst_units(&self) -> u64 {
        self.burst
    }

    /// Notes what is wrong with the quota that a setting called `field` holds.
    pub fn check(&self, field: &str, checks: &mut Checks) {
        self.check_in(Tick::Nano, field, checks);
    }

    /// The quota in nanoseconds, for time that is read on this machine.
    ///
    /// # Errors
    ///
    /// What [`check`](Self::check) would note, for a field called `quota`.
    pub fn rate(&self) -> Result<Rate, ConfigError> {
        self.rate_in(Tick::Nano)
    }

    pub(crate) fn rate_in(&self, tick: Tick) -> Result<Rate, ConfigError> {
        let interval = self.interval_in(tick).filter(|interval| self.fits(tick, *interval));
        let (Some(interval), true) = (interval, self.burst > 0) else {
            let mut checks = Checks::of("rate limit");
            self.check_in(tick, "quota", &mut checks);
            return checks.finish_with(None);
        };
        Ok(Rate::from_ticks(interval, self.burst))
    }

    fn check_in(&self, tick: Tick, field: &str, checks: &mut Checks) {
        let Self { units, window, burst } = *self;
        let window_holds = !window.is_zero() && window <= Self::LONGEST;
        checks.require(units > 0, format!("{field}.units"), units, "1 or more");
        checks.require(
            window_holds,
            format!("{field}.window"),
            format_args!("{window:?}"),
            format!("{} to 36500 days", tick.name()),
        );
        // Unless it was set, the burst is the units, and no problem of its own.
        checks.require(burst > 0 || burst == units, format!("{field}.burst"), burst, "1 or more");
        if units == 0 || !window_holds {
            return;
        }
        let Some(interval) = self.interval_in(tick) else {
            let allowed = format!("at most one unit in {}", tick.name());
            checks.require(false, format!("{field}.units"), format_args!("{units} in {window:?}"), allowed);
            return;
        };
        let most = tick.count(Self::LONGEST) / interval;
        let allowed = format!("1 to {most}, so that it fills up within 36500 days");
        checks.require(burst <= most, format!("{field}.burst"), burst, allowed);
    }

    /// Ticks per unit, rounded up so that rounding admits nothing; none if there is no whole tick for each unit.
    fn interval_in(&self, tick: Tick) -> Option<u64> {
        let window = tick.count(self.window);
        (self.units > 0 && self.units <= window).then(|| window.div_ceil(self.units))
    }

    fn fits(&self, tick: Tick, interval: u64) -> bool {
        self.window <= Self::LONGEST && self.burst <= tick.count(Self::LONGEST) / interval
    }
}

/// What a clock counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tick {
    Nano,
    Micro,
}

impl Tick {
    /// Whole ticks of a duration, at most what a `u64` holds.
    fn count(self, duration: Duration) -> u64 {
        let ticks = match self {
            Self::Nano => duration.as_nanos(),
            Self::Micro => duration.as_micros(),
        };
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Nano => "1 ns",
            Self::Micro => "1 µs",
        }
    }
}
