//! Ten million strangers, each asking once, and one caller who has spent all and keeps asking.

use std::fs;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use buttress_rate_limit::{Quota, RateLimiter, Table};
use governor::DefaultKeyedRateLimiter;

use super::built;
use super::limit::{as_governor, mixed};
use crate::Failure;
use crate::experiment::{Experiment, Pace, Row};

pub(crate) const FLOOD: Experiment = Experiment {
    name: "limit-flood",
    what: "10 million keys through one limiter, ten a second for each",
    heads: &[
        "MB before",
        "MB after one million",
        "MB after all",
        "million/s, the first million",
        "million/s, the last million",
        "last to first",
        "ms, the longest thousand",
        "% of strangers refused",
        "exhausted key: asked",
        "admitted",
        "of at most",
    ],
    rows: &[
        Row {
            name: "buttress, the default table",
            run: |pace| flood(pace, &ours(Table::DEFAULT_SLOTS), never),
        },
        Row { name: "buttress, room for a million keys", run: |pace| flood(pace, &ours(1 << 20), never) },
        Row { name: "buttress, room for 16 million keys", run: |pace| flood(pace, &ours(1 << 24), never) },
        Row { name: "governor keyed", run: |pace| flood(pace, &governor(), never) },
        Row {
            name: "governor keyed, swept after every million",
            run: |pace| flood(pace, &governor(), DefaultKeyedRateLimiter::retain_recent),
        },
    ],
    floors: &[],
    missing: || fs::metadata(STATUS).is_err().then_some("the memory of a process is read from /proc"),
};

const QUOTA: Quota = Quota::per_second(10);
const STATUS: &str = "/proc/self/status";
const MILLION: u64 = 1_000_000;
/// After so many strangers the exhausted key is asked for again.
const BETWEEN: u64 = 1_000;

/// A key as long as an IPv6 address.
type Key = [u8; 16];

/// A limiter that is asked by key.
trait Limiter {
    fn admits(&self, key: &Key) -> bool;
}

impl Limiter for RateLimiter {
    fn admits(&self, key: &Key) -> bool {
        self.check(key).is_ok()
    }
}

impl Limiter for DefaultKeyedRateLimiter<Key> {
    fn admits(&self, key: &Key) -> bool {
        self.check_key(key).is_ok()
    }
}

fn ours(slots: usize) -> RateLimiter {
    built(RateLimiter::builder().quota(QUOTA).slots(slots).build())
}

fn governor() -> DefaultKeyedRateLimiter<Key> {
    DefaultKeyedRateLimiter::dashmap(as_governor(QUOTA))
}

/// Nothing is swept.
fn never<L>(_: &L) {}

/// What is seen of a flood.
#[derive(Default)]
struct Flood {
    millions: Vec<Duration>,
    longest: Duration,
    refused: u64,
    asked: u64,
    admitted: u64,
}

fn flood<L: Limiter>(pace: Pace, limiter: &L, sweep: fn(&L)) -> Result<Vec<Option<f64>>, Failure> {
    let mut seen = Flood::default();
    let before = resident()?;
    let began = Instant::now();
    let mut early = before;
    let (step, steps) = (pace.of(MILLION), 10);
    for number in 0..steps {
        let began = Instant::now();
        seen.million(limiter, number * step..(number + 1) * step);
        sweep(limiter);
        seen.millions.push(began.elapsed());
        if number == 0 {
            early = resident()?;
        }
    }
    let most = most_admitted(began.elapsed());
    if seen.admitted > most {
        return Err(format!("an exhausted key was admitted {} times of at most {most}", seen.admitted).into());
    }
    let rate = |million: Option<&Duration>| million.map(|time| count(step) / 1e6 / time.as_secs_f64());
    let (first, last) = (rate(seen.millions.first()), rate(seen.millions.last()));
    let memory = [before, early, resident()?];
    let rates = [first, last, last.zip(first).map(|(last, first)| last / first)];
    let others = [
        seen.longest.as_secs_f64() * 1e3,
        count(seen.refused) * 100.0 / count(step * steps),
        count(seen.asked),
        count(seen.admitted),
        count(most),
    ];
    Ok(memory.map(Some).into_iter().chain(rates).chain(others.map(Some)).collect())
}

impl Flood {
    fn million(&mut self, limiter: &impl Limiter, strangers: std::ops::Range<u64>) {
        let thousands = strangers.clone().step_by(usize::try_from(BETWEEN).unwrap_or(usize::MAX));
        for thousand in thousands {
            let began = Instant::now();
            for stranger in thousand..thousand + BETWEEN {
                self.refused += u64::from(!limiter.admits(black_box(&key(stranger))));
            }
            self.asked += 1;
            self.admitted += u64::from(limiter.admits(&EXHAUSTED));
            self.longest = self.longest.max(began.elapsed());
        }
    }
}

/// A key that no stranger has.
const EXHAUSTED: Key = [0xff; 16];

/// Spread as hashes of addresses would be; no two are alike.
fn key(stranger: u64) -> Key {
    let (upper, lower) = (mixed(stranger), stranger);
    (u128::from(upper) << 64 | u128::from(lower)).to_be_bytes()
}

/// A burst, and what has come in since.
fn most_admitted(time: Duration) -> u64 {
    let interval =
        QUOTA.window() / NonZeroU32::MIN.saturating_add(u32::try_from(QUOTA.units()).unwrap_or(1) - 1).get();
    QUOTA.burst_units() + u64::try_from(time.as_nanos() / interval.as_nanos()).unwrap_or(u64::MAX)
}

/// The memory of this process that is there and not only promised, in megabytes.
pub(super) fn resident() -> Result<f64, Failure> {
    let status = fs::read_to_string(STATUS)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS in the status")?;
    Ok(kilobytes.parse::<f64>()? * 1024.0 / 1e6)
}

#[expect(clippy::cast_precision_loss, reason = "the counts are far below the 52 bits of a float")]
fn count(number: u64) -> f64 {
    number as f64
}
