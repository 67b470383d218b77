//! Private keys in PEM (RFC 7468) or PGP armour.

use std::ops::Range;

use memchr::memmem;

use crate::mask::Mask;
use crate::scan::{Span, View};

const DASHES: &[u8] = b"-----";
const BEGIN: &[u8] = b"-----BEGIN ";
const LONGEST_LABEL: usize = 64;
/// No word of prose is so long.
const LONG_WORD: usize = 40;

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

/// Whether a line begins a private key that it does not end.
pub(crate) fn opens_key(line: &[u8]) -> bool {
    let Some(begin) = memmem::rfind(line, BEGIN) else { return false };
    let label = &line[begin + BEGIN.len()..];
    begins_private_key(label).is_some_and(|body| !ends_key(&label[body..]))
}

/// Whether a line ends a key.
pub(crate) fn ends_key(line: &[u8]) -> bool {
    memmem::find(line, b"-----END ").is_some()
}

/// Whether a line may stand inside a key: base64, with a long one also what a log has put before it, or a header of old
/// (RFC 1421). If not, the key was cut off.
pub(crate) fn is_of_a_key(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let word = line.rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
    let base64 = word.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
    let header = [&b"Proc-Type:"[..], b"DEK-Info:", b"Comment:", b"Version:"]
        .iter()
        .any(|front| line.starts_with(front));
    base64 && (word.len() == line.len() || word.len() >= LONG_WORD) || header
}

fn end_of_key(view: &View<'_>, from: usize) -> usize {
    let rest = view.slice(from, view.text.len());
    let end = memmem::find(rest, b"-----END ").and_then(|footer| {
        let label = footer + b"-----END ".len();
        memmem::find(&rest[label..], DASHES).map(|dashes| label + dashes + DASHES.len())
    });
    from + end.unwrap_or(rest.len())
}
