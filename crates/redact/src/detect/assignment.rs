//! `name=value` and `name: value` in text, as people, programs and other formats write it.

use std::borrow::Cow;
use std::ops::Range;

use super::value::{self, Sign, Told};
use crate::class::Class;
use crate::name::Treatment;
use crate::rules::Rules;
use crate::scan::{Span, View};
use crate::url::decoded;

const LONGEST_NAME: usize = 128;
const LONGEST_INDEX: usize = 8;

/// Looks at an equals sign or a colon, and to both sides of it.
pub(crate) fn find<'r>(rules: &Rules, view: &mut View<'_>, place: usize) -> Option<Span<'r>> {
    let name = Name::before(view, place)?;
    let treatment = name.treatment(rules, view)?;
    let (from, sign) = behind(view, place, &name)?;
    let opener = view.before(name.range.start).filter(|byte| !name.quoted && is_quote(*byte));
    let (range, mask) = value::find(view, from, Told { treatment, sign, opener })?;
    Some(Span::named(range, mask))
}

/// What stands to the left.
struct Name {
    range: Range<usize>,
    /// Whether it is in quotes.
    quoted: bool,
    /// Whether there is a blank behind it.
    spaced: bool,
    /// Whether there are escapes of URLs in it.
    encoded: bool,
}

impl Name {
    fn before(view: &View<'_>, place: usize) -> Option<Self> {
        let operator = place - usize::from(is_second_of_operator(view, place));
        let end = view.blanks_back(operator);
        let spaced = end < operator;
        let mut end = before_index(view, end);
        if view.before(end) == Some(b']') {
            end -= 1;
        }
        let quoted = view.before(end).is_some_and(is_quote);
        if quoted {
            end -= 1;
            end -= view.text[view.floor..end].iter().rev().take_while(|byte| **byte == b'\\').count();
            // In a table of values with commas, quotes within quotes are doubled.
            end -= usize::from(view.before(end) == view.at(end));
        }
        let start = view.run_back(Class::Name, end, LONGEST_NAME);
        let encoded = view.before(start) == Some(b'%');
        let start = if encoded { view.run_back(Class::Local, end, LONGEST_NAME) } else { start };
        (start < end).then_some(Self { range: start..end, quoted, spaced, encoded })
    }

    fn treatment(&self, rules: &Rules, view: &View<'_>) -> Option<Treatment> {
        let Range { start, end } = self.range;
        let name = view.slice(start, end);
        let name = if self.encoded { decoded(name) } else { Cow::Borrowed(name) };
        if matches!(view.before(start), Some(b'?' | b'&' | b';')) {
            return rules.names.of_parameter(&name);
        }
        rules.names.of(&name).or_else(|| {
            let first = start.checked_sub(1).filter(|_| view.before(start) == Some(b' '))?;
            let first = view.run_back(Class::Name, first, LONGEST_NAME);
            rules.names.of_phrase(view.slice(first, end))
        })
    }
}

/// Whether an equals sign belongs to `?=` or `+=`.
fn is_second_of_operator(view: &View<'_>, place: usize) -> bool {
    view.at(place) == Some(b'=') && matches!(view.before(place), Some(b'?' | b'+'))
}

/// The place before an index such as `[]` or `[0]`.
fn before_index(view: &View<'_>, end: usize) -> usize {
    if view.before(end) != Some(b']') {
        return end;
    }
    let start = view.run_back(Class::Name, end - 1, LONGEST_INDEX);
    let is_index = view.slice(start, end - 1).iter().all(u8::is_ascii_digit);
    if is_index && view.before(start) == Some(b'[') { start - 1 } else { end }
}

/// Where the value begins, and how sure it is that there is one.
fn behind(view: &View<'_>, place: usize, name: &Name) -> Option<(usize, Sign)> {
    let equals = view.at(place)? == b'=';
    let after = match (equals, view.at(place + 1)?) {
        // A comparison, a match, a path of names.
        (true, b'=' | b'~') | (false, b':') => return None,
        (true, b'>') | (false, b'=') => place + 2,
        _ => place + 1,
    };
    let from = view.blanks(after);
    // In `password= user=ann` the password is empty.
    let empty =
        equals && from > after && !name.spaced && !matches!(view.at(from)?, b'>' | b'"' | b'\'' | b'`');
    let sign =
        if equals || name.quoted || view.at(place + 1) == Some(b'=') { Sign::Certain } else { Sign::Colon };
    (!empty).then_some((from, sign))
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}
