use std::fs;

use super::place::{CHAIN, Place, sealed, small};
use crate::log::{Checkpoint, Line, NOTES, Note, SigningKey, Tree, VerifyingKey, leaf};
use crate::verify::{Evidence, Keys, Kind, Verdict};

fn tampered(verdict: &Verdict) -> Option<(Kind, u64)> {
    match verdict {
        Verdict::Tampered { kind, seq, .. } => Some((*kind, *seq)),
        _ => None,
    }
}

fn events(changed: usize) -> impl Iterator<Item = String> {
    (1..=20).map(move |n| format!("{{\"n\":\"{}\"}}", if n == changed { 'x' } else { 'o' }))
}

#[test]
fn a_past_that_was_written_anew_is_found_by_the_next_checkpoint() {
    let lines = sealed(CHAIN, events(0));
    let place = Place::signed(&lines, &[1], 6);
    for changed in 1..=20 {
        let forged = sealed(CHAIN, events(changed));
        assert_eq!(forged.concat().len(), lines.concat().len());
        place.write(1, forged.concat());
        let first_covering = (changed as u64).div_ceil(6).saturating_mul(6).min(20);
        let verdict = place.verdict(&place.key());
        assert_eq!(tampered(&verdict), Some((Kind::CheckpointMismatch, first_covering)), "{verdict:?}");
        assert!(matches!(&verdict, Verdict::Tampered { file: Some(file), .. } if file == NOTES));
    }
    // Whoever can write there takes the checkpoints away too: then the anchor tells.
    fs::remove_file(place.dir().join(NOTES)).unwrap();
    for changed in 1..=20 {
        place.write(1, sealed(CHAIN, events(changed)).concat());
        let verdict = place.verdict(&place.evidence());
        let expected = Verdict::Tampered { kind: Kind::CheckpointMismatch, seq: 20, file: None, line: None };
        assert_eq!(verdict, expected);
        // This is what a bare chain cannot see.
        assert_eq!(place.verdict(&place.key()), Verdict::IntactUnanchoredTail { records: 20 });
    }
}

#[test]
fn a_past_that_was_written_anew_behind_the_last_checkpoint_is_not_covered() {
    let lines = sealed(CHAIN, events(0));
    let place = Place::new(&lines, &[1]);
    place.sign(&lines[..15], 100);
    place.write(1, sealed(CHAIN, events(16)).concat());
    assert_eq!(place.verdict(&place.evidence()), Verdict::IntactUnanchoredTail { records: 5 });
    place.write(1, sealed(CHAIN, events(15)).concat());
    assert_eq!(tampered(&place.verdict(&place.evidence())), Some((Kind::CheckpointMismatch, 15)));
}

#[test]
fn signatures_of_a_key_that_nobody_gave_are_refused() {
    let lines = sealed(CHAIN, events(0));
    let place = Place::signed(&lines, &[1], 6);
    let original = place.evidence();
    // A whole log of somebody else's making: their key, their checkpoints, their key beside the log.
    for name in [NOTES, "key.pub"] {
        fs::remove_file(place.dir().join(name)).unwrap();
    }
    fs::remove_file(place.beside("signing.key")).unwrap();
    fs::remove_file(place.beside("anchor")).unwrap();
    let forged = sealed(CHAIN, events(3));
    place.write(1, forged.concat());
    place.sign(&forged, 6);
    assert_eq!(place.verdict(&place.evidence()), Verdict::Intact, "the forgery is not a good one");
    assert_eq!(place.report(&Evidence::new()).keys, Keys::Directory);
    assert_eq!(tampered(&place.verdict(&original)), Some((Kind::CheckpointSignature, 6)));
}

#[test]
fn any_change_of_the_checkpoints_is_found() {
    let lines = small(CHAIN, 1);
    let place = Place::signed(&lines, &[1], 1);
    let path = place.dir().join(NOTES);
    let bytes = fs::read(&path).unwrap();
    let evidence = place.key();
    for at in 0..bytes.len() - 1 {
        let mut changed = bytes.clone();
        changed[at] ^= 0x01;
        fs::write(&path, &changed).unwrap();
        let verdict = place.verdict(&evidence);
        let found = tampered(&verdict).map(|(kind, _)| kind);
        assert_eq!(found, Some(Kind::CheckpointSignature), "byte {at}: {verdict:?}");
    }
    // Half a checkpoint at the end proves nothing, and is what a stopped machine leaves.
    for end in 0..bytes.len() {
        fs::write(&path, &bytes[..end]).unwrap();
        let verdict = place.verdict(&evidence);
        assert_eq!(verdict, Verdict::IntactUnanchoredTail { records: 1 }, "{end}");
    }
}

