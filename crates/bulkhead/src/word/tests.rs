use buttress_core::Checks;

use super::*;

fn word(in_flight: u32, waiting: u32, limit: u32) -> Word {
    let word = Word::new(Limit::checked(limit, &mut Checks::of("test")));
    Word(word.bits().wrapping_add(u64::from(in_flight) * ONE_IN_FLIGHT) + u64::from(waiting) * ONE_WAITING)
}

fn numbers(word: Word) -> (u32, u32, u32) {
    (word.in_flight(), word.waiting(), word.limit())
}

#[test]
fn the_three_numbers_survive_the_packing_at_their_largest() {
    for (in_flight, waiting, limit) in
        [(0, 0, 1), (1, 2, 3), (1_000_000, 0, 1_000_000), ((1 << 28) - 1, 50_000, 1_000_000)]
    {
        assert_eq!(numbers(word(in_flight, waiting, limit)), (in_flight, waiting, limit));
    }
}

#[test]
fn a_call_enters_only_where_there_is_room_that_nobody_waits_for() {
    for (before, after) in [
        ((0, 0, 1), Some((1, 0, 1))),
        ((1, 0, 1), None),
        ((7, 0, 8), Some((8, 0, 8))),
        ((8, 0, 8), None),
        // The limit was lowered, or not enforced.
        ((9, 0, 8), None),
        ((1 << 27, 0, 1), None),
        // A permit has returned, and it belongs to the first waiter.
        ((7, 1, 8), None),
        ((0, 1, 8), None),
    ] {
        let (in_flight, waiting, limit) = before;
        assert_eq!(word(in_flight, waiting, limit).enter().map(numbers), after, "{before:?}");
    }
}

#[test]
fn a_call_that_may_wait_runs_or_waits_or_is_refused() {
    for (before, max_waiting, after) in [
        ((0, 0, 1), 2, Some(((1, 0, 1), Joined::Runs))),
        ((1, 0, 1), 2, Some(((1, 1, 1), Joined::Waits))),
        ((1, 1, 1), 2, Some(((1, 2, 1), Joined::Waits))),
        ((1, 2, 1), 2, None),
        ((1, 0, 1), 0, None),
        ((0, 0, 1), 0, Some(((1, 0, 1), Joined::Runs))),
        // Behind those who came first, even if there is room.
        ((0, 1, 1), 2, Some(((0, 2, 1), Joined::Waits))),
        ((0, 2, 1), 2, None),
    ] {
        let (in_flight, waiting, limit) = before;
        let joined = word(in_flight, waiting, limit).join(max_waiting);
        assert_eq!(joined.map(|(word, how)| (numbers(word), how)), after, "{before:?}, {max_waiting}");
    }
}

#[test]
fn a_waiter_runs_only_where_there_is_room() {
    for (before, after) in [
        ((0, 0, 1), None),
        ((0, 1, 1), Some((1, 0, 1))),
        ((1, 1, 1), None),
        ((1, 3, 2), Some((2, 2, 2))),
        ((3, 1, 2), None),
    ] {
        let (in_flight, waiting, limit) = before;
        assert_eq!(word(in_flight, waiting, limit).grant().map(numbers), after, "{before:?}");
    }
}

/// The excess is furthest below zero in an empty bulkhead of the largest limit, and far above it where a mode lets all
/// calls run.
#[test]
fn a_limit_that_changes_at_either_end_leaves_the_other_numbers_alone() {
    let limits = [1, 2, 999_999, 1_000_000];
    for (in_flight, waiting) in [(0, 0), (0, 50_000), (1, 0), (1_000_000, 50_000), ((1 << 27) - 1, 1)] {
        for (before, after) in limits.into_iter().flat_map(|before| limits.map(|after| (before, after))) {
            let changed =
                word(in_flight, waiting, before).with_limit(Limit::checked(after, &mut Checks::of("test")));
            assert_eq!(numbers(changed), (in_flight, waiting, after));
            assert_eq!(changed, word(in_flight, waiting, after));
            assert_eq!(changed.has_room(), in_flight < after, "{in_flight} of {after}");
        }
    }
}

#[test]
fn one_number_changes_and_the_others_stay() {
    let word = word(5, 3, 4);
    let limit = Limit::checked(1_000_000, &mut Checks::of("test"));
    assert_eq!(numbers(word.with_limit(limit)), (5, 3, 1_000_000));
    assert_eq!(word.with_limit(limit).with_limit(Limit::checked(4, &mut Checks::of("test"))), word);
    assert_eq!(numbers(word.give_up()), (5, 2, 4));
    assert_eq!(numbers(Word(word.bits() - Word::CALL)), (4, 3, 4));
    // The last call of all leaves, and with it the excess goes below zero.
    let full = Word::new(Limit::checked(1, &mut Checks::of("test"))).enter().map(Word::bits);
    assert_eq!(full.map(|bits| numbers(Word(bits.wrapping_sub(Word::CALL)))), Some((0, 0, 1)));
    assert_eq!(format!("{word:?}"), "5 of 4 in flight, 3 waiting");
}
