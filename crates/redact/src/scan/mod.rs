//! One pass over text: places worth a look are found, judged and replaced from left to right.

mod find;
mod literal;
mod runs;
mod view;

use std::ops::Range;

pub(crate) use self::find::{LONG, digits};
pub(crate) use self::literal::{Literal, Literals, Token, literals};
pub(crate) use self::runs::Runs;
pub(crate) use self::view::{Span, View};

use self::find::{Candidate, Finder, Which};
use crate::detect::{
    armour, assignment, at_sign, azure, card, element, entropy, iban, jwt, phone, scheme, ssn, token,
    userinfo,
};
use crate::detector::Detector;
use crate::mask::Mask;
use crate::rules::Rules;
use crate::sink::Sink;

/// The pass over one input, which may be scanned in several windows from left to right.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    rules: &'a Rules,
    text: &'a [u8],
    finder: Finder,
    runs: Runs,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(rules: &'a Rules, text: &'a [u8]) -> Self {
        Self { rules, text, finder: Finder::new(), runs: Runs::default() }
    }

    /// Replaces what is found between two places. Windows must not overlap or go back.
    pub(crate) fn window(&mut self, window: Range<usize>, sink: &mut Sink<'_>) {
        self.finder.open_window();
        let Range { start: mut floor, end } = window;
        let mut from = floor;
        while let Some(candidate) = self.finder.next(self.rules, self.text, from..end) {
            from = candidate.next();
            if let Some(span) = self.judge(&candidate, floor, end) {
                floor = span.range.end;
                from = from.max(floor);
                sink.replace(&span);
            }
        }
    }

    /// Replaces what the user has told of, and nothing else.
    pub(crate) fn own(&mut self, sink: &mut Sink<'_>) {
        let (rules, end) = (self.rules, self.text.len());
        let (mut floor, mut from) = (0, 0);
        while let Some((found, which)) = rules.own.find(self.text, from) {
            from = found.start + 1;
            if let Some(span) = self.judge(&Candidate::Literal(found, Which::Own(which)), floor, end) {
                floor = span.range.end;
                from = from.max(floor);
                sink.replace(&span);
            }
        }
    }

    fn judge(&mut self, candidate: &Candidate, floor: usize, end: usize) -> Option<Span<'a>> {
        let rules = self.rules;
        let mut view = View { text: &self.text[..end], floor, runs: &mut self.runs };
        match candidate {
            Candidate::Literal(found, which) => literal(rules.literal(*which), &mut view, found),
            Candidate::Mark(place) => mark(rules, &mut view, *place),
            Candidate::Colon(place) => assignment::find(rules, &mut view, *place),
            Candidate::Digits(digits) => number(rules, &mut view, digits),
            Candidate::Long(run) => entropy::find(&view, run),
        }
    }
}

impl Candidate {
    /// Where to go on searching.
    fn next(&self) -> usize {
        match self {
            Self::Literal(found, _) => found.start + 1,
            Self::Mark(place) | Self::Colon(place) => place + 1,
            Self::Digits(run) | Self::Long(run) => run.end,
        }
    }
}

impl Rules {
    fn literal(&self, which: Which) -> &Literal {
        match which {
            Which::Known(pattern) => self.known.what(pattern),
            Which::Own(pattern) => self.own.what(pattern),
        }
    }
}

fn literal<'r>(literal: &'r Literal, view: &mut View<'_>, found: &Range<usize>) -> Option<Span<'r>> {
    match literal {
        Literal::Token(token) => token::find(view, found, token),
        Literal::Own { kind, min } => token::own(view, found, kind, *min),
        Literal::Known => Some(Span::new(found.clone(), Mask::Hidden)),
        Literal::Jwt => jwt::find(view, found.start),
        Literal::Armour => armour::find(view, found),
        Literal::Scheme => userinfo::find(view, found.start),
        Literal::Bearer => scheme::bearer(view, found),
        Literal::Basic => scheme::basic(view, found),
        Literal::Webhook(kind) => token::webhook(view, found.end, kind),
        Literal::AzureClient => azure::find(view, found),
        Literal::At => at_sign::find(view, found),
    }
}

fn mark<'r>(rules: &'r Rules, view: &mut View<'_>, place: usize) -> Option<Span<'r>> {
    let has = |detector| rules.detectors.has(detector);
    match view.at(place)? {
        b'@' if has(Detector::Email) => at_sign::find(view, &(place..place + 1)),
        b'=' if has(Detector::Assignments) => assignment::find(rules, view, place),
        b'>' if has(Detector::Assignments) => element::find(rules, view, place),
        _ => None,
    }
}

fn number<'r>(rules: &'r Rules, view: &mut View<'_>, digits: &Range<usize>) -> Option<Span<'r>> {
    let has = |detector| rules.detectors.has(detector);
    if is_mere_number(view, digits) && !has(Detector::Phone) {
        return None;
    }
    let card = || has(Detector::Cards).then(|| card::find(view, digits)).flatten();
    let ssn = || has(Detector::Ssn).then(|| ssn::find(view, digits)).flatten();
    let iban = || has(Detector::Iban).then(|| iban::find(view, digits)).flatten();
    let phone = || has(Detector::Phone).then(|| phone::find(view, digits)).flatten();
    card().or_else(ssn).or_else(iban).or_else(phone)
}

/// Whether it is the number of something: too short for a card, and with nothing around it of which it were a group.
#[inline]
fn is_mere_number(view: &View<'_>, digits: &Range<usize>) -> bool {
    let is_group = |byte: Option<u8>| matches!(byte, Some(b' ' | b'-'));
    let in_groups =
        digits.len() == 4 && (is_group(view.at(digits.end)) || is_group(view.before(digits.start)));
    let behind_letter = view.before(digits.start).is_some_and(|byte| byte.is_ascii_uppercase());
    digits.len() < card::SHORTEST && !in_groups && !behind_letter
}
