//! Places where there may be something to hide. Most inputs have none, and to prove that takes a fraction of what it
//! takes to look.
//!
//! Whatever a detector or a name would hide leaves a doubt behind: in the string it stands in, or at the colon behind
//! its name. A doubt too many costs a look; the property that there is none too few is tested over everything the rules
//! know. Nothing else depends on what is in here.

mod block;
mod depth;
mod fours;
mod name;
mod number;
mod piece;
#[cfg(test)]
mod tests;
mod word;

pub(crate) use self::block::{LEN, bits_of, padded};
pub(crate) use self::depth::is_at_most;

use self::block::Bits;
use self::fours::{Fours, Seen};
use self::piece::Pieces;
use self::word::Words;
use crate::detector::{Detector, Detectors};
use crate::effort;
use crate::name::Names;
use crate::rules::Rules;
use crate::scan::literals;

/// What leaves a doubt, by the rules of one redactor.
#[derive(Debug)]
pub(crate) struct Suspicion {
    /// Whether something is looked for that leaves no trace of its own.
    everywhere: bool,
    /// Whether numbers of any form are looked for.
    all_numbers: bool,
    words: Words,
    pieces: Pieces,
    fours: Fours,
}

impl Suspicion {
    /// There are doubts everywhere.
    pub(crate) fn of_everything() -> Self {
        Self {
            everywhere: true,
            all_numbers: true,
            words: Words::default(),
            pieces: Pieces::none(),
            fours: Fours::none(),
        }
    }

    pub(crate) fn new(names: &Names, detectors: Detectors) -> Self {
        let texts = literals(|detector| detectors.has(detector));
        let Some(pieces) = Pieces::of(&texts) else { return Self::of_everything() };
        Self {
            everywhere: detectors.has(Detector::Entropy),
            all_numbers: detectors.has(Detector::Phone),
            words: Words::of(names.words()),
            pieces,
            fours: Fours::of(&texts),
        }
    }
}

/// Longer texts are looked at in blocks. On this length it takes three quarters of the time of theirs.
const SHORT: usize = 128;

/// Whether a text that is no JSON leaves no doubt.
pub(crate) fn has_none(rules: &Rules, text: &[u8]) -> bool {
    is_short_and_clear(rules, text) || Doubts::new(rules, text).are_none()
}

/// The same for a short text, in a fraction of the time. Of a few that leave none it is not said.
#[inline]
fn is_short_and_clear(rules: &Rules, text: &[u8]) -> bool {
    let Suspicion { everywhere, all_numbers, fours, .. } = &rules.suspicion;
    if text.len() > SHORT || *everywhere {
        return false;
    }
    effort::spend(text.len());
    let is_clear = match fours.seen(text) {
        Seen::Nothing => true,
        Seen::Digits => !all_numbers && !number::are_doubtful(text),
        Seen::More => false,
    };
    is_clear && rules.own.find(text, 0).is_none()
}

/// No place.
pub(crate) const NOWHERE: usize = usize::MAX;

/// The doubts about an input, from its front to its end.
#[derive(Debug)]
pub(crate) struct Doubts<'a> {
    rules: &'a Rules,
    text: &'a [u8],
    /// Where the block begins that is looked at, and where the next one does.
    base: usize,
    next_base: usize,
    /// The places in the block that are to be looked at yet, a bit for each.
    spots: u64,
    digits: u64,
    /// Whether there was a byte that is not ASCII, or telling words have no first letter in common.
    is_wary: bool,
    /// The next doubt that a spot left, and the next that a piece of a fixed text did.
    spot: usize,
    piece: usize,
}

impl<'a> Doubts<'a> {
    pub(crate) fn new(rules: &'a Rules, text: &'a [u8]) -> Self {
        let mut doubts = Self {
            rules,
            text,
            base: 0,
            next_base: 0,
            spots: 0,
            digits: 0,
            is_wary: rules.suspicion.words.first() == 0,
            spot: 0,
            piece: 0,
        };
        if !rules.suspicion.everywhere {
            doubts.spot = doubts.seek(0);
            doubts.piece = doubts.search(0);
        }
        doubts
    }

