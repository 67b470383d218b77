//! JSON web tokens (RFC 7519): three parts signed, five encrypted, and session cookies of the same make.

use crate::class::Class;
use crate::mask::Mask;
use crate::scan::{Span, View};

const MIN_HEADER: usize = 10;
const MIN_SIGNATURE: usize = 16;
const MOST_PARTS: usize = 5;

/// Looks at `eyJ`, with which the base64 of `{"` begins.
pub(crate) fn find<'r>(view: &mut View<'_>, start: usize) -> Option<Span<'r>> {
    if !view.is_border(start) {
        return None;
    }
    let header = view.run(Class::Base64Url, start);
    let payload = part(view, header)?;
    let is_token = header - start >= MIN_HEADER
        && (view.goes_on_with(header + 1, b"eyJ") || part(view, payload)? - payload > MIN_SIGNATURE);
    is_token.then(|| Span::new(start..last_part(view, payload), Mask::Kind("jwt")))
}

/// The end of the part behind a full stop.
fn part(view: &mut View<'_>, stop: usize) -> Option<usize> {
    if view.at(stop)? == b'.' { Some(view.run(Class::Base64Url, stop + 1)) } else { None }
}

fn last_part(view: &mut View<'_>, second: usize) -> usize {
    let mut end = second;
    for _ in 2..MOST_PARTS {
        match part(view, end) {
            // A full stop at the end of a sentence is not part of the token.
            Some(next) if next > end + 1 => end = next,
            _ => break,
        }
    }
    end
}
