//! Every state and every operation.

use std::time::Duration;

use buttress_idempotency::{
    Checkpoint, Claim, Claimed, Decided, Invalidated, Phase, Record, Step, Stepped, Ticket, Timestamp,
    WhenAbandoned, Write,
};

use crate::sample::{
    LEASE, RETAIN, at, claim, in_flight, lease_until, owned, owner, response, tombstone, written,
};

const START: u64 = 1_000;

/// In the middle of the first lease.
const EARLY: Timestamp = Timestamp::from_millis(START + 500);

/// To the millisecond when the first lease ends.
const LATE: Timestamp = Timestamp::from_millis(START + 1_000);

/// To the millisecond when the record expires.
const END: Timestamp = Timestamp::from_millis(START + 10_000);

const COLUMNS: [&str; 11] = [
    "take over",
    "refuse",
    "again",
    "payload",
    "renew",
    "checkpoint",
    "complete",
    "release",
    "abandon",
    "stranger",
    "invalidate",
];

/// What each operation does in each state: the answer, and what stands there afterwards; `=` if nothing was written.
const TABLE: [(&str, [&str; COLUMNS.len()]); 8] = [
    (
        "absent",
        [
            "owned InFlight",
            "owned InFlight",
            "owned InFlight",
            "owned InFlight",
            "gone =",
            "gone =",
            "gone =",
            "gone =",
            "gone =",
            "gone =",
            "Absent =",
        ],
    ),
    (
        "expired",
        [
            "owned InFlight",
            "owned InFlight",
            "owned InFlight",
            "owned InFlight",
            "gone =",
            "gone =",
            "gone =",
            "gone =",
            "gone =",
            "gone =",
            "Absent -",
        ],
    ),
    (
        "in flight",
        [
            "busy =",
            "busy =",
            "owned InFlight",
            "mismatch =",
            "done InFlight",
            "done InFlight",
            "done Completed",
            "done Stub",
            "done Abandoned",
            "fenced =",
            "InFlight =",
        ],
    ),
    (
        "lease over",
        [
            "owned InFlight",
            "unknown =",
            "owned InFlight",
            "mismatch =",
            "done InFlight",
            "done Abandoned",
            "done Completed",
            "done Stub",
            "done Abandoned",
            "fenced =",
            "Removed -",
        ],
    ),
    (
        "given up",
        [
            "owned InFlight",
            "unknown =",
            "owned InFlight",
            "mismatch =",
            "fenced =",
            "fenced =",
            "fenced =",
            "fenced =",
            "fenced =",
            "fenced =",
            "Removed -",
        ],
    ),
    (
        "stub",
        [
            "owned InFlight",
            "owned InFlight",
            "busy =",
            "mismatch =",
            "fenced =",
            "fenced =",
            "fenced =",
            "done =",
            "fenced =",
            "fenced =",
            "Removed -",
        ],
    ),
    (
        "completed",
        [
            "replay =",
            "replay =",
            "replay =",
            "mismatch =",
            "canonical =",
            "canonical =",
            "done =",
            "canonical =",
            "canonical =",
            "canonical =",
            "Removed -",
        ],
    ),
    (
        "tombstone",
        [
            "replay =",
            "replay =",
            "replay =",
            "mismatch =",
            "canonical =",
            "canonical =",
            "done =",
            "canonical =",
            "canonical =",
            "canonical =",
            "Removed -",
        ],
    ),
];

/// A record in a state, the ticket of its owner, and a time at which it is in that state.
fn state(name: &str) -> (Option<Record>, Ticket, Timestamp) {
    let mine = claim(1, 1);
    let decided = Record::claim(None, &mine, at(START));
    let ticket = owned(decided.answer).ticket;
    let record = written(decided.write).unwrap();
    let after = |step: Step| written(Record::step(Some(&record), &ticket, &step, EARLY).write);
    let (found, now) = match name {
        "absent" => (None, EARLY),
        "expired" => (Some(record), END),
        "in flight" => (Some(record), EARLY),
        "lease over" => (Some(record), LATE),
        "given up" => (after(Step::Abandon), EARLY),
        "stub" => (after(Step::Release { retain: RETAIN }), EARLY),
        "completed" => (after(Step::Complete { response: response("done"), retain: RETAIN }), EARLY),
        "tombstone" => (after(Step::Complete { response: tombstone(), retain: RETAIN }), EARLY),
        other => panic!("{other}"),
    };
    (found, ticket, now)
}

