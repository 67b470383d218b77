//! `Authorization` and `Cookie` fields as lines of text (RFC 9110 section 11.6.2, RFC 6265 section 4).

use memchr::memchr;

use super::bare::{self, looks_secret};
use super::value::{Found, Told};
use crate::class::Class;
use crate::effort;
use crate::mask::{Mask, judged};
use crate::name::Treatment;
use crate::scan::View;

const LONGEST_SCHEME: usize = 20;
/// So long a word is a secret even without a digit.
const CERTAIN_SECRET: usize = 16;
/// Where nothing is assigned within so many bytes, nothing is.
const JUDGED: usize = 256;

/// An `Authorization` field: the scheme stays.
pub(crate) fn credentials(view: &mut View<'_>, from: usize, told: Told) -> Option<Found> {
    let rest = view.slice(from, from + LONGEST_SCHEME);
    let scheme = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
    let start = view.blanks(from + scheme);
    let is_scheme = start > from + scheme;
    match rest[..scheme].to_ascii_lowercase().as_slice() {
        b"bearer" | b"basic" | b"token" | b"apikey" | b"negotiate" | b"ntlm" if is_scheme => {
            word(view, start)
        }
        b"digest" | b"hawk" | b"signature" | b"oauth" | b"aws4-hmac-sha256" if is_scheme => {
            assignments(view, start, told)
        }
        _ => bare::find(view, from, Told { treatment: Treatment::Hide, ..told }),
    }
}

fn word(view: &mut View<'_>, start: usize) -> Option<Found> {
    let end = view.run(Class::Bare, start);
    let word = view.slice(start, end.min(start + JUDGED));
    let word = judged(word);
    let secret = looks_secret(word) || word.len() >= CERTAIN_SECRET;
    secret.then_some((start..end, Mask::Hidden))
}

/// A `Cookie` field, of which everything goes.
pub(crate) fn cookies(view: &mut View<'_>, from: usize, told: Told) -> Option<Found> {
    assignments(view, from, told)
}

/// The rest of the line, or of the quotes it stands in. Prose assigns nothing.
fn assignments(view: &mut View<'_>, from: usize, told: Told) -> Option<Found> {
    let line = view.run(Class::Line, from);
    let rest = view.slice(from, line);
    let front = rest.iter().take(JUDGED).take_while(|byte| Some(**byte) != told.opener);
    effort::spend(JUDGED);
    if !front.into_iter().any(|byte| *byte == b'=') {
        return None;
    }
    let len = told.opener.and_then(|quote| memchr(quote, rest)).unwrap_or(rest.len());
    Some((from..from + len, Mask::Hidden))
}
