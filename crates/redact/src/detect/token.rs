//! Tokens that begin with a text of their vendor.

use std::ops::Range;

use crate::class::Class;
use crate::mask::Mask;
use crate::name::has_digit;
use crate::scan::{Span, Token, View};

/// Looks at what follows the fixed text of a vendor.
pub(crate) fn find<'r>(view: &mut View<'_>, found: &Range<usize>, token: &Token) -> Option<Span<'r>> {
    if !view.is_border(found.start) {
        return None;
    }
    let end = without_full_stops(view, found.end, token.class);
    let len = end - found.end;
    let fits = len >= token.min && len <= token.max && view.is_end(end);
    (fits && is_mixed(view.slice(found.end, end)))
        .then(|| Span::new(found.start..end, Mask::Kind(token.kind)))
}

/// Looks at what follows a text that the user named.
pub(crate) fn own<'r>(
    view: &mut View<'_>,
    found: &Range<usize>,
    kind: &'r str,
    min: usize,
) -> Option<Span<'r>> {
    let end = view.run(Class::Base64Url, found.end);
    (view.is_border(found.start) && end - found.end >= min)
        .then(|| Span::new(found.start..end, Mask::Kind(kind)))
}

/// The secret path of a webhook, behind the address that everybody knows.
pub(crate) fn webhook<'r>(view: &mut View<'_>, start: usize, kind: &'r str) -> Option<Span<'r>> {
    let end = view.run(Class::Base64, start);
    (end - start >= 20).then(|| Span::new(start..end, Mask::Kind(kind)))
}

/// The end of a run, without the full stops of a sentence.
fn without_full_stops(view: &mut View<'_>, start: usize, class: Class) -> usize {
    let end = view.run(class, start);
    let stops = view.slice(start, end).iter().rev().take_while(|byte| **byte == b'.').count();
    end - stops
}

/// Whether it has a digit, and a capital or great length: words and sentences joined by dashes have not.
fn is_mixed(secret: &[u8]) -> bool {
    has_digit(secret) && (secret.len() >= 24 || secret.iter().any(u8::is_ascii_uppercase))
}
