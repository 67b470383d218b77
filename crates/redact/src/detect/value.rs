//! Where the value behind a telling name ends, and what becomes of it.

use std::ops::Range;

use super::{bare, field};
use crate::class::Class;
use crate::effort;
use crate::mask::Mask;
use crate::name::Treatment;
use crate::scan::View;

/// How sure it is that a value follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// An equals sign, or a colon behind a name in quotes.
    Certain,
    /// A colon, behind which there may be prose as well.
    Colon,
}

/// What the left side says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) treatment: Treatment,
    pub(crate) sign: Sign,
    /// The quote right before the name, in which name and value stand together.
    pub(crate) opener: Option<u8>,
}

pub(crate) type Found = (Range<usize>, Mask<'static>);

const LONGEST_WRAPPER: usize = 32;
const MOST_INDENT: usize = 128;

pub(crate) fn find(view: &mut View<'_>, from: usize, told: Told) -> Option<Found> {
    let from = unwrapped(view, from);
    match view.at(from)? {
        b'"' | b'\'' | b'`' | b'\\' if quote(view, from).is_some() => quoted(view, from, told.treatment),
        b'{' | b'[' if told.treatment.hides_containers() => container(view, from),
        _ if told.treatment == Treatment::Credentials => field::credentials(view, from, told),
        _ if told.treatment == Treatment::Cookie && told.sign == Sign::Colon => {
            field::cookies(view, from, told)
        }
        _ => bare::find(view, from, told),
    }
}

/// The place behind `Some(` and the like, and behind the letter of a byte or raw string.
fn unwrapped(view: &View<'_>, from: usize) -> usize {
    let rest = view.slice(from, from + LONGEST_WRAPPER);
    let word = rest.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'_').count();
    match &rest[word..] {
        [b'(', ..] if &rest[..word] == b"Some" => inside(view, from + word + 1),
        [b'(', ..] if quote(view, inside(view, from + word + 1)).is_some() => inside(view, from + word + 1),
        [b'"' | b'\'', ..] if matches!(rest[..word], [b'b' | b'f' | b'r' | b'u']) => from + 1,
        _ => from,
    }
}

/// The place behind the blanks and the line's end that a pretty printer puts into brackets.
fn inside(view: &View<'_>, from: usize) -> usize {
    let rest = view.slice(from, from + MOST_INDENT);
    from + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The backslashes before a quote, and the quote.
fn quote(view: &View<'_>, from: usize) -> Option<(usize, u8)> {
    let rest = view.slice(from, from + LONGEST_WRAPPER);
    let slashes = rest.iter().take_while(|byte| **byte == b'\\').count();
    rest.get(slashes).filter(|byte| matches!(byte, b'"' | b'\'' | b'`')).map(|quote| (slashes, *quote))
}

fn quoted(view: &View<'_>, from: usize, treatment: Treatment) -> Option<Found> {
    let (slashes, quote) = quote(view, from)?;
    let start = from + slashes + 1 + usize::from(slashes == 0 && is_doubled(view, from, quote));
    let end = start + quoted_len(view.slice(start, view.text.len()), slashes, quote);
    let mask = treatment.of_text(view.slice(start, end))?;
    Some((start..end, mask))
}

/// Whether a quote is doubled because it stands within quotes, and is not an empty text.
fn is_doubled(view: &View<'_>, from: usize, quote: u8) -> bool {
    view.at(from + 1) == Some(quote) && view.at(from + 2).is_some_and(|byte| Class::Bare.has(byte))
}

/// How much stands before the quote that closes, or before the end of the line if none does.
fn quoted_len(rest: &[u8], slashes: usize, quote: u8) -> usize {
    let (mut before, mut doubled) = (0, false);
    for (place, byte) in rest.iter().enumerate() {
        match *byte {
            _ if doubled => doubled = false,
            b'\\' => before += 1,
            byte if byte == quote && slashes == 0 && before == 0 && rest.get(place + 1) == Some(&quote) => {
                doubled = true;
            }
            byte if byte == quote && closes(before, slashes) => {
                effort::spend(place);
                return place - slashes.min(before);
            }
            b'\n' => return place,
            _ => before = 0,
        }
        if *byte == quote {
            before = 0;
        }
    }
    effort::spend(rest.len());
    rest.len()
}

fn closes(before: usize, slashes: usize) -> bool {
    if slashes == 0 { before.is_multiple_of(2) } else { before <= slashes }
}

/// A list or map, to the bracket that closes it or to the end of the text.
fn container(view: &mut View<'_>, from: usize) -> Option<Found> {
    let rest = view.slice(from, view.text.len());
    let len = container_len(rest);
    effort::spend(len);
    let inner = rest.get(1..len.saturating_sub(1)).unwrap_or_default().trim_ascii();
    // What is glued to the bracket belongs to the value.
    (!inner.is_empty()).then(|| (from..bare::end(view, from + len), Mask::Hidden))
}

fn container_len(rest: &[u8]) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (place, byte) in rest.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted && depth == 1 => return place + 1,
            b'}' | b']' if !quoted => depth -= 1,
            _ => {}
        }
    }
    rest.len()
}
