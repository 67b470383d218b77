//! Many keys in little memory: exact while there is room, never more permissive when there is not.

use std::collections::{BTreeMap, HashMap};

use buttress_rate_limit::{KeyHash, Rate, Ruling, Table};
use proptest::prelude::*;

/// A tenth of a second in nanoseconds, as most rates of these tests have it.
const STEP: u64 = 100_000_000;
const TEN_PER_SECOND: Rate = Rate::from_ticks(STEP, 5);
const START: u64 = 1 << 62;

/// Spreads small numbers over all bits, as a hash does.
fn key(number: u64) -> KeyHash {
    KeyHash::from_bits(u128::from(mixed(number)) << 64 | u128::from(mixed(number ^ u64::MAX)))
}

fn mixed(number: u64) -> u64 {
    let z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn admits(table: &Table, number: u64, now: u64, rate: Rate, cost: u64) -> bool {
    matches!(table.decide(key(number), now, rate, cost), Ruling::Admit { .. })
}

#[test]
fn memory_is_what_was_asked_for_whatever_arrives_r1_l6() {
    let table = Table::new(1_024);
    let bytes = table.bytes();
    assert_eq!((table.slots(), bytes, Table::BYTES_PER_KEY), (1_024, 1_024 * 24, 24));
    for number in 0..50_000 {
        admits(&table, number, START + number, TEN_PER_SECOND, 1);
    }
    assert_eq!((table.slots(), table.bytes()), (1_024, bytes));
    let occupancy = table.occupancy(START);
    assert_eq!((occupancy.live, occupancy.slots), (1_024, 1_024));
}

#[test]
fn any_number_of_slots_is_rounded_up_to_whole_buckets() {
    for (asked, slots) in [(0, 16), (1, 16), (16, 16), (17, 32), (1_000, 1_008)] {
        assert_eq!(Table::new(asked).slots(), slots, "{asked}");
    }
}

#[test]
fn a_flood_of_other_keys_never_resets_an_exhausted_one_r2() {
    const FLOOD: u64 = 200_000;
    let (table, attacker) = (Table::new(1_024), u64::MAX);
    assert!(admits(&table, attacker, START, TEN_PER_SECOND, 5));
    let (mut now, mut admitted) = (START, 5);
    for number in 0..FLOOD {
        now += 1_000; // a million keys in a second
        admits(&table, number, now, TEN_PER_SECOND, 1);
        if number % 50 == 0 && admits(&table, attacker, now, TEN_PER_SECOND, 1) {
            admitted += 1;
        }
        assert!(admitted <= 5 + (now - START) / STEP, "{admitted} units after {number} other keys");
    }
    let occupancy = table.occupancy(now);
    assert!(occupancy.evicted > 100_000 && occupancy.merged > 100_000, "it was a flood: {occupancy:?}");
    assert!(occupancy.merged <= occupancy.evicted);
}

#[test]
fn an_exhausted_key_that_is_flooded_out_owes_all_of_it_when_it_returns_r2() {
    let hourly = Rate::from_ticks(3_600 * STEP, 3);
    let (table, attacker) = (Table::new(64), u64::MAX);
    assert!(admits(&table, attacker, START, hourly, 3));
    // Whoever floods owes more for longer than the attacker does, so that the attacker leaves.
    let daily = Rate::from_ticks(86_400 * STEP, 3);
    for number in 0..10_000 {
        assert!(admits(&table, number, START, daily, 1) || number > 100);
    }
    assert!(!admits(&table, attacker, START + 3_600 * STEP - 1, hourly, 1));
}

#[test]
fn newcomers_in_a_flood_are_admitted_within_one_allowance_and_then_at_their_rate() {
    let table = Table::new(1_024);
    let mut flood = 0..;
    let mut until = |now: u64, end: u64| {
        for (now, number) in (now..end).step_by(10_000).zip(&mut flood) {
            admits(&table, number, now, TEN_PER_SECOND, 1);
        }
    };
    until(START, START + STEP);
    let start = START + STEP;
    let mut admitted: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for now in (0..=10).map(|step| start + step * STEP) {
        for newcomer in (1 << 40)..(1 << 40) + 50_u64 {
            if admits(&table, newcomer, now, TEN_PER_SECOND, 1) {
                admitted.entry(newcomer).or_default().push(now);
            }
        }
    }
    assert_eq!(admitted.len(), 50, "each is admitted at last");
    for (newcomer, times) in admitted {
        assert!(times[0] - start <= TEN_PER_SECOND.allowance(), "{newcomer}");
        let tries = (start + 11 * STEP - times[0]) / STEP;
        assert_eq!(times.len() as u64, tries, "from its first on, {newcomer} gets its rate");
    }
}

#[test]
fn keys_that_fit_never_feel_one_another_l12() {
    let table = Table::new(4_096);
    let mut exact: HashMap<u64, u64> = HashMap::new();
    for turn in 0..40_000 {
        let (number, now) = (mixed(turn) % 1_000, START + turn * STEP / 5_000);
        let tat = exact.entry(number).or_default();
        let ruling = TEN_PER_SECOND.decide(*tat, now, 1 + turn % 3);
        *tat = ruling.tat();
        assert_eq!(table.decide(key(number), now, TEN_PER_SECOND, 1 + turn % 3), ruling, "turn {turn}");
    }
    assert_eq!(table.occupancy(START).evicted, 0);
}

#[test]
fn a_key_whose_time_has_passed_makes_room_without_a_trace() {
    let table = Table::new(16);
    for generation in 0..10 {
        let now = START + generation * 10 * STEP;
        for number in 0..16 {
            assert!(
                admits(&table, generation * 16 + number, now, TEN_PER_SECOND, 5),
                "all of a burst is there"
            );
        }
    }
    let occupancy = table.occupancy(START + 90 * STEP);
    assert_eq!((occupancy.live, occupancy.evicted, occupancy.merged), (16, 0, 0));
    assert_eq!(table.occupancy(START + 95 * STEP).live, 0);
}

#[test]
fn a_look_takes_no_slot_and_changes_nothing() {
    let table = Table::new(16);
    for number in 0..100 {
        assert!(admits(&table, number, START, TEN_PER_SECOND, 0));
        assert_eq!(table.decide(key(number), START, TEN_PER_SECOND, 6), Ruling::Never { tat: 0 });
        table.refund(key(number), START, TEN_PER_SECOND, 1);
    }
    assert_eq!(table.occupancy(0).live, 0);
}

#[test]
fn whoever_has_nothing_to_store_pushes_nobody_out() {
    let table = Table::new(16);
    for number in 0..17 {
        assert!(admits(&table, number, START, TEN_PER_SECOND, 5));
    }
    let occupancy = table.occupancy(START);
    assert_eq!((occupancy.live, occupancy.evicted, occupancy.merged), (16, 1, 0));
    for number in 17..400 {
        admits(&table, number, START, TEN_PER_SECOND, 0);
    }
    assert_eq!(table.occupancy(START).evicted, 1, "looks push nobody out, even of those who owe");
    let table = Table::new(16);
    for (number, cost) in (0..16).map(|number| (number, 5)).chain((16..100).map(|number| (number, 6))) {
        admits(&table, number, START, TEN_PER_SECOND, cost);
    }
    assert_eq!(table.occupancy(START).evicted, 0, "nor does what can never be admitted");
}

#[test]
fn refused_costs_nothing_r13() {
    let table = Table::new(16);
    assert!(admits(&table, 1, START, TEN_PER_SECOND, 4));
    for _ in 0..100 {
        assert_eq!(
            table.decide(key(1), START, TEN_PER_SECOND, 2),
            Ruling::Deny { tat: START + 4 * STEP, wait: STEP }
        );
    }
    assert!(admits(&table, 1, START, TEN_PER_SECOND, 1));
}

#[test]
fn refunds_debts_and_reservations_are_those_of_the_rate() {
    let (table, rate) = (Table::new(16), TEN_PER_SECOND);
    assert_eq!(table.up_to(key(1), START, rate, 3), 3);
    assert_eq!(table.charge(key(1), START, rate, 3), 1);
    table.refund(key(1), START, rate, 2);
    assert_eq!(table.tat(key(1), START), START + 3 * STEP);
    assert_eq!(table.up_to(key(1), START, rate, 9), 2);
    let mut waits = (0..4).map(|_| table.reserve(key(1), START, rate, 1, 3 * STEP));
    assert_eq!([(); 3].map(|()| waits.next()), [STEP, 2 * STEP, 3 * STEP].map(|wait| Some(Ok(wait))));
    assert_eq!(waits.next(), Some(Err(4 * STEP)));
    assert_eq!(table.tat(key(1), START), START + 8 * STEP);
}

#[test]
fn a_quota_that_is_lowered_or_raised_is_felt_at_the_next_decision_r25() {
    let (table, wide, narrow) = (Table::new(16), Rate::from_ticks(STEP, 100), Rate::from_ticks(STEP, 2));
    assert!(admits(&table, 1, START, wide, 50));
    assert_eq!(table.decide(key(1), START, narrow, 1), Ruling::Deny { tat: START + 2 * STEP, wait: STEP });
    assert!(admits(&table, 1, START + STEP, narrow, 1));
    assert!(admits(&table, 1, START + STEP, wide, 98));
}

#[test]
fn an_hour_back_leaves_nobody_locked_out_for_longer_than_an_allowance_in_slots_or_cells_r17() {
    const HOUR: u64 = 36_000 * STEP;
    let (table, ahead) = (Table::new(16), START + HOUR);
    for number in 0..500 {
        admits(&table, number, ahead, TEN_PER_SECOND, 5);
    }
    assert!(table.occupancy(ahead).merged > 0, "some of it lies in cells");
    let (mut now, mut refused) = (START, 0);
    for number in 1_000..1_100 {
        let late = now + TEN_PER_SECOND.allowance();
        refused += u64::from(!admits(&table, number, now, TEN_PER_SECOND, 1));
        assert!(admits(&table, number, late, TEN_PER_SECOND, 1), "{number} after its allowance");
        now = late + HOUR / 1_000;
    }
    assert!(
        (1..=16 + 12).contains(&refused),
        "each slot and each cell told of the time before once: {refused}"
    );
    assert_eq!(table.occupancy(now).live, 0, "the slots are free again long before the clock has caught up");
}

/// Threads read the clock first and get their turn later, in whatever order the system lets them run.
#[test]
fn who_reads_the_clock_early_and_comes_late_gives_nobody_back_what_was_spent_r12() {
    let (early, late) = (START, START + 3 * STEP);
    let whole = TEN_PER_SECOND.allowance();
    for act in 0..4 {
        let table = Table::new(16);
        assert!(admits(&table, 1, late, TEN_PER_SECOND, 5));
        for _ in 0..3 {
            match act {
                0 => assert!(!admits(&table, 1, early, TEN_PER_SECOND, 1)),
                1 => assert_eq!(table.up_to(key(1), early, TEN_PER_SECOND, 1), 0),
                2 => assert_eq!(table.charge(key(1), early, TEN_PER_SECOND, 1), 1),
                _ => table.refund(key(1), early, TEN_PER_SECOND, 0),
            }
            assert_eq!(table.tat(key(1), early), late + whole, "{act}: as it was");
            assert!(!admits(&table, 1, late, TEN_PER_SECOND, 1), "{act}");
        }
        assert!(admits(&table, 1, late + STEP, TEN_PER_SECOND, 1), "{act}");
    }
}

proptest! {
    /// The judge is an exact limiter that is charged what the table admits: had it denied, the table gave too much.
    #[test]
    fn whatever_leaves_and_returns_no_key_gets_more_than_the_exact_limiter_gives(
        asks in prop::collection::vec((0..60_u64, 0..3_usize, 0..STEP / 4, 0..6_u64, 0..8_u8), 1..400),
    ) {
        let rates = [Rate::from_ticks(STEP, 5), Rate::from_ticks(STEP / 7, 3), Rate::from_ticks(20 * STEP, 4)];
        let (table, mut exact, mut now) = (Table::new(16), HashMap::<u64, u64>::new(), START);
        for (number, rate, later, units, act) in asks {
            now += later;
            let (number, rate) = (number * 3 + rate as u64, rates[rate]);
            let tat = exact.entry(number).or_default();
            match act {
                0 => {
                    table.refund(key(number), now, rate, units);
                    *tat = rate.refund(*tat, now, units);
                }
                1 => {
                    let granted = table.up_to(key(number), now, rate, units);
                    let (most, charged) = rate.up_to(*tat, now, granted);
                    prop_assert_eq!(most, granted);
                    *tat = charged;
                }
                _ => if admits(&table, number, now, rate, units) {
                    let ruling = rate.decide(*tat, now, units);
                    let admitted = matches!(ruling, Ruling::Admit { .. });
                    prop_assert!(admitted, "key {} at {}", number, now - START);
                    *tat = ruling.tat();
                }
            }
        }
    }
}
