//! The decision, against a bucket of tokens counted exactly.

use buttress_rate_limit::{Rate, Ruling, Standing};
use proptest::prelude::*;

use Ruling::{Admit, Deny, Never};

const HOUR: u64 = 3_600_000_000_000;

/// A unit every ten ticks, three at once.
const RATE: Rate = Rate::from_ticks(10, 3);

#[test]
fn a_cost_is_admitted_while_there_is_room_and_the_wait_is_exact() {
    let cases = [
        // stored, now, cost, ruling
        (0, 1_000, 1, Admit { tat: 1_010 }),
        (0, 1_000, 3, Admit { tat: 1_030 }),
        (0, 1_000, 4, Never { tat: 0 }),
        (1_010, 1_000, 2, Admit { tat: 1_030 }),
        (1_011, 1_000, 2, Deny { tat: 1_011, wait: 1 }),
        (1_030, 1_000, 1, Deny { tat: 1_030, wait: 10 }),
        (1_030, 1_009, 1, Deny { tat: 1_030, wait: 1 }),
        (1_030, 1_010, 1, Admit { tat: 1_040 }),
        (1_030, 1_000, 3, Deny { tat: 1_030, wait: 30 }),
        (1_030, 1_000, 0, Admit { tat: 1_030 }),
        (500, 1_000, 0, Admit { tat: 500 }),
    ];
    for (tat, now, cost, ruling) in cases {
        assert_eq!(RATE.decide(tat, now, cost), ruling, "cost {cost} at {now} after {tat}");
    }
}

#[test]
fn what_is_left_is_told_in_whole_units_and_exact_waits() {
    let cases = [
        (0, 1_000, (3, 0, 0)),
        (1_000, 1_000, (3, 0, 0)),
        (1_001, 1_000, (2, 1, 1)),
        (1_010, 1_000, (2, 10, 10)),
        (1_015, 1_000, (1, 5, 15)),
        (1_030, 1_000, (0, 10, 30)),
        (9_999, 1_000, (0, 10, 30)),
    ];
    for (tat, now, (remaining, next, full)) in cases {
        assert_eq!(RATE.standing(tat, now), Standing { remaining, next, full }, "{tat} at {now}");
    }
}

#[test]
fn a_rest_never_saves_up_more_than_one_burst_r11() {
    let ten = Rate::from_ticks(100, 10);
    for rest in [0, 799, 800, 1_080, 10_000, HOUR] {
        let (mut tat, now) = (5_000, 5_000 + rest);
        let mut admitted = 0;
        while let Admit { tat: next } = ten.decide(tat, now, 1) {
            (tat, admitted) = (next, admitted + 1);
        }
        assert_eq!(admitted, 10, "after {rest} ticks");
    }
}

#[test]
fn a_burst_is_exactly_the_burst_and_not_one_more_r10() {
    for burst in [1, 2, 3, 1_000] {
        let rate = Rate::from_ticks(7, burst);
        let (granted, tat) = rate.up_to(0, 100, u64::MAX);
        assert_eq!(granted, burst);
        assert_eq!(rate.decide(tat, 100, 1), Deny { tat, wait: 7 });
        assert_eq!(rate.decide(0, 100, burst), Admit { tat });
        assert_eq!(rate.decide(0, 100, burst + 1), Never { tat: 0 });
    }
}

#[test]
fn a_cost_beyond_the_burst_is_never_admitted_and_costs_nothing_r15_r17() {
    let mut tat = 1_010;
    for _ in 0..4 {
        assert_eq!(RATE.decide(tat, 1_000, 50), Never { tat: 1_010 });
        tat = RATE.decide(tat, 1_000, 50).tat();
    }
    assert_eq!(RATE.decide(tat, 1_000, 2), Admit { tat: 1_030 });
}

#[test]
fn a_refund_gives_back_what_was_charged_and_never_more_than_a_burst() {
    assert_eq!(RATE.refund(1_030, 1_000, 1), 1_020);
    assert_eq!(RATE.refund(1_030, 1_000, 3), 1_000);
    assert_eq!(RATE.refund(1_030, 1_000, u64::MAX), 1_000);
    assert_eq!(RATE.refund(400, 1_000, 2), 400, "a key at rest has nothing to get back");
    assert_eq!(RATE.refund(9_999, 1_000, 1), 1_020, "a time too far off is mended first");
}

#[test]
fn a_debt_is_charged_up_to_one_allowance_and_the_excess_is_told() {
    assert_eq!(RATE.charge(0, 1_000, 2), (1_020, 0));
    assert_eq!(RATE.charge(1_020, 1_000, 5), (1_030, 4));
    assert_eq!(RATE.charge(1_030, 1_000, u64::MAX), (1_030, u64::MAX));
    assert_eq!(RATE.charge(1_015, 1_000, 2), (1_025, 1), "half a unit of room takes none");
    assert_eq!(RATE.charge(500, 1_000, 0), (500, 0));
}