fn cell(found: Option<&Record>, ticket: &Ticket, now: Timestamp, column: &str) -> String {
    let asks = |claim: Claim| said(Record::claim(found, &claim, now), now, claimed);
    let steps = |step: Step| said(Record::step(found, ticket, &step, now), now, stepped);
    match column {
        "take over" => asks(claim(2, 1)),
        "refuse" => asks(Claim { when_abandoned: WhenAbandoned::Refuse, ..claim(2, 1) }),
        "again" => asks(claim(1, 1)),
        "payload" => asks(claim(2, 2)),
        "renew" => steps(Step::Renew { lease: LEASE, retain: RETAIN }),
        "checkpoint" => steps(Step::Checkpoint(Checkpoint::new(*b"half").unwrap())),
        "complete" => steps(Step::Complete { response: response("mine"), retain: RETAIN }),
        "release" => steps(Step::Release { retain: RETAIN }),
        "abandon" => steps(Step::Abandon),
        "stranger" => {
            let stranger = Ticket { owner: owner(9), ..*ticket };
            let step = Step::Complete { response: response("wrong"), retain: RETAIN };
            said(Record::step(found, &stranger, &step, now), now, stepped)
        }
        "invalidate" => {
            said(Record::invalidate(found, now), now, |answer: &Invalidated| format!("{answer:?}"))
        }
        other => panic!("{other}"),
    }
}

fn said<A>(decided: Decided<A>, now: Timestamp, word: impl Fn(&A) -> String) -> String {
    let phase = match decided.write {
        None => "=".to_owned(),
        Some(Write::Remove) => "-".to_owned(),
        Some(Write::Put(record)) => format!("{:?}", record.phase(now).unwrap()),
    };
    format!("{} {phase}", word(&decided.answer))
}

fn claimed(claimed: &Claimed) -> String {
    let word = match claimed {
        Claimed::Owned(_) => "owned",
        Claimed::InFlight { .. } => "busy",
        Claimed::Mismatch => "mismatch",
        Claimed::Completed(_) => "replay",
        Claimed::Abandoned { .. } => "unknown",
    };
    word.to_owned()
}

fn stepped(stepped: &Stepped) -> String {
    let word = match stepped {
        Stepped::Done => "done",
        Stepped::Fenced(Some(_)) => "canonical",
        Stepped::Fenced(None) => "fenced",
        Stepped::Gone => "gone",
        Stepped::StatusOnly => "status only",
    };
    word.to_owned()
}

#[test]
fn each_operation_does_in_each_state_what_the_table_says() {
    for (name, row) in TABLE {
        for (column, expected) in COLUMNS.iter().zip(row) {
            let (found, ticket, now) = state(name);
            assert_eq!(cell(found.as_ref(), &ticket, now, column), expected, "{name}: {column}");
        }
    }
}

#[test]
fn a_lease_and_a_retention_end_to_the_millisecond() {
    let record = in_flight(&claim(1, 1), at(START));
    for (now, phase) in [
        (at(START + 999), Some(Phase::InFlight)),
        (LATE, Some(Phase::Abandoned)),
        (at(START + 9_999), Some(Phase::Abandoned)),
        (END, None),
    ] {
        assert_eq!(record.phase(now), phase, "{now:?}");
    }
}

