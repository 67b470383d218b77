//! Callers that fail together must not come back together (B3, B4: jitter that is shared, or clipped away at the cap).

use std::collections::BTreeSet;
use std::time::Duration;

use buttress_backoff::{Backoff, Jitter};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const CALLERS: u64 = 1_000;
const SPREADING: [Jitter; 4] =
    [Jitter::Full, Jitter::Equal, Jitter::Decorrelated, Jitter::Proportional { percent: 20 }];

fn with(jitter: Jitter) -> Backoff {
    Backoff::exponential(Duration::from_millis(100))
        .cap(Duration::from_secs(2))
        .jitter(jitter)
        .build()
        .unwrap()
}

/// Draws of independent callers: the published output function of `SplitMix64` over a counter.
fn draws(seed: u64) -> impl Iterator<Item = u64> {
    (1..=CALLERS).map(move |n| {
        let z = seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// How many of the callers meet in the fullest hundredth of the range.
fn largest_crowd(delays: &[Duration]) -> usize {
    let (shortest, longest) = (*delays.iter().min().unwrap(), *delays.iter().max().unwrap());
    let slot = (longest.saturating_sub(shortest) / 100).max(Duration::from_nanos(1)).as_nanos();
    let mut crowds = [0; 102];
    for &delay in delays {
        crowds[usize::try_from(delay.saturating_sub(shortest).as_nanos() / slot).unwrap().min(101)] += 1;
    }
    crowds.into_iter().max().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(7), cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_thousand_first_delays_are_spread(seed in any::<u64>()) {
        for jitter in SPREADING {
            let delays: Vec<_> = draws(seed).map(|draw| with(jitter).delays().next(draw)).collect();
            prop_assert!(delays.iter().collect::<BTreeSet<_>>().len() > 990, "{jitter}");
            prop_assert!(largest_crowd(&delays) < 40, "{jitter}");
        }
    }

    #[test]
    fn callers_that_have_reached_the_cap_are_spread_below_it(seed in any::<u64>()) {
        for jitter in SPREADING {
            let backoff = with(jitter);
            let delays: Vec<_> = draws(seed).map(|draw| backoff.delay(60, backoff.cap(), draw)).collect();
            prop_assert!(delays.iter().collect::<BTreeSet<_>>().len() > 990, "{jitter}");
            prop_assert!(largest_crowd(&delays) < 40, "{jitter}");
            prop_assert!(delays.iter().all(|&delay| delay <= backoff.cap()), "{jitter}");
        }
    }

    #[test]
    fn full_jitter_waits_half_the_ceiling_on_average(seed in any::<u64>()) {
        let backoff = with(Jitter::Full);
        for retry in [0, 3, 60] {
            let sum: Duration = draws(seed).map(|draw| backoff.delay(retry, Duration::ZERO, draw)).sum();
            let mean = sum.as_secs_f64() / 1_000.0;
            let off = mean / backoff.ceiling(retry).as_secs_f64() - 0.5;
            // Five standard deviations of the mean of a thousand uniform draws.
            prop_assert!(off.abs() < 0.046, "retry {retry}: {off}");
        }
    }
}

#[test]
fn copies_of_a_schedule_share_no_chance() {
    let one = with(Jitter::Full).delays();
    let waits = [1 << 60, 1 << 61, 1 << 62, 1 << 63].map(|draw| {
        let mut copy = one;
        copy.next(draw)
    });
    assert_eq!(BTreeSet::from(waits).len(), 4);
}
