use std::fs;

use super::place::{CHAIN, OTHER, Place, small};
use crate::verify::{Evidence, Kind, Verdict};

const RECORDS: usize = 20;

/// Which record the byte at each place belongs to.
fn owners(lines: &[Vec<u8>]) -> Vec<u64> {
    lines.iter().zip(1..).flat_map(|(line, seq)| vec![seq; line.len()]).collect()
}

fn tampered(verdict: &Verdict) -> Option<(Kind, u64)> {
    match verdict {
        Verdict::Tampered { kind, seq, .. } => Some((*kind, *seq)),
        _ => None,
    }
}

#[test]
fn every_changed_byte_is_found_in_the_record_it_belongs_to() {
    let lines = small(CHAIN, RECORDS);
    let place = Place::new(&lines, &[1]);
    let bytes = lines.concat();
    for (at, owner) in owners(&lines).into_iter().enumerate() {
        let byte = bytes[at];
        for changed in [byte ^ 0x01, byte ^ 0x80, b'\n'] {
            place.poke(1, at, changed);
            let verdict = place.bare();
            if changed == byte {
                assert_eq!(verdict, Verdict::IntactUnanchoredTail { records: 20 });
            } else if at == bytes.len() - 1 {
                assert!(matches!(verdict, Verdict::TornTail { .. }), "{verdict:?}");
            } else {
                assert_eq!(tampered(&verdict).map(|(_, seq)| seq), Some(owner), "byte {at}: {verdict:?}");
            }
        }
        place.poke(1, at, byte);
    }
}

#[test]
fn an_edit_anywhere_in_a_record_is_named_by_what_it_breaks() {
    let lines = small(CHAIN, RECORDS);
    let place = Place::new(&lines, &[1]);
    for seq in 1..=RECORDS {
        let line = String::from_utf8(lines[seq - 1].clone()).unwrap();
        let chain = line.rfind("\"chain\"").unwrap();
        let edited = |from: &str, to: &str| {
            let (event, chain) = line.split_at(chain);
            format!("{event}{}", chain.replacen(from, to, 1))
        };
        let digit_after = |name: &str| {
            let at = chain + line[chain..].find(name).unwrap() + name.len();
            let digit = if line.as_bytes()[at] == b'0' { "1" } else { "0" };
            format!("{}{digit}{}", &line[..at], &line[at + 1..])
        };
        let table = [
            (line.replacen("{\"event\":{", "{\"event\":{\"x\":1,", 1), Kind::HashMismatch),
            (edited(&format!("\"seq\":{seq},"), &format!("\"seq\":{},", seq + 1)), Kind::SeqOrder),
            (digit_after("\"prev\":\""), Kind::PrevMismatch),
            (digit_after("\"hash\":\""), Kind::HashMismatch),
            (edited("sha256", "sha512"), Kind::BadLine),
            (line.replacen("{\"event\":", "{\"event\": ", 1), Kind::BadLine),
            (line.replace('\n', "\r\n"), Kind::BadLine),
            (line.replace('\n', "\n\n"), Kind::BadLine),
            (edited(&CHAIN.to_string(), &OTHER.to_string()), Kind::ChainId),
        ];
        for (edit, kind) in table {
            let mut changed = lines.clone();
            changed[seq - 1] = edit.clone().into_bytes();
            place.write(1, changed.concat());
            let found = tampered(&place.bare()).unwrap();
            // An empty line is found behind the record; the first record says which log it is.
            let due = if edit.ends_with("\n\n") { seq + 1 } else { seq };
            let kind = if seq == 1 && kind == Kind::ChainId { Kind::HashMismatch } else { kind };
            assert_eq!(found, (kind, due as u64), "{edit}");
        }
    }
}

#[test]
fn every_deleted_repeated_and_swapped_record_is_found() {
    let lines = small(CHAIN, RECORDS);
    let place = Place::signed(&lines, &[1], RECORDS as u64);
    let evidence = place.evidence();
    let judge = |changed: &[Vec<u8>]| {
        place.write(1, changed.concat());
        place.verdict(&evidence)
    };
    for at in 0..RECORDS {
        let mut without = lines.clone();
        without.remove(at);
        let verdict = judge(&without);
        match at {
            19 => assert_eq!(verdict, Verdict::Truncated { expected: 20, found: 19 }),
            _ => assert_eq!(tampered(&verdict), Some((Kind::SeqOrder, at as u64 + 1))),
        }
        let mut twice = lines.clone();
        twice.insert(at, lines[at].clone());
        assert_eq!(tampered(&judge(&twice)), Some((Kind::SeqOrder, at as u64 + 2)));
        for other in at + 1..RECORDS {
            let mut swapped = lines.clone();
            swapped.swap(at, other);
            assert_eq!(tampered(&judge(&swapped)), Some((Kind::SeqOrder, at as u64 + 1)));
        }
    }
}

