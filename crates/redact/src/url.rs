//! URLs and their queries, in which names and values may be percent-encoded (RFC 3986 section 2.1).

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr2, memmem, memrchr};

use crate::mask::{HIDDEN, Mask, is_mask, judged};
use crate::name::Names;
use crate::pass::whole;
use crate::rules::Rules;
use crate::scan::{Scan, Span};
use crate::sink::Sink;

/// A whole URL, absolute or relative.
pub(crate) fn redact(rules: &Rules, url: &[u8], sink: &mut Sink<'_>) {
    without_own(rules, url, sink, whole_url);
}

/// The query of one, or a form.
pub(crate) fn redact_query(rules: &Rules, query: &[u8], sink: &mut Sink<'_>) {
    let all = |rules: &Rules, query: &[u8], sink: &mut Sink<'_>| {
        self::query(&mut Scan::new(rules, query), rules, query, 0..query.len(), sink);
    };
    without_own(rules, query, sink, all);
}

/// What the user has told of may have signs in it that take a URL apart, so it is hidden before that happens.
fn without_own(
    rules: &Rules,
    url: &[u8],
    sink: &mut Sink<'_>,
    redact: impl FnOnce(&Rules, &[u8], &mut Sink<'_>),
) {
    let mut own = Sink::new(url);
    Scan::new(rules, url).own(&mut own);
    if !own.changed() {
        return redact(rules, url, sink);
    }
    let (url_of_masks, mut report) = own.finish();
    let mut rest = Sink::new(&url_of_masks);
    redact(rules, &url_of_masks, &mut rest);
    let (out, more) = rest.finish();
    report.add(more);
    sink.put(0, url.len(), report, |to| to.extend_from_slice(&out));
}

fn whole_url(rules: &Rules, url: &[u8], sink: &mut Sink<'_>) {
    let mut scan = Scan::new(rules, url);
    let fragment = memchr(b'#', url).unwrap_or(url.len());
    let query = memchr(b'?', &url[..fragment]).unwrap_or(fragment);
    let path = userinfo(&url[..query], sink);
    scan.window(path..query, sink);
    self::query(&mut scan, rules, url, (query + 1).min(fragment)..fragment, sink);
    // A fragment may hold a token as if it were a query (RFC 6749 section 4.2.2).
    self::query(&mut scan, rules, url, (fragment + 1).min(url.len())..url.len(), sink);
}

/// Hides who logs in, and says where the rest begins.
fn userinfo(front: &[u8], sink: &mut Sink<'_>) -> usize {
    let mut places = memmem::find_iter(front, b"//");
    let Some(slashes) = places.find(|at| *at == 0 || front[at - 1] == b':') else { return 0 };
    let start = slashes + 2;
    let end = memchr(b'/', &front[start..]).map_or(front.len(), |slash| start + slash);
    // A password may have a slash in it that should have been encoded; then there is no at sign before it.
    let at = memrchr(b'@', &front[start..end]).map(|at| start + at);
    let Some(at) = at.filter(|at| *at > start) else { return 0 };
    let user = &front[start..at];
    // A mask in its middle may have swallowed the slash that stood before the at sign.
    let judged_before = judged(user).len() < user.len() && !user.starts_with(HIDDEN.as_bytes());
    if !is_mask(user) && !judged_before {
        sink.replace(&Span::new(start..at, Mask::Hidden));
    }
    at + 1
}

/// The parameters in a part of a URL.
fn query(scan: &mut Scan<'_>, rules: &Rules, url: &[u8], part: Range<usize>, sink: &mut Sink<'_>) {
    let mut start = part.start;
    while start < part.end {
        let end = memchr2(b'&', b';', &url[start..part.end]).map_or(part.end, |end| start + end);
        parameter(scan, rules, url, start..end, sink);
        start = end + 1;
    }
}

fn parameter(scan: &mut Scan<'_>, rules: &Rules, url: &[u8], pair: Range<usize>, sink: &mut Sink<'_>) {
    let equals = memchr(b'=', &url[pair.clone()]).map(|equals| pair.start + equals);
    let value = equals.map_or(pair.start, |equals| equals + 1)..pair.end;
    let name = pair.start..equals.unwrap_or(pair.start);
    let treatment = rules.told_by(&decoded(&url[name.clone()]), Names::of_parameter);
    part(scan, rules, url, name, sink);
    if let Some(mask) = treatment.and_then(|treatment| treatment.of_text(&url[value.clone()])) {
        sink.replace(&Span::named(value, mask));
    } else {
        part(scan, rules, url, value, sink);
    }
}

/// A name or a value. One with escapes is judged by what it stands for.
fn part(scan: &mut Scan<'_>, rules: &Rules, url: &[u8], part: Range<usize>, sink: &mut Sink<'_>) {
    match decoded(&url[part.clone()]) {
        Cow::Borrowed(_) => scan.window(part, sink),
        Cow::Owned(text) => encoded(rules, &text, part, sink),
    }
}

fn encoded(rules: &Rules, text: &[u8], value: Range<usize>, sink: &mut Sink<'_>) {
    let mut inner = Sink::new(text);
    whole(rules, text, &mut inner);
    if inner.changed() {
        let (text, report) = inner.finish();
        sink.put(value.start, value.end, report, |out| encode(&text, out));
    }
}

/// What a part with escapes stands for.
pub(crate) fn decoded(part: &[u8]) -> Cow<'_, [u8]> {
    if memchr2(b'%', b'+', part).is_none() {
        return Cow::Borrowed(part);
    }
    let mut out = Vec::with_capacity(part.len());
    let mut rest = part;
    while let [byte, tail @ ..] = rest {
        let (byte, tail) = match (byte, tail) {
            (b'%', [high, low, tail @ ..]) if is_hex(*high, *low) => (hex(*high) << 4 | hex(*low), tail),
            (b'+', tail) => (b' ', tail),
            (byte, tail) => (*byte, tail),
        };
        out.push(byte);
        rest = tail;
    }
    Cow::Owned(out)
}

fn is_hex(high: u8, low: u8) -> bool {
    high.is_ascii_hexdigit() && low.is_ascii_hexdigit()
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// Writes a value so that no sign in it ends it. The asterisks of masks need no escape.
fn encode(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'*' | b':' | b'/' => {
                out.push(*byte);
            }
            b' ' => out.push(b'+'),
            _ => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
}
