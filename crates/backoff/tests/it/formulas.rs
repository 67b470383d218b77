//! Golden values of every formula, at the first, the middle and the last draw.

use std::time::Duration;

use buttress_backoff::{Backoff, Jitter};

const MIDDLE: u64 = 1 << 63;
const DRAWS: [u64; 3] = [0, MIDDLE, u64::MAX];

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// 100 ms, doubled, at most 1 s.
fn with(jitter: Jitter) -> Backoff {
    Backoff::exponential(ms(100)).cap(ms(1_000)).jitter(jitter).build().unwrap()
}

/// Compares the three draws of each row: retry, previous wait, and what the draws choose, in milliseconds.
fn assert_golden(backoff: Backoff, rows: &[(u32, u64, [u64; 3])]) {
    for &(retry, previous, expected) in rows {
        let delays = DRAWS.map(|draw| backoff.delay(retry, ms(previous), draw));
        assert_eq!(delays, expected.map(ms), "retry {retry} after {previous} ms");
    }
}

#[test]
fn the_ceiling_doubles_to_the_cap_and_stays() {
    let backoff = with(Jitter::None);
    let ceilings = [0, 1, 2, 3, 4, 1_000, u32::MAX].map(|retry| backoff.ceiling(retry));
    assert_eq!(ceilings, [100, 200, 400, 800, 1_000, 1_000, 1_000].map(ms));
}

#[test]
fn the_ceiling_grows_by_the_multiplier() {
    let backoff = Backoff::exponential(ms(80)).multiplier(1.5).cap(ms(500)).build().unwrap();
    let ceilings = [0, 1, 2, 3, 4, 5].map(|retry| backoff.ceiling(retry));
    assert_eq!(ceilings, [80, 120, 180, 270, 405, 500].map(ms));
}

#[test]
fn a_constant_ceiling_never_grows() {
    let backoff = Backoff::constant(ms(250)).build().unwrap();
    assert_eq!([0, 1, u32::MAX].map(|retry| backoff.ceiling(retry)), [ms(250); 3]);
}

#[test]
fn without_jitter_every_draw_is_the_ceiling() {
    assert_golden(with(Jitter::None), &[(0, 0, [100; 3]), (2, 150, [400; 3]), (9, 1_000, [1_000; 3])]);
}

#[test]
fn full_jitter_reaches_from_nothing_to_the_ceiling() {
    let rows = [(0, 0, [0, 50, 100]), (2, 30, [0, 200, 400]), (u32::MAX, 0, [0, 500, 1_000])];
    assert_golden(with(Jitter::Full), &rows);
}

#[test]
fn equal_jitter_keeps_half_of_the_ceiling() {
    let rows = [(0, 0, [50, 75, 100]), (2, 30, [200, 300, 400]), (u32::MAX, 0, [500, 750, 1_000])];
    assert_golden(with(Jitter::Equal), &rows);
}

#[test]
fn decorrelated_jitter_reaches_from_the_base_to_thrice_the_previous_wait() {
    let rows = [
        (0, 0, [100, 200, 300]),
        (1, 100, [100, 200, 300]),
        (1, 300, [100, 500, 900]),
        // The range ends at the cap, so the middle draw stays in its middle.
        (7, 500, [100, 550, 1_000]),
        (u32::MAX, 1_000, [100, 550, 1_000]),
    ];
    assert_golden(with(Jitter::Decorrelated), &rows);
}

#[test]
fn proportional_jitter_reaches_as_far_below_as_above_and_never_above_the_cap() {
    let rows = [(0, 0, [80, 100, 120]), (2, 0, [320, 400, 480]), (4, 0, [800, 900, 1_000])];
    assert_golden(with(Jitter::Proportional { percent: 20 }), &rows);
    let rows = [(0, 0, [0, 100, 200]), (3, 0, [0, 500, 1_000])];
    assert_golden(with(Jitter::Proportional { percent: 100 }), &rows);
}

#[test]
fn a_constant_delay_is_spread_too() {
    let backoff = Backoff::constant(ms(200)).jitter(Jitter::Proportional { percent: 25 }).build().unwrap();
    assert_golden(backoff, &[(0, 0, [150, 200, 250]), (9, 0, [150, 200, 250])]);
}

#[test]
fn one_nanosecond_more_or_less_is_not_lost() {
    let odd = Duration::from_nanos(1_000_001);
    let backoff = Backoff::constant(odd).jitter(Jitter::Equal).build().unwrap();
    let ends = backoff.range(0, Duration::ZERO).into_inner();
    assert_eq!(ends, (Duration::from_micros(500), odd));
    assert_eq!(backoff.delay(0, Duration::ZERO, u64::MAX), odd);
}

#[test]
fn delays_remember_the_retry_and_the_previous_wait() {
    let backoff = with(Jitter::Decorrelated);
    let mut delays = backoff.delays();
    let mut previous = Duration::ZERO;
    for retry in 0..20 {
        assert_eq!(delays.retry(), retry);
        let expected = backoff.delay(retry, previous, MIDDLE);
        previous = delays.next(MIDDLE);
        assert_eq!(previous, expected, "retry {retry}");
    }
}