#[test]
fn reservations_queue_in_order_and_end_at_the_longest_wait() {
    let mut tat = 0;
    let mut waits = Vec::new();
    let refused = loop {
        match RATE.reserve(tat, 1_000, 1, 25) {
            Ok((wait, reserved)) => {
                waits.push(wait);
                tat = reserved;
            }
            Err(wait) => break wait,
        }
    };
    assert_eq!((waits, refused), (vec![0, 0, 0, 10, 20], 30));
    assert_eq!(RATE.reserve(tat, 1_005, 1, 25), Ok((25, 1_060)), "a little later the next one fits");
    assert_eq!(RATE.reserve(tat, 1_000, 0, 25), Ok((0, tat)));
    assert_eq!(RATE.reserve(9_999, 1_000, 0, 25), Ok((0, 1_055)), "no time lies beyond the longest wait");
    assert_eq!(RATE.reserve(9_999, 1_000, 1, 25), Err(35));
    assert_eq!(RATE.reserve(0, 1_000, 4, u64::MAX), Err(u64::MAX), "more than a burst never fits");
    assert_eq!(RATE.reserve(0, u64::MAX, 1, 5), Err(u64::MAX), "time is over");
}

#[test]
fn a_clock_stepped_back_an_hour_locks_nobody_out_for_longer_than_an_allowance_r17() {
    let (before, after) = (10 * HOUR, 9 * HOUR);
    let (_, exhausted) = RATE.up_to(0, before, 3);
    let Deny { tat, wait } = RATE.decide(exhausted, after, 1) else { panic!("nothing is left") };
    assert_eq!((tat, wait), (after + 30, 10), "mended although it was denied");
    assert_eq!(RATE.decide(tat, after + 9, 1), Deny { tat, wait: 1 });
    assert_eq!(RATE.decide(tat, after + 10, 1), Admit { tat: after + 40 });
}

#[test]
fn a_clock_stepped_forward_and_back_gives_no_burst_beyond_the_one_it_showed() {
    let now = 10 * HOUR;
    let (_, tat) = RATE.up_to(0, now, 3);
    let (granted, tat) = RATE.up_to(tat, now + HOUR, u64::MAX);
    assert_eq!(granted, 3, "an hour later by the clock there is one burst");
    let (granted, tat) = RATE.up_to(tat, now, u64::MAX);
    assert_eq!((granted, tat), (0, now + 30), "and none on the way back");
}

#[test]
fn a_lowered_quota_is_felt_at_once_and_locks_out_for_its_own_allowance_at_most_r25() {
    let (day, second) = (Rate::from_ticks(86_400, 1_000), Rate::from_ticks(10, 3));
    let (_, tat) = day.up_to(0, 1_000, 1_000);
    assert_eq!(second.decide(tat, 1_000, 1), Deny { tat: 1_030, wait: 10 });
    let (_, tat) = second.up_to(0, 1_000, 1);
    assert_eq!(Rate::from_ticks(10, 1).decide(tat, 1_000, 1), Deny { tat: 1_010, wait: 10 });
}

#[test]
fn a_rate_of_any_numbers_is_one_that_cannot_overflow() {
    let rates =
        [(0, 0), (0, u64::MAX), (u64::MAX, u64::MAX), (u64::MAX, 0), (u64::MAX / 2, 3), (1 << 32, 1 << 32)];
    for (interval, burst) in rates {
        let rate = Rate::from_ticks(interval, burst);
        assert_eq!(rate.interval().checked_mul(rate.burst()), Some(rate.allowance()), "{interval} {burst}");
        assert!(rate.interval() >= 1 && rate.burst() <= burst);
    }
    assert!(size_of::<Rate>() <= 32);
}

/// A bucket that holds `held` of `interval * burst` drops, and gains one with every tick.
#[derive(Clone, Debug)]
struct Bucket {
    interval: u128,
    full: u128,
    held: u128,
    at: u64,
}

impl Bucket {
    fn new(rate: Rate, now: u64) -> Self {
        let full = u128::from(rate.interval()) * u128::from(rate.burst());
        Self { interval: rate.interval().into(), full, held: full, at: now }
    }

    fn wait_until(&mut self, now: u64) {
        self.held = self.full.min(self.held + u128::from(now - self.at));
        self.at = now;
    }

    fn units(&self) -> u64 {
        (self.held / self.interval).try_into().unwrap()
    }

    fn spend(&mut self, units: u64) -> bool {
        let drops = u128::from(units) * self.interval;
        let enough = drops <= self.held;
        self.held -= if enough { drops } else { 0 };
        enough
    }

