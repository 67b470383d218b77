//! E-mail addresses. Much else has an at sign: packages, images, units, remote paths.

use std::ops::Range;

use crate::class::Class;
use crate::effort;
use crate::mask::Mask;
use crate::scan::{Span, View};

const LONGEST_LOCAL: usize = 128;
const LONGEST_DOMAIN: usize = 255;

/// Ends of file and unit names, and of what else stands behind an at sign.
const NO_DOMAINS: [&[u8]; 32] = [
    b"avif", b"bin", b"conf", b"css", b"csv", b"gif", b"gz", b"html", b"ico", b"jpeg", b"jpg", b"js",
    b"json", b"local", b"lock", b"log", b"mount", b"path", b"pdf", b"png", b"scope", b"service", b"slice",
    b"socket", b"svg", b"swap", b"tar", b"target", b"timer", b"tgz", b"txt", b"webp",
];

/// Looks at an at sign, or `%40`: of the part before it one or three letters stay.
pub(crate) fn find<'r>(view: &mut View<'_>, at: &Range<usize>) -> Option<Span<'r>> {
    let start = local(view, at.start)?;
    let end = domain(view, at.end)?;
    let remote = view.at(end) == Some(b':') && view.at(end + 1).is_some_and(is_path);
    let keep = if at.start - start > 3 { 3 } else { 1 };
    (!remote).then(|| Span::new(start + keep..at.start, Mask::Stars))
}

/// Where the part before the at sign begins.
fn local(view: &View<'_>, end: usize) -> Option<usize> {
    let run = view.run_back(Class::Local, end, LONGEST_LOCAL);
    // A percent sign or quote belongs to it only in the middle.
    let outside = view.slice(run, end).iter().take_while(|byte| !byte.is_ascii_alphanumeric()).count();
    let start = run + outside;
    let masked = view.before(end) == Some(b'*')
        || [run, start].iter().any(|place| view.is_behind_mask(*place))
        // The last digits of a card.
        || view.before(run) == Some(b'*') && view.at(run) == Some(b'-');
    let user_of_url = start >= view.floor + 2 && view.slice(start - 2, start) == b"//";
    (start < end && !masked && !user_of_url).then_some(start)
}

/// Where the domain behind the at sign ends.
fn domain(view: &View<'_>, start: usize) -> Option<usize> {
    let fits = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'-' | b'.');
    let rest = view.slice(start, start + LONGEST_DOMAIN);
    let long = rest.iter().take_while(fits).count();
    effort::spend(long);
    let stops = rest[..long].iter().rev().take_while(|byte| matches!(byte, b'.' | b'-')).count();
    let domain = &rest[..long - stops];
    let masked = view.is_before_mask(start + long);
    (is_domain(domain) && !masked).then_some(start + domain.len())
}

fn is_domain(domain: &[u8]) -> bool {
    let mut labels = domain.split(|byte| *byte == b'.');
    let (first, last) = (labels.next(), labels.next_back());
    let (Some(first), Some(last)) = (first, last) else { return false };
    let filled = domain.split(|byte| *byte == b'.').all(|label| !label.is_empty());
    filled && !is_version(first) && is_top(last)
}

/// Whether a label is the number of a version or a scale: `4`, `v2`, `2x`.
fn is_version(label: &[u8]) -> bool {
    let digits = label.strip_prefix(b"v").unwrap_or(label);
    let digits = digits.strip_suffix(b"x").unwrap_or(digits);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

fn is_top(label: &[u8]) -> bool {
    // A name of both cases is one of a program: `this@Main.onCreate`.
    let one_case = label.iter().all(u8::is_ascii_lowercase) || label.iter().all(u8::is_ascii_uppercase);
    let letters = label.len() >= 2 && one_case;
    let punycode = label.len() > 4 && label[..4].eq_ignore_ascii_case(b"xn--");
    let common =
        [&b"com"[..], b"net", b"org", b"edu", b"gov"].iter().any(|top| top.eq_ignore_ascii_case(label));
    (letters || punycode || common) && !NO_DOMAINS.iter().any(|no| no.eq_ignore_ascii_case(label))
}

/// What follows the colon of a remote path, or stands for it: `git@example.com:team/project`.
fn is_path(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'~' | b'.' | b'*')
}
