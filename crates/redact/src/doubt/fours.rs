//! Short texts, looked at byte by byte: that takes less than a block of 64 bytes and a search do.

use std::collections::BTreeMap;

use super::piece::{MASK, leaves_doubt_anyway};
use crate::scan::Literal;

/// What leaves a doubt in a text without telling names, by up to four bytes of it in a row.
///
/// A text in which a name tells has a sign of assignment in it, and signs leave a doubt here whatever stands before them.
/// The bytes are matched all at once, in the way of Baeza-Yates and Gonnet ("shift-and").
#[derive(Debug)]
pub(super) struct Fours {
    /// For each byte the kinds that it may be the first, second, third and fourth byte of, sixteen bits each.
    fits: Box<[u64; 256]>,
    /// What was seen before a text begins.
    begun: u64,
}

/// What there is in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Nothing,
    /// Four digits in a row, and nothing else.
    Digits,
    /// The front of a fixed text, or a byte that leaves a doubt by itself; perhaps a mixture of such fronts.
    More,
}

const KINDS: usize = 16;
/// Every kind may begin at each byte.
const ENTER: u64 = (1 << KINDS) - 1;
const SIGNS: usize = 0;
const DIGITS: usize = 1;
const FIRST_FRONT: usize = 2;

impl Fours {
    pub(super) fn none() -> Self {
        Self { fits: Box::new([0; 256]), begun: 0 }
    }

    pub(super) fn of(texts: &[(Vec<u8>, Literal)]) -> Self {
        let mut fours = Self::none();
        fours.mind(SIGNS, &[b":=<@\\%"]);
        fours.mind(DIGITS, &[&b"0123456789"[..]; 4]);
        let texts =
            texts.iter().filter(|(_, literal)| !leaves_doubt_anyway(literal)).map(|(text, _)| &text[..]);
        // Fronts that are alike become of one kind, so that few other texts are made of parts of them.
        let mut fronts: BTreeMap<(usize, &[u8]), Vec<u8>> = BTreeMap::new();
        for text in texts.chain([MASK]) {
            if let [front @ .., last] = &text[..text.len().min(4)] {
                fronts.entry((front.len(), front)).or_default().push(*last);
            }
        }
        for (number, ((_, front), lasts)) in fronts.iter().enumerate() {
            let row: Vec<&[u8]> = front.chunks(1).chain([&lasts[..]]).collect();
            fours.mind(FIRST_FRONT + number * (KINDS - FIRST_FRONT) / fronts.len(), &row);
        }
        fours.begun = (0..3).fold(0, |state, _| fours.next(state, 0));
        fours
    }

    /// Minds bytes in a row, each of them one of some, as texts of a kind.
    fn mind(&mut self, kind: usize, row: &[&[u8]]) {
        let any = 4 - row.len();
        for place in 0..4 {
            for (byte, fits) in (0..=u8::MAX).zip(self.fits.iter_mut()) {
                let is_fit = place < any || row[place - any].contains(&byte);
                *fits |= u64::from(is_fit) << (KINDS * place + kind);
            }
        }
    }

    #[inline]
    fn next(&self, state: u64, byte: u8) -> u64 {
        (state << KINDS | ENTER) & self.fits[usize::from(byte)]
    }

    /// What there is in a text.
    pub(super) fn seen(&self, text: &[u8]) -> Seen {
        let (mut state, mut seen) = (self.begun, 0);
        let (eights, rest) = text.as_chunks::<8>();
        for eight in eights {
            for byte in eight {
                state = self.next(state, *byte);
                seen |= state;
            }
        }
        for byte in rest {
            state = self.next(state, *byte);
            seen |= state;
        }
        match seen >> (3 * KINDS) {
            0 => Seen::Nothing,
            kinds if kinds == 1 << DIGITS => Seen::Digits,
            _ => Seen::More,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::literals;

    #[test]
    fn every_fixed_text_is_seen_wherever_it_stands() {
        let mut texts = literals(|_| true);
        let fours = Fours::of(&texts);
        texts.push((MASK.to_vec(), Literal::Known));
        for (text, _) in texts {
            for (front, back) in (0..20).flat_map(|front| (0..9).map(move |back| (front, back))) {
                let padded = [&b"x".repeat(front)[..], &text, &b"x".repeat(back)].concat();
                assert_eq!(fours.seen(&padded), Seen::More, "{:?}", String::from_utf8_lossy(&padded));
            }
        }
    }

    #[test]
    fn signs_are_seen_and_four_digits_are_told_apart() {
        let fours = Fours::of(&literals(|_| true));
        for (text, seen) in [
            ("", Seen::Nothing),
            ("/api/v1/devices/17ab", Seen::Nothing),
            ("could not open the file, it is gone", Seen::Nothing),
            ("request_id", Seen::Nothing),
            ("p_w 123 x 456", Seen::Nothing),
            ("/api/v1/devices/2026", Seen::Digits),
            ("2f8f1a3e-9c1d-4559-8d0f-0a4f7a1f7b11", Seen::Digits),
            ("2026 sk-x", Seen::More),
            ("a:2026", Seen::More),
        ] {
            assert_eq!(fours.seen(text.as_bytes()), seen, "{text}");
        }
        for sign in ":=<@\\%".chars() {
            assert_eq!(fours.seen(format!("x {sign}").as_bytes()), Seen::More, "{sign}");
        }
    }
}