    /// Whether there is none in the whole input.
    #[inline]
    pub(crate) fn are_none(&self) -> bool {
        self.spot.min(self.piece) == NOWHERE
    }

    /// The first doubt from a place on. Places must not go back.
    #[inline]
    pub(crate) fn next(&mut self, from: usize) -> usize {
        let next = self.spot.min(self.piece);
        if next >= from { next } else { self.go_on(from) }
    }

    #[cold]
    fn go_on(&mut self, from: usize) -> usize {
        if self.rules.suspicion.everywhere {
            return from;
        }
        if self.spot < from {
            self.spot = self.seek(from);
        }
        if self.piece < from {
            self.piece = self.search(from);
        }
        self.spot.min(self.piece)
    }

    fn search(&self, from: usize) -> usize {
        let found = self.rules.suspicion.pieces.find(self.text, from);
        let own = self.rules.own.find(self.text, from).map(|(found, _)| found.start);
        effort::spend(found.unwrap_or(self.text.len()) - from);
        found.unwrap_or(NOWHERE).min(own.unwrap_or(NOWHERE))
    }

    fn seek(&mut self, from: usize) -> usize {
        loop {
            let mut spots = self.spots;
            while spots != 0 {
                let inside = spots.trailing_zeros();
                spots &= spots - 1;
                if self.is_doubtful(inside) && self.base + inside as usize >= from {
                    self.spots = spots;
                    return self.base + inside as usize;
                }
            }
            if !self.look() {
                return NOWHERE;
            }
        }
    }

    /// Looks at the next block, if there is one.
    fn look(&mut self) -> bool {
        let rest = &self.text[self.next_base.min(self.text.len())..];
        if rest.is_empty() {
            return false;
        }
        let first = self.rules.suspicion.words.first();
        let bits = match rest.first_chunk() {
            Some(block) => Bits::of(block, first),
            None => Bits::of(&padded(rest), first),
        };
        effort::spend(LEN);
        self.base = self.next_base;
        self.next_base += LEN;
        self.spots = bits.spots | bits.fourth_digits(self.digits);
        self.digits = bits.digits;
        self.is_wary |= bits.foreign;
        true
    }

    /// Whether a spot in the block leaves a doubt.
    #[inline]
    fn is_doubtful(&self, inside: u32) -> bool {
        let (text, place) = (self.text, self.base + inside as usize);
        let Some((front, [byte, behind @ ..])) = text.split_at_checked(place) else { return false };
        let suspicion = &self.rules.suspicion;
        match byte {
            b':' | b'=' => self.is_doubtful_name(front, place),
            b'0'..=b'9' => {
                suspicion.all_numbers || number::is_doubtful(text, place - 3, 3 + self.digits_from(inside))
            }
            b';' => false,
            b'K' if front.last() == Some(&b'S') => true,
            letter if letter.is_ascii_alphabetic() => suspicion.words.may_begin(behind),
            _ => true,
        }
    }

    /// How many digits there are from a place in the block on.
    #[inline]
    fn digits_from(&self, inside: u32) -> usize {
        let digits = (!(self.digits >> inside)).trailing_zeros();
        if digits + inside < u64::BITS {
            return digits as usize;
        }
        let rest = self.text.get(self.base + inside as usize..).unwrap_or_default();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        effort::spend(digits);
        digits
    }

    /// Whether the name before a sign may be telling, and something follows.
    #[inline]
    fn is_doubtful_name(&self, front: &[u8], sign: usize) -> bool {
        let names = &self.rules.names;
        self.is_wary && (self.rules.suspicion.words.first() == 0 || name::is_foreign(front))
            || names.ends().may_end(front) && name::is_doubtful(names, self.text, sign)
    }
}
