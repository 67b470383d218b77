//! Where something might stand. Each kind of place has a cursor that only moves forward, so the input is searched
//! once for each, however many places turn out to be nothing.

use std::ops::Range;

use memchr::{memchr, memchr3};

use crate::class::Class;
use crate::detector::Detector;
use crate::effort;
use crate::rules::Rules;
use crate::scan::Literals;

/// A place worth a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Candidate {
    /// A fixed text, and what it may be part of.
    Literal(Range<usize>, Which),
    /// `@`, `=` or `>`.
    Mark(usize),
    /// A colon.
    Colon(usize),
    /// Four digits or more in a row.
    Digits(Range<usize>),
    /// A long run of letters, digits and what tokens have besides.
    Long(Range<usize>),
}

/// Which fixed text: a known one or one of the user's own, and its number among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Known(usize),
    Own(usize),
}

const NOWHERE: usize = usize::MAX;

/// The next place of each kind, at or after the last one that was asked for.
#[derive(Debug)]
pub(crate) struct Finder {
    known: Fixed,
    own: Fixed,
    mark: Option<usize>,
    colon: Option<usize>,
    digits: Option<Range<usize>>,
    long: Option<Range<usize>>,
}

impl Finder {
    pub(crate) fn new() -> Self {
        Self {
            known: Fixed::default(),
            own: Fixed::default(),
            mark: None,
            colon: None,
            digits: None,
            long: None,
        }
    }

    /// Forgets what was only searched for up to the end of the last window.
    pub(crate) fn open_window(&mut self) {
        self.known = Fixed::default();
        self.own = Fixed::default();
        self.colon = None;
        self.digits = None;
        self.long = None;
    }

    /// The first place in a window.
    pub(crate) fn next(&mut self, rules: &Rules, text: &[u8], window: Range<usize>) -> Option<Candidate> {
        let Range { start: from, end } = window;
        let known = self.known.seek(&rules.known, &text[..end], from);
        let own = self.own.seek(&rules.own, &text[..end], from);
        let mark = self.mark(text, from);
        let colon = self.colon(rules, text, from..end);
        let digits = self.digits(text, from..end);
        let long = self.long(rules, text, from..end);
        let first = known.min(own).min(mark).min(colon).min(digits).min(long);
        if first >= end {
            return None;
        }
        // A fixed text says most; of equal places it is asked first.
        Some(match first {
            place if place == own => Candidate::Literal(self.own.found.clone(), Which::Own(self.own.pattern)),
            place if place == known => {
                Candidate::Literal(self.known.found.clone(), Which::Known(self.known.pattern))
            }
            place if place == mark => Candidate::Mark(place),
            place if place == colon => Candidate::Colon(place),
            place if place == digits => Candidate::Digits(self.digits.clone()?),
            _ => Candidate::Long(self.long.clone()?),
        })
    }

    fn mark(&mut self, text: &[u8], from: usize) -> usize {
        if let Some(mark) = self.mark.filter(|mark| *mark >= from) {
            return mark;
        }
        let found = memchr3(b'@', b'=', b'>', &text[from..]);
        effort::spend(found.unwrap_or(text.len() - from));
        *self.mark.insert(found.map_or(NOWHERE, |mark| from + mark))
    }

    fn colon(&mut self, rules: &Rules, text: &[u8], window: Range<usize>) -> usize {
        if !rules.detectors.has(Detector::Assignments) {
            return NOWHERE;
        }
        if let Some(colon) = self.colon.filter(|colon| *colon >= window.start) {
            return colon;
        }
        let from = window.start;
        let found = memchr(b':', &text[window.clone()]);
        effort::spend(found.unwrap_or(window.len()));
        *self.colon.insert(found.map_or(NOWHERE, |colon| from + colon))
    }

    fn digits(&mut self, text: &[u8], window: Range<usize>) -> usize {
        let known = self.digits.as_ref().map(|digits| digits.start);
        if let Some(start) = known.filter(|start| *start >= window.start) {
            return start;
        }
        self.digits.insert(digits(text, window).unwrap_or(NOWHERE..NOWHERE)).start
    }

    fn long(&mut self, rules: &Rules, text: &[u8], window: Range<usize>) -> usize {
        if !rules.detectors.has(Detector::Entropy) {
            return NOWHERE;
        }
        let known = self.long.as_ref().map(|long| long.start);
        if let Some(start) = known.filter(|start| *start >= window.start) {
            return start;
        }
        self.long.insert(run(text, window, LONG, |byte| Class::Base64Url.has(byte))).start
    }
}

/// The next fixed text of one set.
#[derive(Debug, Default)]
struct Fixed {
    found: Range<usize>,
    pattern: usize,
}

impl Fixed {
    #[inline]
    fn seek(&mut self, literals: &Literals, text: &[u8], from: usize) -> usize {
        // At first there is an empty find at zero, which is no find.
        if self.found.start < from || self.found.end == 0 {
            self.search(literals, text, from);
        }
        self.found.start
    }

    #[cold]
    fn search(&mut self, literals: &Literals, text: &[u8], from: usize) {
        let found = literals.find(text, from);
        effort::spend(found.as_ref().map_or(text.len(), |(range, _)| range.start) - from);
        (self.found, self.pattern) = found.unwrap_or((NOWHERE..NOWHERE, 0));
    }
}

/// How long a run must be to be looked at for its mixture.
pub(crate) const LONG: usize = 20;

/// The first four digits in a row, or more.
pub(crate) fn digits(text: &[u8], window: Range<usize>) -> Option<Range<usize>> {
    Some(run(text, window, 4, |byte| byte.is_ascii_digit())).filter(|run| run.start != NOWHERE)
}

/// The first run of at least `least` bytes that fit. Only one byte in `least` is looked at until one fits.
fn run(text: &[u8], window: Range<usize>, least: usize, fits: impl Fn(u8) -> bool) -> Range<usize> {
    let text = &text[..window.end];
    let mut from = window.start;
    let mut probe = from + least - 1;
    while let Some(byte) = text.get(probe) {
        if fits(*byte) {
            let back = text[from..probe].iter().rev().take_while(|byte| fits(**byte)).count();
            let on = text[probe..].iter().take_while(|byte| fits(**byte)).count();
            effort::spend(back + on);
            if back + on >= least {
                return probe - back..probe + on;
            }
            from = probe + on;
            probe = from + least;
        } else {
            from = probe + 1;
            probe += least;
        }
        effort::spend(1);
    }
    NOWHERE..NOWHERE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> Option<Range<usize>> {
        digits(text.as_bytes(), 0..text.len())
    }

    #[test]
    fn the_first_long_run_is_found_wherever_it_begins() {
        for before in 0..20 {
            for len in 1..12 {
                for after in 0..6 {
                    let text = format!("{}{}{}", "12x".repeat(before), "7".repeat(len), "x9".repeat(after));
                    let start = before * 3;
                    let expected = (len >= 4).then_some(start..start + len);
                    assert_eq!(first(&text), expected, "{text}");
                }
            }
        }
    }
}
