use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::sample::Index;

use super::place::{CHAIN, Lines, OTHER, Place, sealed};
use crate::verify::{Kind, Verdict};

const RECORDS: usize = 20_000;

struct Large {
    place: Place,
    lines: Lines,
    others: Lines,
}

/// Made once; each case writes one of its files anew, and puts it back.
fn large() -> &'static Large {
    static LARGE: OnceLock<Large> = OnceLock::new();
    LARGE.get_or_init(|| {
        let event = |n: usize| format!("{{\"n\":{n}}}");
        let lines = sealed(CHAIN, (0..RECORDS).map(event));
        let others = sealed(OTHER, (0..RECORDS).map(event));
        Large { place: Place::signed(&lines, &[1, 5001, 10_001, 15_001], 1000), lines, others }
    })
}

#[derive(Clone, Debug)]
enum Change {
    Flip(Index, u8),
    Delete,
    Repeat,
    Swap(Index),
    Splice,
    /// The chain is computed anew from here on, with all its hashes right.
    Forge,
    Cut(Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), 1..=255u8).prop_map(|(at, bits)| Change::Flip(at, bits)),
        Just(Change::Delete),
        Just(Change::Repeat),
        any::<Index>().prop_map(Change::Swap),
        Just(Change::Splice),
        Just(Change::Forge),
        any::<Index>().prop_map(Change::Cut),
    ]
}

/// What becomes of the lines, and what must be found.
fn changed(large: &Large, at: usize, change: &Change) -> Option<(Lines, Verdict)> {
    let mut lines = large.lines.clone();
    let mut found = (Kind::SeqOrder, at + 1);
    match change {
        Change::Flip(byte, bits) => {
            let byte = byte.index(lines[at].len());
            lines[at][byte] ^= bits;
            found.0 = Kind::HashMismatch;
        }
        Change::Delete => drop(lines.remove(at)),
        Change::Repeat => {
            lines.insert(at, large.lines[at].clone());
            found.1 += 1;
        }
        Change::Swap(other) => {
            let other = other.index(RECORDS);
            lines.swap(at, other);
            found.1 = at.min(other) + 1;
            if at == other {
                return None;
            }
        }
        Change::Splice => {
            lines[at] = large.others[at].clone();
            found.0 = Kind::ChainId;
        }
        Change::Forge => {
            forge(&mut lines, at);
            found = (Kind::CheckpointMismatch, at / 1000 * 1000 + 1000);
        }
        Change::Cut(byte) => {
            let byte = byte.index(lines[at].len());
            lines.truncate(at + 1);
            lines[at].truncate(byte);
            let expected = RECORDS as u64;
            return Some((lines, Verdict::Truncated { expected, found: at as u64 }));
        }
    }
    let (kind, seq) = (found.0, found.1 as u64);
    Some((lines, Verdict::Tampered { kind, seq, file: None, line: None }))
}

fn forge(lines: &mut Lines, from: usize) {
    let line = |lines: &Lines, at: usize| crate::log::Line::parse(lines[at].trim_ascii_end()).unwrap().head();
    let mut head = if from == 0 { crate::log::Head::START } else { line(lines, from - 1) };
    for (at, line) in lines.iter_mut().enumerate().skip(from) {
        line.clear();
        let event = if at == from { "{\"forged\":true}".to_owned() } else { format!("{{\"n\":{at}}}") };
        head = crate::log::seal(CHAIN, head, event.as_bytes(), line);
    }
}

/// All in one file: where the border between two is, is tried elsewhere.
fn judged(large: &Large, lines: &Lines) -> Verdict {
    let place = Place::new(lines, &[1]);
    let evidence = large.place.evidence();
    std::fs::copy(large.place.dir().join("checkpoints.jsonl"), place.dir().join("checkpoints.jsonl"))
        .unwrap();
    place.verdict(&evidence)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 8, ..ProptestConfig::default() })]
    #[test]
    fn any_change_of_a_large_log_is_found_at_its_place(at in 0..RECORDS, change in change()) {
        let large = large();
        let Some((lines, expected)) = changed(large, at, &change) else { return Ok(()) };
        let verdict = judged(large, &lines);
        match (&verdict, expected) {
            // Which check finds a flipped bit depends on where it is.
            (Verdict::Tampered { seq, .. }, Verdict::Tampered { kind: Kind::HashMismatch, seq: due, .. }) => {
                prop_assert_eq!(*seq, due);
            }
            // The last line without its line feed.
            (Verdict::Truncated { found, .. }, Verdict::Tampered { .. }) => {
                prop_assert!(at + 1 == RECORDS && *found == at as u64, "{:?}", verdict);
            }
            (Verdict::Tampered { kind, seq, .. }, Verdict::Tampered { kind: due_kind, seq: due, .. }) => {
                prop_assert_eq!((*kind, *seq), (due_kind, due));
            }
            (_, expected) => prop_assert_eq!(&verdict, &expected),
        }
    }
}

#[test]
fn a_large_log_is_intact_before_it_is_changed() {
    let large = large();
    let report = large.place.report(&large.place.evidence());
    assert_eq!((report.verdict, report.records), (Verdict::Intact, RECORDS as u64));
    assert_eq!(report.checkpoints, 21);
}
