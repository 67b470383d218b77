//! Private keys in PEM (RFC 7468) or PGP armour.

use std::ops::Range;

use memchr::memmem;

use crate::mask::Mask;
use crate::scan::{Span, View};

const DASHES: &[u8] = b"-----";
const LONGEST_LABEL: usize = 64;

/// Looks at `-----BEGIN `. A key that has no end goes on to the end of the text.
pub(crate) fn find<'r>(view: &View<'_>, found: &Range<usize>) -> Option<Span<'r>> {
    let body = begins_private_key(view.slice(found.end, found.end + LONGEST_LABEL))?;
    let end = end_of_key(view, found.end + body);
    Some(Span::new(found.start..end, Mask::Kind("private_key")))
}

/// How long the label of a private key is, with the dashes behind it.
pub(crate) fn begins_private_key(label: &[u8]) -> Option<usize> {
    let end = memmem::find(label, DASHES)?;
    let label = &label[..end];
    let words = label.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b' ');
    let private = memmem::find(label, b"PRIVATE KEY").is_some();
    (words && private).then_some(end + DASHES.len())
}

fn end_of_key(view: &View<'_>, from: usize) -> usize {
    let rest = view.slice(from, view.text.len());
    let end = memmem::find(rest, b"-----END ").and_then(|footer| {
        let label = footer + b"-----END ".len();
        memmem::find(&rest[label..], DASHES).map(|dashes| label + dashes + DASHES.len())
    });
    from + end.unwrap_or(rest.len())
}
