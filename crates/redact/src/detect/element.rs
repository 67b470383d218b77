//! `<name>value</name>`, where the name is that of a secret.

use memchr::{memchr, memrchr2};

use crate::class::Class;
use crate::effort;
use crate::rules::Rules;
use crate::scan::{Span, View};

const LONGEST_TAG: usize = 256;

/// Looks at the `>` behind the opening tag of an element. Attributes are assignments of their own.
pub(crate) fn find<'r>(rules: &Rules, view: &View<'_>, place: usize) -> Option<Span<'r>> {
    let name = opened(view, place)?;
    let local = name.rsplit(|byte| *byte == b':').next()?;
    let treatment = rules.names.of(local)?;
    let rest = view.slice(place + 1, view.text.len());
    let end = content_len(rest)?;
    effort::spend(end);
    // Without an end it is no element, but a word in angle brackets: `login <user> <password> [options]`.
    let closed = rest[end..].strip_prefix(b"</").is_some_and(|close| close.starts_with(name));
    let mask = treatment.of_text(value(&rest[..end])).filter(|_| closed)?;
    Some(Span::named(place + 1..place + 1 + end, mask))
}

/// The name of the element whose opening tag ends at a place.
fn opened<'v>(view: &View<'v>, place: usize) -> Option<&'v [u8]> {
    let before = view.slice(view.floor.max(place.saturating_sub(LONGEST_TAG)), place);
    let open = memrchr2(b'<', b'>', before)?;
    effort::spend(before.len() - open);
    let tag = before[open..].strip_prefix(b"<")?;
    let name = tag.iter().take_while(|byte| Class::Name.has(**byte) || **byte == b':').count();
    let ends = tag.get(name).is_none_or(u8::is_ascii_whitespace);
    (ends && tag.last() != Some(&b'/')).then_some(&tag[..name])
}

const CDATA: &[u8] = b"<![CDATA[";

/// How much stands before the next tag.
fn content_len(rest: &[u8]) -> Option<usize> {
    let opened = if rest.starts_with(CDATA) { CDATA.len() } else { 0 };
    memchr(b'<', &rest[opened..]).map(|end| opened + end)
}

fn value(content: &[u8]) -> &[u8] {
    let text = content.strip_prefix(CDATA).and_then(|text| text.strip_suffix(b"]]>"));
    text.unwrap_or(content).trim_ascii()
}
