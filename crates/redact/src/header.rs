//! Values whose names are known apart from them.

use crate::mask::{Mask, is_mask};
use crate::name::Treatment;
use crate::pass::whole;
use crate::rules::Rules;
use crate::scan::{Scan, Span};
use crate::sink::Sink;

/// The value of a field: all of it goes if its name is that of a secret, otherwise it is text.
pub(crate) fn field(rules: &Rules, name: &[u8], value: &[u8], sink: &mut Sink<'_>) {
    match rules.names.of(name).and_then(|treatment| treatment.of_text(value)) {
        Some(mask) => sink.replace(&Span::named(0..value.len(), mask)),
        None => whole(rules, value, sink),
    }
}

/// The value of a header: as a field, but the scheme of credentials stays.
pub(crate) fn redact(rules: &Rules, name: &[u8], value: &[u8], sink: &mut Sink<'_>) {
    match rules.names.of(name) {
        Some(Treatment::Credentials) => credentials(rules, value, sink),
        _ => field(rules, name, value, sink),
    }
}

fn credentials(rules: &Rules, value: &[u8], sink: &mut Sink<'_>) {
    let start = behind_scheme(value).unwrap_or(0);
    // What stands in a scheme's place may be none.
    Scan::new(rules, value).window(0..start, sink);
    let secret = &value[start..];
    if !secret.is_empty() && !is_mask(secret) {
        sink.replace(&Span::named(start..value.len(), Mask::Hidden));
    }
}

/// Where the credentials begin (RFC 9110 section 11.4), if a scheme stands before them.
fn behind_scheme(value: &[u8]) -> Option<usize> {
    let blank = value.iter().position(|byte| *byte == b' ')?;
    let scheme =
        value[..blank].iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'0'..=b'9'));
    let blanks = value[blank..].iter().take_while(|byte| **byte == b' ').count();
    (scheme && blank > 0 && blank <= LONGEST_SCHEME).then_some(blank + blanks)
}

/// A longer first word is rather a part of a secret.
const LONGEST_SCHEME: usize = 20;