#[test]
fn a_log_cut_at_any_byte_is_truncated_for_whoever_has_the_anchor() {
    let lines = small(CHAIN, RECORDS);
    let place = Place::signed(&lines, &[1], RECORDS as u64);
    let bytes = lines.concat();
    for name in ["checkpoints.jsonl", "key.pub"] {
        fs::remove_file(place.dir().join(name)).unwrap();
    }
    // Signatures are slow to check and tried elsewhere.
    let anchored = Evidence::new().anchor_from(place.beside("anchor")).unwrap();
    let owners = owners(&lines);
    for end in 0..bytes.len() {
        place.write(1, &bytes[..end]);
        let found = owners[end] - 1;
        assert_eq!(place.verdict(&anchored), Verdict::Truncated { expected: 20, found }, "{end}");
        // A chain alone shows half a line, and nothing where a whole one is the last.
        let half = end - lines[..usize::try_from(found).unwrap()].concat().len();
        let bare = match (half, found) {
            (0, 0) => Verdict::Intact,
            (0, records) => Verdict::IntactUnanchoredTail { records },
            (half, _) => Verdict::TornTail { bytes: half as u64 },
        };
        assert_eq!(place.bare(), bare, "{end}");
    }
}

#[test]
fn a_record_of_another_log_is_found_wherever_it_is_put() {
    let (lines, others) = (small(CHAIN, RECORDS), small(OTHER, RECORDS + 1));
    let place = Place::signed(&lines, &[1], RECORDS as u64);
    let evidence = place.evidence();
    for (at, other) in others.iter().enumerate() {
        let mut spliced = lines.clone();
        spliced.insert(at, other.clone());
        place.write(1, spliced.concat());
        let verdict = place.verdict(&evidence);
        assert_eq!(tampered(&verdict), Some((Kind::ChainId, at as u64 + 1)), "{verdict:?}");
        if at < RECORDS {
            spliced.remove(at + 1);
            place.write(1, spliced.concat());
            assert_eq!(tampered(&place.verdict(&evidence)), Some((Kind::ChainId, at as u64 + 1)));
        }
    }
    // All of it: without an anchor it is simply another log.
    place.write(1, others.concat());
    assert_eq!(tampered(&place.verdict(&evidence)), Some((Kind::ChainId, 1)));
}

#[test]
fn whole_files_that_are_missing_foreign_or_misnamed_are_found() {
    let lines = small(CHAIN, RECORDS);
    let fresh = || Place::signed(&lines, &[1, 8, 15], RECORDS as u64);
    let missing = |seq: u64| Some((Kind::MissingSegment, seq));
    for (first, expected) in [(1, missing(1)), (8, missing(8)), (15, None)] {
        let place = fresh();
        fs::remove_file(place.segment(first)).unwrap();
        let verdict = place.verdict(&place.evidence());
        assert_eq!(tampered(&verdict), expected, "{verdict:?}");
        if first == 15 {
            assert_eq!(verdict, Verdict::Truncated { expected: 20, found: 14 });
        }
    }
    let swapped = fresh();
    let (second, third) = (swapped.bytes(8), swapped.bytes(15));
    swapped.write(8, third);
    swapped.write(15, second);
    assert_eq!(tampered(&swapped.bare()), Some((Kind::SeqOrder, 8)));
    let renamed = fresh();
    fs::rename(renamed.segment(15), renamed.segment(16)).unwrap();
    assert_eq!(tampered(&renamed.bare()), missing(15));
    let inserted = fresh();
    inserted.write(5, inserted.bytes(8));
    assert_eq!(tampered(&inserted.bare()), Some((Kind::SeqOrder, 8)));
    let emptied = fresh();
    emptied.write(8, b"");
    assert_eq!(tampered(&emptied.bare()), missing(8));
    let foreign = fresh();
    let others = Place::new(&small(OTHER, RECORDS), &[1, 8, 15]);
    foreign.write(8, others.bytes(8));
    assert_eq!(tampered(&foreign.bare()), Some((Kind::ChainId, 8)));
}

#[test]
fn the_first_of_several_changes_is_the_one_that_is_named() {
    let lines = small(CHAIN, RECORDS);
    let place = Place::new(&lines, &[1]);
    let mut changed = lines.clone();
    changed[4] = String::from_utf8(lines[4].clone()).unwrap().replace("\"n\":[", "\"m\":[").into_bytes();
    changed.remove(9);
    changed[15] = b"{}\n".to_vec();
    place.write(1, changed.concat());
    let file = Some("segment-00000000000000000001.jsonl".to_owned());
    assert_eq!(
        place.verdict(&Evidence::new()),
        Verdict::Tampered { kind: Kind::HashMismatch, seq: 5, file, line: Some(5) }
    );
}
