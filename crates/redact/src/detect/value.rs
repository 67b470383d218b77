//! Where the value behind a telling name ends, and what becomes of it.

use std::ops::Range;

use crate::class::Class;
use crate::effort;
use crate::mask::{Mask, is_mask};
use crate::name::{Treatment, has_digit};
use crate::scan::View;

/// How sure it is that a value follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// An equals sign, or a colon behind a name in quotes.
    Certain,
    /// A colon, behind which there may be prose as well.
    Colon,
}

type Found = (Range<usize>, Mask<'static>);

const MIN_SECRET: usize = 6;
const CERTAIN_SECRET: usize = 16;
const LONGEST_WRAPPER: usize = 32;

pub(crate) fn find(view: &mut View<'_>, from: usize, treatment: Treatment, sign: Sign) -> Option<Found> {
    let from = unwrapped(view, from);
    match view.at(from)? {
        b'"' | b'\'' | b'`' | b'\\' if quote(view, from).is_some() => quoted(view, from, treatment),
        b'{' | b'[' if treatment.hides_containers() => container(view, from),
        _ if treatment == Treatment::Credentials => credentials(view, from, sign),
        _ if treatment == Treatment::Cookie && sign == Sign::Colon => cookies(view, from),
        _ => bare(view, from, treatment, sign),
    }
}

/// The place behind `Some(` and the like, and behind the letter of a byte or raw string.
fn unwrapped(view: &View<'_>, from: usize) -> usize {
    let rest = view.slice(from, from + LONGEST_WRAPPER);
    let word = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    match &rest[word..] {
        [b'(', ..] if &rest[..word] == b"Some" => from + word + 1,
        [b'(', b'"' | b'\'' | b'\\', ..] => from + word + 1,
        [b'"' | b'\'', ..] if word == 1 => from + 1,
        _ => from,
    }
}

/// The backslashes before a quote, and the quote.
fn quote(view: &View<'_>, from: usize) -> Option<(usize, u8)> {
    let rest = view.slice(from, from + LONGEST_WRAPPER);
    let slashes = rest.iter().take_while(|byte| **byte == b'\\').count();
    rest.get(slashes).filter(|byte| matches!(byte, b'"' | b'\'' | b'`')).map(|quote| (slashes, *quote))
}

fn quoted(view: &View<'_>, from: usize, treatment: Treatment) -> Option<Found> {
    let (slashes, quote) = quote(view, from)?;
    let start = from + slashes + 1;
    let end = start + quoted_len(view.slice(start, view.text.len()), slashes, quote);
    let mask = treatment.of_text(view.slice(start, end))?;
    Some((start..end, mask))
}

/// How much stands before the quote that closes, or before the end of the line if none does.
fn quoted_len(rest: &[u8], slashes: usize, quote: u8) -> usize {
    let mut before = 0;
    for (place, byte) in rest.iter().enumerate() {
        match *byte {
            b'\\' => before += 1,
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
    if slashes == 0 { before % 2 == 0 } else { before <= slashes }
}

/// A list or map, to the bracket that closes it or to the end of the text.
fn container(view: &View<'_>, from: usize) -> Option<Found> {
    let rest = view.slice(from, view.text.len());
    let len = container_len(rest);
    effort::spend(len);
    let inner = rest.get(1..len.saturating_sub(1)).unwrap_or_default().trim_ascii();
    (!inner.is_empty()).then_some((from..from + len, Mask::Hidden))
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

/// An `Authorization` field: the scheme stays.
fn credentials(view: &mut View<'_>, from: usize, sign: Sign) -> Option<Found> {
    let end = view.run(Class::Line, from);
    let scheme = from
        + view.slice(from, end.min(from + LONGEST_WRAPPER)).iter().take_while(|b| is_scheme(**b)).count();
    let secret = view.blanks(scheme);
    let rest = secret..end.max(secret);
    match view.slice(from, scheme).to_ascii_lowercase().as_slice() {
        _ if secret == scheme => bare(view, from, Treatment::Hide, sign),
        b"bearer" | b"basic" | b"token" | b"apikey" | b"negotiate" | b"ntlm" => {
            let rest = secret..view.run(Class::Bare, secret);
            let word = view.slice(rest.start, rest.end);
            (looks_secret(word) || word.len() >= CERTAIN_SECRET).then_some((rest, Mask::Hidden))
        }
        b"digest" | b"hawk" | b"signature" | b"oauth" | b"aws4-hmac-sha256" => {
            let fits = !is_mask(view.slice(rest.start, rest.end))
                && view.slice(rest.start, rest.end).contains(&b'=');
            fits.then_some((rest, Mask::Hidden))
        }
        _ => bare(view, from, Treatment::Hide, sign),
    }
}

fn is_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

/// The rest of a `Cookie` line. Prose about cookies assigns nothing.
fn cookies(view: &mut View<'_>, from: usize) -> Option<Found> {
    let end = view.run(Class::Line, from);
    let rest = view.slice(from, end);
    rest.contains(&b'=').then_some((from..end, Mask::Hidden))
}

/// A value without quotes.
fn bare(view: &mut View<'_>, from: usize, treatment: Treatment, sign: Sign) -> Option<Found> {
    let run = view.run(Class::Bare, from);
    let end =
        run - view.slice(from, run).iter().rev().take_while(|byte| matches!(byte, b'.' | b'\\')).count();
    let value = view.slice(from, end);
    let told = sign == Sign::Certain || looks_secret(value) || is_code(treatment, value);
    if !told
        || is_word_for_nothing(value)
        || is_placeholder(value)
        || treatment == Treatment::Weak && sign == Sign::Colon
    {
        return None;
    }
    Some((from..end, treatment.of_text(value)?))
}

fn is_code(treatment: Treatment, value: &[u8]) -> bool {
    treatment == Treatment::Code && value.len() >= 3 && value.iter().all(u8::is_ascii_digit)
}

/// Whether what stands behind a colon is rather a secret than prose.
fn looks_secret(value: &[u8]) -> bool {
    let telling = |byte: &u8| matches!(byte, b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'*' | b'~');
    value.len() >= MIN_SECRET && !is_mask(value) && (has_digit(value) || value.iter().any(telling))
}

fn is_word_for_nothing(value: &[u8]) -> bool {
    let words: [&[u8]; 7] = [b"null", b"none", b"nil", b"true", b"false", b"undefined", b"nothing"];
    words.iter().any(|word| word.eq_ignore_ascii_case(value))
}

/// Whether a value stands for one that is put in later: `$DB_PASSWORD`, `${password}`, `%s`.
fn is_placeholder(value: &[u8]) -> bool {
    match value {
        [b'$', b'{', ..] | [b'%', b's' | b'd' | b'v' | b'q'] => true,
        [b'$', name @ ..] => name.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_'),
        _ => false,
    }
}
