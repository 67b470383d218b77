//! Decisions of a rate limit, without a service: about one key, and about many.

use std::future::poll_fn;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::hint::black_box;
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use buttress_rate_limit::{KeyHash, Quota, RateLimiter, Table};
use governor::clock::FakeRelativeClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::DashMapStateStore;
use governor::{DefaultKeyedRateLimiter, RateLimiter as Governor};
use tower::limit::RateLimitLayer as TowerLayer;
use tower::{Layer, Service};

use super::bare::Echo;
use super::built;
use super::draws::Draws;
use crate::budget::Budget;
use crate::drive::operation;
use crate::subject::{Case, Shared, Subject};

/// A unit each microsecond, and so many at once that nobody is ever refused.
pub(super) const PLENTY: Quota = Quota::per_second(1_000_000).burst(u32::MAX as u64);

/// Any time, in ticks.
const NOW: u64 = 1 << 62;
/// Room for 100,000 keys and as many again, so that hardly any bucket overflows.
const ROOMY: usize = 1 << 18;

pub(crate) const ONE_KEY: Case = Case {
    name: "limit-one-key",
    what: "rate limit, one key, admitted",
    bare: Subject::bare("the key", || walk(Draws::One, address, |_| ())),
    rows: &[
        Subject::ours("buttress, hash and time given", || table(Draws::One, ROOMY))
            .within(Budget::instructions(100).allocations(0).alone(25)),
        Subject::ours("buttress, time given", || limiter(Draws::One, ROOMY, Time::Given)),
        Subject::ours("buttress", || limiter(Draws::One, ROOMY, Time::Read)),
        Subject::peer("governor keyed, hash and time given", || governor_given(Draws::One)),
        Subject::peer("governor keyed, time given", || governor_at(Draws::One)),
        Subject::peer("governor keyed", || governor(Draws::One)),
        Subject::peer("governor, without keys", governor_direct),
        Subject::peer("tower rate limit, without keys, each thread its own", tower),
    ],
};

pub(crate) const UNIFORM: Case = Case {
    name: "limit-100k-keys",
    what: "rate limit, 100,000 keys, each as often as any other, admitted",
    bare: Subject::bare("the next key", || walk(Draws::Uniform, address, |_| ())),
    rows: &[
        Subject::ours("buttress, hash and time given", || table(Draws::Uniform, ROOMY))
            .within(Budget::NONE.allocations(0).alone(80)),
        Subject::ours("buttress, hash and time given, the default table", || {
            table(Draws::Uniform, Table::DEFAULT_SLOTS)
        }),
        Subject::ours("buttress", || limiter(Draws::Uniform, ROOMY, Time::Read)),
        Subject::peer("governor keyed, hash and time given", || governor_given(Draws::Uniform)),
        Subject::peer("governor keyed", || governor(Draws::Uniform)),
    ],
};

pub(crate) const ZIPF: Case = Case {
    name: "limit-100k-zipf",
    what: "rate limit, 100,000 keys, the n-th most frequent 1/n as often as the first, admitted",
    bare: Subject::bare("the next key", || walk(Draws::Zipf, address, |_| ())),
    rows: &[
        Subject::ours("buttress, hash and time given", || table(Draws::Zipf, ROOMY))
            .within(Budget::NONE.allocations(0).alone(50)),
        Subject::ours("buttress, hash and time given, the default table", || {
            table(Draws::Zipf, Table::DEFAULT_SLOTS)
        }),
        Subject::ours("buttress", || limiter(Draws::Zipf, ROOMY, Time::Read)),
        Subject::peer("governor keyed, hash and time given", || governor_given(Draws::Zipf)),
        Subject::peer("governor keyed", || governor(Draws::Zipf)),
    ],
};

