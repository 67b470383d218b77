use std::fs::{self, File};

use super::place::{CHAIN, OTHER, Place, sealed, small};
use crate::log::Head;
use crate::verify::{Evidence, Keys, Kind, Progress, Verdict, VerifyError, verify};

#[test]
fn a_log_that_an_anchor_covers_is_intact() {
    let lines = small(CHAIN, 20);
    let place = Place::signed(&lines, &[1, 8, 15, 21], 6);
    let report = place.report(&place.evidence());
    assert_eq!(report.verdict, Verdict::Intact);
    assert_eq!((report.records, report.first_seq, report.head.seq), (20, 1, 20));
    assert_eq!((report.checkpoints, report.signed_to, report.anchored_to), (5, 20, 20));
    assert_eq!((report.keys, report.in_use, report.chain), (Keys::Given, false, Some(CHAIN)));
}

#[test]
fn records_behind_the_anchor_are_counted() {
    let lines = small(CHAIN, 20);
    let place = Place::new(&lines, &[1, 8]);
    assert_eq!(place.bare(), Verdict::IntactUnanchoredTail { records: 20 });
    place.sign(&lines[..17], 1000);
    let report = place.report(&place.evidence());
    assert_eq!(report.verdict, Verdict::IntactUnanchoredTail { records: 3 });
    // Without the anchor, what is signed is known to be true, and the end of it is not.
    assert_eq!(place.verdict(&place.key()), Verdict::IntactUnanchoredTail { records: 20 });
    assert_eq!(place.report(&Evidence::new()).keys, Keys::Directory);
    assert_eq!(place.report(&Evidence::new()).signed_to, 17);
}

#[test]
fn an_empty_log_is_intact_unless_an_anchor_knows_better() {
    let lines = small(CHAIN, 5);
    let empty = Place::new(&[], &[]);
    assert_eq!(empty.bare(), Verdict::Intact);
    assert_eq!(empty.report(&Evidence::new()).head, Head::START);
    let begun = Place::new(&[], &[1]);
    assert_eq!(begun.bare(), Verdict::Intact);
    let full = Place::signed(&lines, &[1], 10);
    for place in [&empty, &begun] {
        assert_eq!(place.verdict(&full.evidence()), Verdict::Truncated { expected: 5, found: 0 });
    }
    // Not even the file that says that it is a log is left.
    fs::remove_dir_all(full.dir()).unwrap();
    fs::create_dir(full.dir()).unwrap();
    assert_eq!(full.verdict(&full.evidence()), Verdict::Truncated { expected: 5, found: 0 });
}

#[test]
fn what_is_no_log_gets_no_verdict() {
    let place = Place::new(&[], &[]);
    fs::remove_file(place.dir().join("format")).unwrap();
    let refused = verify(place.dir(), &Evidence::new(), |_| {}).unwrap_err();
    assert!(matches!(refused, VerifyError::NoLog { .. }), "{refused}");
    fs::write(place.dir().join("format"), "buttress-audit-log 2\n").unwrap();
    let refused = verify(place.dir(), &Evidence::new(), |_| {}).unwrap_err();
    assert!(matches!(refused, VerifyError::Directory(_)), "{refused}");
    let refused = verify("/nonexistent/log", &Evidence::new(), |_| {}).unwrap_err();
    assert!(matches!(refused, VerifyError::Unreadable(_)), "{refused}");
}

#[test]
fn half_a_line_at_the_end_is_torn_unless_somebody_is_writing_it() {
    let lines = small(CHAIN, 3);
    let place = Place::signed(&lines, &[1], 3);
    let half = &small(CHAIN, 4)[3][..40];
    place.write(1, [&lines.concat(), half].concat());
    let report = place.report(&place.evidence());
    assert_eq!((report.verdict, report.records, report.in_use), (Verdict::TornTail { bytes: 40 }, 3, false));
    let lock = File::create(place.dir().join("lock")).unwrap();
    assert_eq!(place.verdict(&place.evidence()), Verdict::TornTail { bytes: 40 });
    lock.lock().unwrap();
    let report = place.report(&place.evidence());
    assert_eq!((report.verdict, report.in_use), (Verdict::Intact, true));
}

#[test]
fn half_a_line_in_the_middle_is_no_torn_tail() {
    let lines = small(CHAIN, 6);
    let place = Place::new(&lines, &[1, 4]);
    place.write(1, [&place.bytes(1)[..], b"{\"event\":{"].concat());
    let file = Some("segment-00000000000000000001.jsonl".to_owned());
    assert_eq!(place.bare(), Verdict::Tampered { kind: Kind::BadLine, seq: 4, file, line: Some(4) });
}

