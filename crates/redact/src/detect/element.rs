//! `<name>value</name>`, where the name is that of a secret.

use memchr::memchr;

use crate::class::Class;
use crate::effort;
use crate::rules::Rules;
use crate::scan::{Span, View};

const LONGEST_NAME: usize = 128;

/// Looks at the `>` behind the name of an element. Attributes are assignments of their own.
pub(crate) fn find<'r>(rules: &Rules, view: &View<'_>, place: usize) -> Option<Span<'r>> {
    let start = view.run_back(Class::Name, place, LONGEST_NAME);
    let opened = matches!(view.before(start), Some(b'<' | b':'));
    let treatment = rules.names.of(view.slice(start, place)).filter(|_| opened && start < place)?;
    let rest = view.slice(place + 1, view.text.len());
    let end = memchr(b'<', rest)?;
    effort::spend(end);
    // Without an end it is no element, but a word in angle brackets: `login <user> <password> [options]`.
    let closed = rest[end..].starts_with(b"</");
    let mask = treatment.of_text(rest[..end].trim_ascii()).filter(|_| closed)?;
    Some(Span::named(place + 1..place + 1 + end, mask))
}
