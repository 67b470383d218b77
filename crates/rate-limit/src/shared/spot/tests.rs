use super::*;
use crate::Rate;

const SECOND: u64 = 1_000 * MILLI;
const START: u64 = 1 << 62;
const RULES: Rules = Rules { lease_above: Some(20), memory: 10 * SECOND };

/// A unit per millisecond, so many at once, for three nodes.
fn terms(burst: u64, cost: u64) -> Terms {
    let key = KeyHash::from_bits(1);
    Terms { key, scope: key, rate: Rate::from_ticks(1_000, burst), cost, cap: burst / 6 }
}

/// What a spot says of a claim that it has not seen before.
fn meet(spot: &mut Spot, terms: &Terms, rules: &Rules, now: u64) -> Judged {
    spot.note(terms, now);
    spot.judge(terms, rules, now)
}

/// A spot that has been asked for often enough.
fn hot(burst: u64) -> (Spot, u64) {
    let mut spot = Spot::default();
    for at in 0..50 {
        let judged = meet(&mut spot, &terms(burst, 1), &RULES, START + at * MILLI);
        assert_eq!(judged.part, Part::Ask);
    }
    (spot, START + 50 * MILLI)
}

fn batch(units: u64, taken: u64) -> Batch {
    Batch { units, taken, rate: Rate::from_ticks(1_000, 600) }
}

#[test]
fn a_key_gets_a_lease_when_it_is_hot_and_asks_for_it_once() {
    let mut spot = Spot::default();
    let refills: Vec<u64> =
        (0..30).map(|at| meet(&mut spot, &terms(600, 1), &RULES, START + at * MILLI).refill).collect();
    assert_eq!(refills.iter().filter(|refill| **refill > 0).count(), 1, "{refills:?}");
    assert_eq!(refills[10], 3, "eleven calls in half a second are 2.2 in a tenth of it");
}

#[test]
fn a_cold_key_and_one_without_a_share_of_the_burst_get_no_lease() {
    let mut spot = Spot::default();
    for at in 0..100 {
        assert_eq!(meet(&mut spot, &terms(600, 1), &RULES, START + at * 60 * MILLI).refill, 0);
    }
    let mut spot = Spot::default();
    for at in 0..100 {
        assert_eq!(meet(&mut spot, &terms(5, 1), &RULES, START + at * MILLI).refill, 0);
    }
    let off = Rules { lease_above: None, ..RULES };
    let mut spot = Spot::default();
    for at in 0..100 {
        assert_eq!(meet(&mut spot, &terms(600, 1), &off, START + at * MILLI).refill, 0);
    }
}

#[test]
fn a_lease_is_never_larger_than_this_node_s_share_of_the_burst() {
    let mut spot = Spot::default();
    let refill = (0..50)
        .map(|at| meet(&mut spot, &terms(600, 50), &RULES, START + at).refill)
        .find(|refill| *refill > 0);
    assert_eq!(refill, Some(100), "of the 110 that a tenth of a second may need");
}

#[test]
fn a_lease_pays_and_is_filled_up_at_a_quarter() {
    let (mut spot, now) = hot(600);
    assert_eq!(spot.refilled(batch(8, now), now).0, None);
    let judged: Vec<Judged> = (0..8).map(|_| meet(&mut spot, &terms(600, 1), &RULES, now)).collect();
    assert!(judged.iter().all(|judged| matches!(judged.part, Part::Spent(_))));
    let refills: Vec<u64> = judged.iter().map(|judged| judged.refill).collect();
    assert_eq!(refills[..5], [0; 5]);
    assert!(refills[5] > 0 && refills[6..] == [0, 0], "once: {refills:?}");
    assert_eq!(meet(&mut spot, &terms(600, 1), &RULES, now).part, Part::Ask);
    drop(spot.refill_failed(Landing::Failed, now));
    assert_eq!(meet(&mut spot, &terms(600, 1), &RULES, now + REFILL_REST - 1).refill, 0);
    assert!(meet(&mut spot, &terms(600, 1), &RULES, now + REFILL_REST).refill > 0, "it is asked for again");
}