#[test]
fn a_beginning_that_the_log_says_it_deleted_is_pruned() {
    let retention = r#"{"action":"AUDIT_RETENTION","category":"system","details":{"first":1,"last":4}}"#;
    let events = ["{}", "{}", "{}", "{}", "{}", "{}", retention, "{}"];
    let lines = sealed(CHAIN, events);
    let place = Place::signed(&lines, &[1, 5], 3);
    fs::remove_file(place.segment(1)).unwrap();
    let report = place.report(&place.evidence());
    assert_eq!(report.verdict, Verdict::Pruned { first_seq: 5, unanchored: 0 });
    assert_eq!((report.first_seq, report.records, report.checkpoints), (5, 4, 3));
    let without_anchor = place.verdict(&place.key());
    assert_eq!(without_anchor, Verdict::Pruned { first_seq: 5, unanchored: 8 });
    assert_eq!((without_anchor.exit_code(false), without_anchor.exit_code(true)), (0, 3));
    // It did not say that it deleted so many.
    let place = Place::signed(&lines, &[1, 6], 3);
    fs::remove_file(place.segment(1)).unwrap();
    let missing = Verdict::Tampered { kind: Kind::MissingSegment, seq: 1, file: None, line: None };
    assert_eq!(place.verdict(&place.evidence()), missing);
}

#[test]
fn the_records_of_a_pruned_log_are_those_that_were_signed() {
    let retention = r#"{"action":"AUDIT_RETENTION","details":{"last":6}}"#;
    let lines = sealed(CHAIN, ["{}", "{}", "{}", "{}", "{}", "{}", retention, "{}", "{}", "{}"]);
    let forged = sealed(CHAIN, ["1", "2", "3", "4", "5", "6"].map(|n| format!("{{\"n\":{n}}}")));
    // A checkpoint right before the first record that is left, and one some records behind it.
    for (every, seq) in [(3, 6), (4, 8)] {
        let place = Place::signed(&lines, &[1, 7], every);
        fs::remove_file(place.segment(1)).unwrap();
        assert!(matches!(place.verdict(&place.evidence()), Verdict::Pruned { first_seq: 7, .. }));
        let mut other = sealed(CHAIN, forged.iter().enumerate().map(|(n, _)| format!("{{\"n\":{n}}}")));
        let mut head = crate::log::Line::parse(other.pop().unwrap().trim_ascii_end()).unwrap().head();
        let mut rest = Vec::new();
        for event in [retention, "{}", "{}", "{}"] {
            head = crate::log::seal(CHAIN, head, event.as_bytes(), &mut rest);
        }
        place.write(7, rest);
        assert!(matches!(
            place.verdict(&place.evidence()),
            Verdict::Tampered { kind: Kind::CheckpointMismatch, seq: at, .. } if at == seq
        ));
    }
}

#[test]
fn progress_reaches_all_bytes() {
    let lines = small(CHAIN, 10);
    let place = Place::new(&lines, &[1, 5]);
    let mut last = None;
    verify(place.dir(), &Evidence::new(), |progress| last = Some(progress)).unwrap();
    let bytes = lines.concat().len() as u64;
    assert_eq!(last, Some(Progress { records: 10, bytes, of_bytes: bytes }));
}

#[test]
fn anchors_of_different_logs_are_refused() {
    let lines = small(CHAIN, 3);
    let place = Place::signed(&lines, &[1], 3);
    let text = fs::read_to_string(place.beside("anchor")).unwrap();
    let other = text.replace(&CHAIN.to_string(), &OTHER.to_string());
    fs::write(place.beside("other"), other).unwrap();
    let evidence = place.evidence().anchor_from(place.beside("other")).unwrap();
    let refused = verify(place.dir(), &evidence, |_| {}).unwrap_err();
    assert!(matches!(refused, VerifyError::AnchorsDiffer));
    // Alone it is the wrong anchor, or the wrong log.
    let evidence = Evidence::new().anchor_from(place.beside("other")).unwrap();
    assert!(matches!(place.verdict(&evidence), Verdict::Tampered { kind: Kind::ChainId, seq: 1, .. }));
}

#[test]
fn exit_codes_are_those_documented() {
    let tampered = Verdict::Tampered { kind: Kind::BadLine, seq: 1, file: None, line: None };
    let table = [
        (Verdict::Intact, 0, 0),
        (Verdict::IntactUnanchoredTail { records: 1 }, 0, 3),
        (tampered, 2, 2),
        (Verdict::Truncated { expected: 2, found: 1 }, 3, 3),
        (Verdict::TornTail { bytes: 1 }, 4, 4),
        (Verdict::Pruned { first_seq: 2, unanchored: 0 }, 0, 0),
        (Verdict::Pruned { first_seq: 2, unanchored: 1 }, 0, 3),
    ];
    for (verdict, code, code_if_required) in table {
        assert_eq!(
            (verdict.exit_code(false), verdict.exit_code(true)),
            (code, code_if_required),
            "{verdict:?}"
        );
    }
}

#[test]
fn a_report_is_one_json_object() {
    let lines = small(CHAIN, 4);
    let place = Place::new(&lines, &[1]);
    place.write(1, [&lines[..2].concat(), &b"{}\n"[..]].concat());
    let report: serde_json::Value = serde_json::from_str(&place.report(&Evidence::new()).to_json()).unwrap();
    let expected = serde_json::json!({
        "verdict": "tampered", "kind": "bad_line", "seq": 3,
        "file": "segment-00000000000000000001.jsonl", "line": 3,
        "chain": CHAIN.to_string(), "first_seq": 1, "records": 2,
        "head": { "seq": 2, "hash": place.report(&Evidence::new()).head.hash_text() },
        "checkpoints": 0, "signed_to": 0, "anchored_to": 0, "unanchored": 2, "keys": "none",
        "made_anew": [], "in_use": false,
    });
    assert_eq!(report, expected);
}