    fn give(&mut self, units: u64) {
        self.held = self.full.min(self.held + u128::from(units) * self.interval);
    }
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Decide(u64),
    Refund(u64),
    Charge(u64),
    UpTo(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let units = prop_oneof![4 => 0..4_u64, 2 => 0..40_u64, 1 => any::<u64>()];
    (0..6, units).prop_map(|(kind, units)| match kind {
        0..3 => Act::Decide(units),
        3 => Act::Refund(units % 100),
        4 => Act::Charge(units),
        _ => Act::UpTo(units),
    })
}

/// Small rates mostly, so that bursts run out; and some that no clock outlives.
fn rate() -> impl Strategy<Value = Rate> {
    let small = (1..50_u64, 1..20_u64);
    let large = (1..1_u64 << 52, 1..1_000_u64);
    prop_oneof![8 => small, 1 => large].prop_map(|(interval, burst)| Rate::from_ticks(interval, burst))
}

proptest! {
    #[test]
    fn every_decision_is_that_of_an_exact_bucket(
        rate in rate(),
        start in 0..1_000_000_u64,
        acts in prop::collection::vec((0..200_u64, act()), 1..80),
    ) {
        let (mut tat, mut now, mut bucket) = (0, start, Bucket::new(rate, start));
        for (later, act) in acts {
            now += later;
            bucket.wait_until(now);
            match act {
                Act::Decide(cost) => {
                    let ruling = rate.decide(tat, now, cost);
                    tat = ruling.tat();
                    match ruling {
                        Admit { .. } => prop_assert!(bucket.spend(cost)),
                        Never { .. } => prop_assert!(cost > rate.burst()),
                        Deny { wait, .. } => {
                            let missing = u128::from(cost) * bucket.interval - bucket.held;
                            prop_assert_eq!(u128::from(wait), missing);
                        }
                    }
                }
                Act::Refund(units) => {
                    tat = rate.refund(tat, now, units);
                    bucket.give(units);
                }
                Act::Charge(units) => {
                    let (charged, excess) = rate.charge(tat, now, units);
                    tat = charged;
                    prop_assert_eq!(excess, units - units.min(bucket.units()));
                    prop_assert!(bucket.spend(units - excess));
                }
                Act::UpTo(want) => {
                    let (granted, charged) = rate.up_to(tat, now, want);
                    tat = charged;
                    prop_assert_eq!(granted, want.min(bucket.units()));
                    prop_assert!(bucket.spend(granted));
                }
            }
            let standing = rate.standing(tat, now);
            prop_assert_eq!(standing.remaining, bucket.units());
            prop_assert_eq!(u128::from(standing.full), bucket.full - bucket.held);
        }
    }

    #[test]
    fn no_span_admits_more_than_a_burst_and_the_rate_r10_r11_r15(
        rate in rate(),
        asks in prop::collection::vec((0..60_u64, 1..5_u64), 1..60),
    ) {
        let (mut tat, mut now, mut admitted) = (0, 1_000, Vec::new());
        for (later, cost) in asks {
            now += later;
            let ruling = rate.decide(tat, now, cost);
            tat = ruling.tat();
            if let Admit { .. } = ruling {
                admitted.push((now, cost));
            }
        }
        for (first, &(begin, _)) in admitted.iter().enumerate() {
            let mut sum = 0;
            for &(end, cost) in &admitted[first..] {
                sum += cost;
                prop_assert!(sum <= rate.burst() + (end - begin) / rate.interval());
            }
        }
    }

    #[test]
    fn a_clock_that_jumps_locks_out_for_an_allowance_at_most_and_gives_no_more_than_it_passes(
        rate in (1..50_u64, 1..20_u64).prop_map(|(interval, burst)| Rate::from_ticks(interval, burst)),
        jumps in prop::collection::vec((0..2_000_u64, 0..30_u64), 1..20),
    ) {
        let mut tat = 0;
        for (now, steps) in jumps.into_iter().map(|(to, steps)| (HOUR + to, steps)) {
            let (begin, mut admitted) = (now, 0);
            for now in now..=now + steps {
                if let Deny { wait, .. } = rate.decide(tat, now, 1) {
                    prop_assert!(wait <= rate.allowance());
                }
                let (granted, next) = rate.up_to(tat, now, u64::MAX);
                (tat, admitted) = (next, admitted + granted);
                prop_assert!(admitted <= rate.burst() + (now - begin) / rate.interval());
            }
        }
    }

    #[test]
    fn nothing_panics_and_no_time_lies_beyond_an_allowance_for_any_numbers(
        interval in any::<u64>(), burst in any::<u64>(),
        tat in any::<u64>(), now in any::<u64>(), units in any::<u64>(), wait in any::<u64>(),
    ) {
        let rate = Rate::from_ticks(interval, burst);
        let latest = now.saturating_add(rate.allowance());
        prop_assert!(rate.decide(tat, now, units).tat() <= latest);
        prop_assert!(rate.refund(tat, now, units) <= latest);
        prop_assert!(rate.charge(tat, now, units).0 <= latest);
        let (granted, charged) = rate.up_to(tat, now, units);
        prop_assert!(granted <= units && granted <= rate.burst() && charged <= latest);
        let standing = rate.standing(tat, now);
        prop_assert!(standing.remaining <= rate.burst() && standing.full <= rate.allowance());
        prop_assert!(standing.next <= rate.interval());
        if let Ok((slot_wait, reserved)) = rate.reserve(tat, now, units, wait) {
            prop_assert!(slot_wait <= wait && reserved <= latest.saturating_add(wait));
        }
    }
}
