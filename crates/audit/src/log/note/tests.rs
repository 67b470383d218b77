use proptest::prelude::*;

use super::*;
use crate::log::merkle::leaf;

fn checkpoint(size: u64) -> Checkpoint {
    let mut tree = Tree::EMPTY;
    for n in 0..size {
        tree.push(leaf(&n.to_be_bytes()));
    }
    Checkpoint::new(ChainId::from_bytes([7; 16]), Head { seq: size, hash: [0xab; 32] }, tree)
}

fn key() -> SigningKey {
    SigningKey::generate("test").unwrap()
}

#[test]
fn a_note_is_read_as_it_was_written() {
    let key = key();
    for size in [1, 2, 3, 7, 8, 1000] {
        let note = Note::sign(checkpoint(size), &key);
        assert_eq!(Note::parse(note.as_str()).as_ref(), Ok(&note));
        assert!(note.is_signed(&[key.verifying_key().clone()]));
        assert_eq!(note.checkpoint().size(), size);
    }
}

/// Written by `vectors/checkpoint.py`, which shares nothing with this crate.
const VECTOR: &str = include_str!("../../../vectors/checkpoint.note");
const VECTOR_KEY: &str = include_str!("../../../vectors/checkpoint.pub");
const LINES: &str = include_str!("../../../vectors/chain.jsonl");

#[test]
fn a_note_of_an_independent_program_is_true_and_the_same_as_ours() {
    let note = Note::parse(VECTOR).unwrap();
    let public: VerifyingKey = VECTOR_KEY.trim_end().parse().unwrap();
    assert!(note.is_signed(std::slice::from_ref(&public)));
    let (mut tree, mut last) = (Tree::EMPTY, None);
    for text in LINES.lines().take(3) {
        tree.push(leaf(text.as_bytes()));
        last = Some(crate::log::Line::parse(text.as_bytes()).unwrap());
    }
    let last = last.unwrap();
    let ours = Checkpoint::new(last.chain, last.head(), tree);
    assert_eq!(note.checkpoint(), &ours);
    let seed: [u8; 32] = (0..32).collect::<Vec<u8>>().try_into().unwrap();
    let key = SigningKey::from_seed("example", &seed).unwrap();
    assert_eq!(Note::sign(ours, &key).as_str(), VECTOR);
}

#[test]
fn the_form_is_that_of_the_standard() {
    let note = Note::sign(checkpoint(2), &key());
    let lines: Vec<_> = note.as_str().lines().collect();
    assert_eq!(lines[0], "buttress-audit/07070707070707070707070707070707");
    assert_eq!(lines[1], "2");
    assert_eq!(STANDARD.decode(lines[2]).unwrap(), note.checkpoint().root());
    assert_eq!(lines[3], format!("head {}", "ab".repeat(32)));
    assert!(lines[4].starts_with("subtrees ") && lines[5].is_empty());
    assert!(lines[6].starts_with("\u{2014} test "));
    assert_eq!(lines.len(), 7);
}

#[test]
fn every_byte_of_the_text_is_signed_and_every_byte_of_the_signature_counts() {
    let key = key();
    let keys = [key.verifying_key().clone()];
    let note = Note::sign(checkpoint(5), &key);
    for at in 0..note.as_str().len() {
        for flip in [0x01, 0x20] {
            let mut bytes = note.as_str().as_bytes().to_vec();
            bytes[at] ^= flip;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            let is_taken = Note::parse(&text).is_ok_and(|note| note.is_signed(&keys));
            assert!(!is_taken, "byte {at}: {text}");
        }
    }
    for end in 0..note.as_str().len() {
        if let Some(cut) = note.as_str().get(..end) {
            assert_eq!(Note::parse(cut), Err(BadNote), "{cut}");
        }
    }
}

#[test]
fn one_known_signature_is_needed_and_a_false_one_spoils_it() {
    let (ours, theirs) = (key(), SigningKey::generate("witness").unwrap());
    let note = Note::sign(checkpoint(3), &ours);
    let witnessed =
        format!("{}{}", note.as_str(), Note::sign(checkpoint(3), &theirs).as_str().lines().last().unwrap());
    let witnessed = Note::parse(&format!("{witnessed}\n")).unwrap();
    let false_one = Note::sign(checkpoint(4), &theirs);
    let spoilt = format!("{}{}\n", note.as_str(), false_one.as_str().lines().last().unwrap());
    let spoilt = Note::parse(&spoilt).unwrap();
    let [ours, theirs] = [ours, theirs].map(|key| key.verifying_key().clone());
    assert!(witnessed.is_signed(std::slice::from_ref(&ours)));
    assert!(witnessed.is_signed(&[ours.clone(), theirs.clone()]));
    assert!(!witnessed.is_signed(&[]));
    assert!(!note.is_signed(std::slice::from_ref(&theirs)));
    assert!(spoilt.is_signed(std::slice::from_ref(&ours)));
    assert!(!spoilt.is_signed(&[ours, theirs]));
}

#[test]
fn a_checkpoint_has_one_form() {
    let good = Note::sign(checkpoint(3), &key());
    let swapped = |from: &str, to: &str| {
        assert!(good.as_str().contains(from), "{from}");
        good.as_str().replacen(from, to, 1)
    };
    let bad = [
        String::new(),
        format!("{}\n", good.as_str()),
        format!("\n{}", good.as_str()),
        good.as_str().replace('\n', "\r\n"),
        swapped("\n3\n", "\n03\n"),
        swapped("\n3\n", "\n+3\n"),
        swapped("\n3\n", "\n4\n"),
        swapped("\n3\n", "\n7\n"),
        swapped("\n3\n", "\n0\n"),
        swapped("abab", "ABAB"),
        swapped("head ", "Head "),
        swapped("\n\n", "\nmore 1\n\n"),
        swapped("buttress-audit/", "other/"),
        swapped("\u{2014} ", "- "),
        swapped("\u{2014} test ", ""),
    ];
    for text in bad {
        assert_eq!(Note::parse(&text), Err(BadNote), "{text}");
    }
}

#[test]
fn sizes_at_the_end_of_the_numbers_are_read_without_panic() {
    let tree = Tree::resume(u64::MAX, vec![[1; 32]; 64]).unwrap();
    let head = Head { seq: u64::MAX, hash: [2; 32] };
    let note = Note::sign(Checkpoint::new(ChainId::from_bytes([7; 16]), head, tree), &key());
    let mut tree = Note::parse(note.as_str()).unwrap().checkpoint().tree().clone();
    tree.push([3; 32]);
    assert_eq!(head.next_seq(), u64::MAX);
}

proptest! {
    #[test]
    fn any_text_is_a_note_or_is_refused(
        text in "\\PC{0,200}", at in any::<prop::sample::Index>(), with in any::<char>(), cut in any::<bool>(),
    ) {
        prop_assert_eq!(Note::parse(&text), Err(BadNote));
        // One sign of a note exchanged, or everything behind it gone.
        let mut signs: Vec<_> = VECTOR.chars().collect();
        let at = at.index(signs.len());
        signs[at] = with;
        if cut {
            signs.truncate(at + 1);
        }
        let text: String = signs.into_iter().collect();
        let public: VerifyingKey = VECTOR_KEY.trim_end().parse().unwrap();
        let is_taken = Note::parse(&text).is_ok_and(|note| note.is_signed(&[public]));
        prop_assert_eq!(is_taken, text == VECTOR);
    }
}
