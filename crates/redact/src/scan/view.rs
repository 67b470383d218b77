use std::ops::Range;

use super::runs::Runs;
use crate::class::Class;
use crate::effort;
use crate::mask::{Mask, begins_mask, ends_mask};

/// What a detector sees: the text up to the end of what is scanned, and how far back it may look.
#[derive(Debug)]
pub(crate) struct View<'v> {
    /// The text. Places in it are places in the whole input.
    pub(crate) text: &'v [u8],
    /// Everything before is settled, or belongs to something else.
    pub(crate) floor: usize,
    pub(crate) runs: &'v mut Runs,
}

/// A secret, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span<'r> {
    pub(crate) range: Range<usize>,
    pub(crate) mask: Mask<'r>,
    /// Whether a name gave it away, and not its own looks.
    pub(crate) named: bool,
}

impl<'r> Span<'r> {
    pub(crate) fn new(range: Range<usize>, mask: Mask<'r>) -> Self {
        Self { range, mask, named: false }
    }

    pub(crate) fn named(range: Range<usize>, mask: Mask<'r>) -> Self {
        Self { range, mask, named: true }
    }
}

impl<'v> View<'v> {
    /// The byte at a place, if the text goes that far.
    pub(crate) fn at(&self, place: usize) -> Option<u8> {
        self.text.get(place).copied()
    }

    /// The byte before a place, if it may be looked at. The letter of an escape, as in `\nBearer`, is a blank.
    pub(crate) fn before(&self, place: usize) -> Option<u8> {
        match *self.text.get(self.floor..place)? {
            [.., b'\\', b'n' | b'r' | b't'] => Some(b' '),
            [.., before] => Some(before),
            [] => None,
        }
    }

    /// Whether no letter or digit stands before a place.
    pub(crate) fn is_border(&self, place: usize) -> bool {
        !self.before(place).is_some_and(|byte| byte.is_ascii_alphanumeric())
    }

    /// Whether nothing goes on at a place: no letter, no digit, no mask of something that went on there.
    pub(crate) fn is_end(&self, place: usize) -> bool {
        !self.at(place).is_some_and(|byte| byte.is_ascii_alphanumeric()) && !self.is_before_mask(place)
    }

    /// Whether a number ends at a place, and not only a part of one, of a version or of a longer name.
    pub(crate) fn is_end_of_number(&self, place: usize) -> bool {
        match self.at(place) {
            Some(b'.') => !matches!(self.at(place + 1), Some(b'0'..=b'9')) && !self.is_before_mask(place + 1),
            Some(b'_' | b'-') => false,
            _ => self.is_end(place),
        }
    }

    /// Whether a mask begins at a place.
    pub(crate) fn is_before_mask(&self, place: usize) -> bool {
        self.at(place) == Some(b'*') && begins_mask(self.slice(place, self.text.len()))
    }

    /// Whether a mask ends at a place.
    pub(crate) fn is_behind_mask(&self, place: usize) -> bool {
        self.text.get(self.floor..place).is_some_and(ends_mask)
    }

    /// The end of the run of a class that begins at a place.
    pub(crate) fn run(&mut self, class: Class, from: usize) -> usize {
        self.runs.end(class, self.text, from)
    }

    /// The start of the run of a class that ends at a place, at most `most` bytes long.
    pub(crate) fn run_back(&self, class: Class, end: usize, most: usize) -> usize {
        let floor = self.floor.max(end.saturating_sub(most));
        let run = self.text[floor..end].iter().rev().take_while(|byte| class.has(**byte)).count();
        effort::spend(run + 1);
        let start = end - run;
        // The letter of an escape is no part of the word.
        if run > 1 && self.before(start + 1) == Some(b' ') { start + 1 } else { start }
    }

    /// The place behind blanks and tabs, at most eight of them.
    pub(crate) fn blanks(&self, from: usize) -> usize {
        let blank = |byte: &&u8| matches!(**byte, b' ' | b'\t');
        from + self.slice(from, from + MAX_BLANKS).iter().take_while(blank).count()
    }

    /// The place before blanks and tabs, at most eight of them.
    pub(crate) fn blanks_back(&self, end: usize) -> usize {
        let floor = self.floor.max(end.saturating_sub(MAX_BLANKS));
        let blank = |byte: &&u8| matches!(**byte, b' ' | b'\t');
        end - self.text[floor..end].iter().rev().take_while(blank).count()
    }

    /// The bytes of a range, as far as the text goes.
    pub(crate) fn slice(&self, from: usize, to: usize) -> &'v [u8] {
        let end = to.min(self.text.len());
        self.text.get(from..end).unwrap_or_default()
    }

    /// Whether the text goes on with these bytes.
    pub(crate) fn goes_on_with(&self, from: usize, bytes: &[u8]) -> bool {
        self.slice(from, from + bytes.len()) == bytes
    }
}

const MAX_BLANKS: usize = 8;