#[test]
fn an_epoch_begins_with_the_time_and_grows_with_each_attempt() {
    let first = in_flight(&claim(1, 1), at(START));
    assert_eq!((first.epoch, first.attempt), (START, 1));
    // At once, and later.
    let given_up = {
        let mut record = first.clone();
        assert!(record.disown(at(START)));
        record
    };
    let second = written(Record::claim(Some(&given_up), &claim(2, 1), at(START)).write).unwrap();
    assert_eq!((second.epoch, second.attempt, second.created_at), (START + 1, 2, at(START)));
    let third = written(Record::claim(Some(&second), &claim(3, 1), at(START + 5_000)).write).unwrap();
    assert_eq!((third.epoch, third.attempt), (START + 5_000, 3));
    // The clock went back: it grows all the same.
    let back = {
        let mut record = third;
        record.disown(at(10));
        record
    };
    let fourth = written(Record::claim(Some(&back), &claim(4, 1), at(10)).write).unwrap();
    assert_eq!(fourth.epoch, START + 5_001);
}

#[test]
fn a_clock_at_zero_gives_an_epoch_all_the_same() {
    assert_eq!(in_flight(&claim(1, 1), at(0)).epoch, 1);
}

#[test]
fn a_clock_that_went_back_holds_nobody_for_longer_than_a_lease() {
    let record = in_flight(&claim(1, 1), at(1_000_000));
    let now = at(400_000);
    let decided = Record::claim(Some(&record), &claim(2, 1), now);
    assert_eq!(decided.answer, Claimed::InFlight { remaining: LEASE });
    let mended = written(decided.write).expect("the lease is cut");
    assert_eq!(lease_until(&mended), now.after(LEASE));
    let decided = Record::claim(Some(&mended), &claim(2, 1), now.after(LEASE));
    assert_eq!(owned(decided.answer).attempt, 2);
}

#[test]
fn what_an_older_process_held_is_abandoned_at_once_when_it_is_disowned() {
    let mut record = in_flight(&claim(1, 1), at(START));
    assert!(record.disown(EARLY));
    assert!(!record.disown(EARLY), "once");
    assert_eq!(record.phase(EARLY), Some(Phase::Abandoned));
    let next = owned(Record::claim(Some(&record), &claim(2, 1), EARLY).answer);
    assert_eq!(next.attempt, 2);
    let (found, _, now) = state("completed");
    let mut completed = found.unwrap();
    assert!(!completed.disown(now), "what is done stays done");
}

#[test]
fn an_end_leaves_nothing_that_only_the_next_attempt_needs() {
    let mine = claim(1, 1);
    let decided = Record::claim(None, &mine, at(START));
    let ticket = owned(decided.answer).ticket;
    let step = |record: &Record, step: Step| {
        written(Record::step(Some(record), &ticket, &step, EARLY).write).unwrap()
    };
    let noted = step(&written(decided.write).unwrap(), Step::Checkpoint(Checkpoint::new(*b"half").unwrap()));
    let completed = step(&noted, Step::Complete { response: response("done"), retain: RETAIN });
    assert_eq!((completed.checkpoint, completed.owner), (None, Some(mine.owner)));
    let released = step(&noted, Step::Release { retain: RETAIN });
    assert_eq!((released.checkpoint.is_some(), released.owner), (true, Some(mine.owner)));
    let given_up = step(&noted, Step::Abandon);
    assert_eq!((given_up.checkpoint.is_some(), given_up.owner, lease_until(&given_up)), (true, None, EARLY));
    assert_eq!(given_up.expires_at, noted.expires_at);
}

#[test]
fn a_lease_of_nothing_is_a_millisecond_and_a_retention_never_ends_before_the_lease() {
    let none = Claim { lease: Duration::ZERO, retain: Duration::ZERO, ..claim(1, 1) };
    let record = in_flight(&none, at(START));
    assert_eq!(record.phase(at(START)), Some(Phase::InFlight));
    assert_eq!((lease_until(&record), record.expires_at), (at(START + 1), at(START + 1)));
    let endless = Claim { lease: Duration::MAX, retain: Duration::MAX, ..claim(1, 1) };
    let record = in_flight(&endless, at(START));
    assert_eq!(record.phase(at(u64::MAX - 1)), Some(Phase::Abandoned), "sums end, and do not wrap");
}

#[test]
fn a_part_of_a_millisecond_counts_as_a_whole_one() {
    let record = in_flight(&Claim { lease: Duration::from_nanos(1_000_001), ..claim(1, 1) }, at(START));
    assert_eq!(lease_until(&record), at(START + 2));
}
