//! The schemes of HTTP authentication, wherever they are written (RFC 6750, RFC 7617).

use std::ops::Range;

use crate::class::Class;
use crate::mask::Mask;
use crate::name::has_digit;
use crate::scan::{Span, View};

const MIN_TOKEN: usize = 8;
const CERTAIN_TOKEN: usize = 24;

/// Looks at `earer`: the scheme stays, the token goes. Prose about bearers has no digits.
pub(crate) fn bearer<'r>(view: &mut View<'_>, found: &Range<usize>) -> Option<Span<'r>> {
    if !follows(view, found.start, b'b') {
        return None;
    }
    let start = gap(view, found.end)?;
    let end = view.run(Class::Token68, start);
    let token = view.slice(start, end);
    let is_token = token.len() >= CERTAIN_TOKEN || token.len() >= MIN_TOKEN && has_digit(token);
    is_token.then(|| Span::new(start..end, Mask::Hidden))
}

/// Looks at `asic `: the scheme stays, what is base64 of a name and a password goes.
pub(crate) fn basic<'r>(view: &mut View<'_>, found: &Range<usize>) -> Option<Span<'r>> {
    if !follows(view, found.start, b'b') {
        return None;
    }
    let start = view.blanks(found.end);
    let end = view.run(Class::Base64, start);
    let is_secret = view.is_end(end) && is_name_and_password(view.slice(start, end));
    is_secret.then(|| Span::new(start..end, Mask::Hidden))
}

/// Whether a letter, in either case, stands before and begins a word.
fn follows(view: &View<'_>, place: usize, letter: u8) -> bool {
    view.before(place).is_some_and(|byte| byte.eq_ignore_ascii_case(&letter)) && view.is_border(place - 1)
}

/// The place behind the blanks, or what stands for one in a URL.
fn gap(view: &View<'_>, from: usize) -> Option<usize> {
    match view.at(from)? {
        b' ' | b'\t' => Some(view.blanks(from)),
        b'\r' | b'\n' => folded(view, from),
        b'+' => Some(from + 1),
        b'%' if view.goes_on_with(from, b"%20") => Some(from + 3),
        _ => None,
    }
}

/// The place behind a line's end and the blanks without which the next line were another field (RFC 9112 section 5.2).
fn folded(view: &View<'_>, from: usize) -> Option<usize> {
    let end = from + usize::from(view.at(from) == Some(b'\r'));
    let start = view.blanks(end + 1);
    (view.at(end) == Some(b'\n') && start > end + 1).then_some(start)
}

/// Whether base64 stands for printable text with a colon in it.
fn is_name_and_password(base64: &[u8]) -> bool {
    let letters = base64.iter().take_while(|byte| **byte != b'=');
    let (mut bits, mut held, mut colon) = (0_u32, 0_u32, false);
    for letter in letters {
        let Some(six) = six_bits(*letter) else { return false };
        bits = bits << 6 | six;
        held += 6;
        if held >= 8 {
            held -= 8;
            let byte = bits >> held & 0xff;
            colon |= byte == u32::from(b':');
            if byte < 0x20 {
                return false;
            }
        }
    }
    colon
}

fn six_bits(letter: u8) -> Option<u32> {
    let value = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_and_a_password_make_basic_credentials() {
        for (base64, is) in [
            ("YW5uOmh1bnRlcjI=", true),
            ("YW5uOg", true),
            ("OmFwaS1rZXk=", true),
            ("authentication", false),
            ("bm8gY29sb24gaGVyZQ==", false),
            ("", false),
            ("====", false),
        ] {
            assert_eq!(is_name_and_password(base64.as_bytes()), is, "{base64}");
        }
    }
}