#[test]
fn checkpoints_out_of_order_are_found() {
    let lines = small(CHAIN, 9);
    let place = Place::signed(&lines, &[1], 3);
    let path = place.dir().join(NOTES);
    let text = fs::read_to_string(&path).unwrap();
    let mut notes: Vec<_> = text.lines().collect();
    notes.swap(0, 1);
    fs::write(&path, notes.join("\n") + "\n").unwrap();
    assert_eq!(tampered(&place.verdict(&place.evidence())), Some((Kind::CheckpointMismatch, 3)));
    // The same one twice says the same.
    notes.swap(0, 1);
    notes.insert(1, notes[0]);
    fs::write(&path, notes.join("\n") + "\n").unwrap();
    assert_eq!(place.verdict(&place.evidence()), Verdict::Intact);
}

#[test]
fn checkpoints_in_the_directory_show_a_cut_that_left_them() {
    let lines = small(CHAIN, 9);
    let place = Place::signed(&lines, &[1], 3);
    place.write(1, lines[..7].concat());
    assert_eq!(place.verdict(&place.key()), Verdict::Truncated { expected: 9, found: 7 });
    // One beyond the end that is not signed is no proof of a cut, but of a forgery.
    let evidence = Evidence::new().key(SigningKey::generate("other").unwrap().verifying_key().clone());
    assert_eq!(tampered(&place.verdict(&evidence)), Some((Kind::CheckpointSignature, 3)));
}

#[test]
fn without_any_key_checkpoints_are_still_compared() {
    let lines = sealed(CHAIN, events(0));
    let place = Place::signed(&lines, &[1], 6);
    fs::remove_file(place.dir().join("key.pub")).unwrap();
    assert_eq!(place.report(&Evidence::new()).keys, Keys::None);
    place.write(1, sealed(CHAIN, events(2)).concat());
    assert_eq!(tampered(&place.bare()), Some((Kind::CheckpointMismatch, 6)));
}

#[test]
fn an_anchor_may_have_kept_every_note() {
    let lines = sealed(CHAIN, events(0));
    let place = Place::signed(&lines, &[1], 6);
    fs::rename(place.dir().join(NOTES), place.beside("notes")).unwrap();
    let evidence = place.key().anchor_from(place.beside("notes")).unwrap();
    assert_eq!(place.report(&evidence).checkpoints, 4);
    assert_eq!(place.verdict(&evidence), Verdict::Intact);
    place.write(1, sealed(CHAIN, events(7)).concat());
    assert_eq!(tampered(&place.verdict(&evidence)), Some((Kind::CheckpointMismatch, 12)));
    for text in ["", "hello", "{}", "{\"note\":\"\"}"] {
        fs::write(place.beside("notes"), text).unwrap();
        assert!(Evidence::new().anchor_from(place.beside("notes")).is_err(), "{text}");
    }
}

#[test]
fn a_log_signed_by_two_keys_needs_both() {
    let lines = sealed(CHAIN, events(0));
    let place = Place::signed(&lines, &[1], 10);
    let old = VerifyingKey::load_all(place.beside("key.pub")).unwrap().remove(0);
    let new = SigningKey::generate("new").unwrap();
    let path = place.dir().join(NOTES);
    let text = fs::read_to_string(&path).unwrap();
    let last = crate::log::NoteLine::parse(text.lines().last().unwrap().as_bytes()).unwrap();
    let resigned = Note::sign(last.checkpoint().clone(), &new);
    let resigned = serde_json::json!({ "note": resigned.as_str() });
    fs::write(&path, format!("{}\n{resigned}\n", text.lines().next().unwrap())).unwrap();
    let new = new.verifying_key().clone();
    let judged = |keys: &[&VerifyingKey]| {
        let evidence = keys.iter().fold(Evidence::new(), |evidence, key| evidence.key((*key).clone()));
        tampered(&place.verdict(&evidence))
    };
    assert_eq!(judged(&[&old, &new]), None);
    assert_eq!(judged(&[&old]), Some((Kind::CheckpointSignature, 20)));
    assert_eq!(judged(&[&new]), Some((Kind::CheckpointSignature, 10)));
}

#[test]
fn a_checkpoint_must_agree_in_its_tree_and_in_its_head() {
    let lines = sealed(CHAIN, events(0));
    let place = Place::new(&lines, &[1]);
    let key = SigningKey::generate("test").unwrap();
    let tree = |lines: &[Vec<u8>]| {
        let mut tree = Tree::EMPTY;
        for line in lines {
            tree.push(leaf(line.trim_ascii_end()));
        }
        tree
    };
    let head = |lines: &[Vec<u8>]| Line::parse(lines[9].trim_ascii_end()).unwrap().head();
    let others = sealed(CHAIN, events(2));
    let table = [(&lines, &lines, None), (&lines, &others, Some(10)), (&others, &lines, Some(10))];
    for (leaves, last, expected) in table {
        let checkpoint = Checkpoint::new(CHAIN, head(last), tree(&leaves[..10]));
        let evidence = Evidence::new().key(key.verifying_key().clone()).anchor(Note::sign(checkpoint, &key));
        let expected = expected.map(|seq| (Kind::CheckpointMismatch, seq));
        assert_eq!(tampered(&place.verdict(&evidence)), expected);
    }
}