#[test]
fn what_is_held_counts_as_remaining() {
    let (mut spot, now) = hot(600);
    spot.learn(now, 600_000);
    assert_eq!(spot.refilled(batch(8, now), now).0, None);
    assert_eq!(meet(&mut spot, &terms(600, 1), &RULES, now).position.remaining, 7);
}

#[test]
fn a_refusal_is_remembered_until_its_wait_has_passed() {
    let mut spot = Spot::default();
    spot.learn(START, 10_000);
    let claim = terms(10, 2);
    for (after, expected) in [(0, 2_000), (500_000, 1_500), (1_999_000, 1)] {
        let Judged { part, position, .. } = meet(&mut spot, &claim, &RULES, START + after);
        assert_eq!(part, Part::Refused);
        assert_eq!(position.fate, Fate::Denied { wait: Duration::from_micros(expected) });
    }
    assert_eq!(meet(&mut spot, &claim, &RULES, START + 2 * MILLI).part, Part::Ask);
    assert_eq!(
        meet(&mut spot, &terms(10, 1), &RULES, START + MILLI).part,
        Part::Ask,
        "a smaller cost, sooner"
    );
}

#[test]
fn a_refusal_is_not_remembered_for_longer_than_memory_goes_or_after_better_news() {
    let rules = Rules { memory: MILLI, ..RULES };
    let mut spot = Spot::default();
    spot.learn(START, 10_000);
    assert_eq!(meet(&mut spot, &terms(10, 5), &rules, START + MILLI).part, Part::Refused);
    assert_eq!(meet(&mut spot, &terms(10, 5), &rules, START + MILLI + 1).part, Part::Ask);
    assert_eq!(meet(&mut spot, &terms(10, 5), &RULES, START + MILLI).part, Part::Refused);
    spot.learn(START + 1, 4_000);
    assert_eq!(meet(&mut spot, &terms(10, 5), &RULES, START + MILLI).part, Part::Ask);
}

#[test]
fn an_answer_to_an_earlier_call_changes_nothing() {
    let mut spot = Spot::default();
    spot.learn(START + 5, 10_000);
    spot.learn(START, 0);
    assert_eq!(meet(&mut spot, &terms(10, 1), &RULES, START + 5).part, Part::Refused);
}

#[test]
fn a_hot_key_at_its_limit_waits_for_more_than_one_unit() {
    let (mut spot, now) = hot(600);
    drop(spot.refilled(batch(0, now), now));
    spot.learn(now, 600_000);
    assert_eq!(
        meet(&mut spot, &terms(600, 1), &RULES, now + 5 * MILLI).part,
        Part::Refused,
        "though five came in"
    );
    let judged = meet(&mut spot, &terms(600, 1), &RULES, now + 11 * MILLI);
    assert_eq!(judged.part, Part::Ask);
    assert!(judged.refill > 5);
}

#[test]
fn a_look_spends_nothing() {
    let (mut spot, now) = hot(600);
    spot.learn(now, 600_000);
    assert_eq!(spot.refilled(batch(1, now), now).0, None);
    let look = spot.look(&terms(600, 1), &RULES, now);
    assert_eq!((look.part, look.position.fate, spot.parked(now)), (Part::Ask, Fate::Admitted, 1));
    assert_eq!(spot.look(&terms(600, 2), &RULES, now).part, Part::Refused);
}

#[test]
fn a_spot_that_holds_units_or_waits_for_them_is_not_given_up() {
    let (mut spot, now) = hot(600);
    assert_eq!(spot.rank(), None, "a refill is on its way");
    drop(spot.refilled(batch(1, now), now));
    assert_eq!(spot.rank(), None);
    meet(&mut spot, &terms(600, 1), &RULES, now);
    drop(spot.refill_failed(Landing::Failed, now));
    assert_eq!(spot.rank(), Some(now));
}