/// Decides about one key after the other; every key has been seen once before the clock runs.
///
/// All kinds of keys take sixteen bytes, so reading them costs every row the same.
fn walk<K, T>(draws: Draws, key: fn(u32) -> K, decide: impl Fn(&K) -> T + Send + Sync + 'static) -> Shared
where
    K: Send + Sync + 'static,
{
    for number in draws.all() {
        black_box(&decide(&key(number)));
    }
    let keys: Arc<[K]> = draws.sequence().iter().map(|number| key(*number)).collect();
    let (decide, workers) = (Arc::new(decide), AtomicUsize::new(0));
    operation(move || {
        let (keys, decide) = (Arc::clone(&keys), Arc::clone(&decide));
        // Threads start far from each other, or they would ask for the same keys at the same time.
        let mut place = workers.fetch_add(keys.len() / 2, Ordering::Relaxed) % keys.len();
        move |_| {
            black_box(&decide(black_box(&keys[place])));
            place = if place + 1 == keys.len() { 0 } else { place + 1 };
        }
    })
}

fn table(draws: Draws, slots: usize) -> Shared {
    let (table, rate) = (Table::new(slots), built(PLENTY.rate()));
    walk(draws, |number| KeyHash::from_bits(hash(number)), move |key| table.decide(*key, NOW, rate, 1))
}

/// Whether the caller has read the clock.
#[derive(Clone, Copy)]
enum Time {
    Given,
    Read,
}

fn limiter(draws: Draws, slots: usize, time: Time) -> Shared {
    let limiter = built(RateLimiter::builder().quota(PLENTY).slots(slots).build());
    let now = tokio::time::Instant::now().into_std();
    match time {
        Time::Given => walk(draws, address, move |key| limiter.check_at(key, 1, now)),
        Time::Read => walk(draws, address, move |key| limiter.check(key)),
    }
}

fn governor(draws: Draws) -> Shared {
    let limiter = DefaultKeyedRateLimiter::dashmap(as_governor(PLENTY));
    walk(draws, address, move |key| limiter.check_key(key).is_ok())
}

fn governor_at(draws: Draws) -> Shared {
    let limiter = with_standing_clock(DashMapStateStore::<[u8; 16]>::default());
    walk(draws, address, move |key| limiter.check_key(key).is_ok())
}

fn governor_given(draws: Draws) -> Shared {
    let store = DashMapStateStore::<Given, _>::with_hasher(BuildHasherDefault::<AsGiven>::default());
    let limiter = with_standing_clock(store);
    walk(draws, |number| Given(hash(number)), move |key| limiter.check_key(key).is_ok())
}

fn with_standing_clock<S: StateStore>(
    store: S,
) -> Governor<S::Key, S, FakeRelativeClock, NoOpMiddleware<Nanos>> {
    let clock = FakeRelativeClock::default();
    clock.advance(Duration::from_secs(1));
    Governor::new(as_governor(PLENTY), store, clock)
}

fn governor_direct() -> Shared {
    let limiter = Governor::direct(as_governor(PLENTY));
    walk(Draws::One, address, move |_| limiter.check().is_ok())
}

/// It belongs to one service and waits instead of refusing, so each thread has one to itself.
fn tower() -> Shared {
    operation(|| {
        let mut limited = TowerLayer::new(u64::MAX, Duration::from_secs(1)).layer(Echo);
        move |poller| {
            black_box(poller.finish(pin!(poll_fn(|cx| limited.poll_ready(cx)))).is_ok());
            drop(black_box(limited.call(7)));
        }
    })
}

/// The same quota in governor's words.
pub(super) fn as_governor(quota: Quota) -> governor::Quota {
    let number =
        |units: u64| NonZeroU32::new(u32::try_from(units).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
    let interval = quota.window() / number(quota.units()).get();
    let quota_of_one = governor::Quota::with_period(interval).ok_or("a period of zero");
    built(quota_of_one).allow_burst(number(quota.burst_units()))
}

/// Sixteen bytes, as many as an IPv6 address has.
fn address(number: u32) -> [u8; 16] {
    (0x2001_0db8_u128 << 96 | u128::from(number)).to_be_bytes()
}

/// What a good hash makes of the key.
fn hash(number: u32) -> u128 {
    let (low, high) = (mixed(u64::from(number)), mixed(u64::from(number) << 32 | 1));
    u128::from(high) << 64 | u128::from(low)
}

/// The finaliser of splitmix64.
pub(super) const fn mixed(number: u64) -> u64 {
    let one = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let two = (one ^ (one >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let three = (two ^ (two >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    three ^ (three >> 31)
}

/// A key that is its own hash.
#[derive(Clone, PartialEq, Eq)]
struct Given(u128);

impl Hash for Given {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.0);
    }
}

/// Takes a hash for what it is.
#[derive(Clone, Default)]
struct AsGiven(u64);

impl Hasher for AsGiven {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash << 8 | u64::from(*byte));
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = (hash >> 64) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
