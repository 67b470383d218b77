//! User and password in a URL (RFC 3986 section 3.2.1).

use memchr::memrchr;

use crate::class::Class;
use crate::mask::{HIDDEN, Mask, judged};
use crate::name::has_digit;
use crate::scan::{Span, View};

/// How long a user without a password must be to be taken for a token.
const TOKEN_LEN: usize = 16;
const LONGEST_SCHEME: usize = 32;

/// Looks at `://`.
pub(crate) fn find<'r>(view: &mut View<'_>, colon: usize) -> Option<Span<'r>> {
    let scheme = view.run_back(Class::Name, colon, LONGEST_SCHEME);
    if !view.at(scheme)?.is_ascii_alphabetic() {
        return None;
    }
    let start = colon + "://".len();
    let end = view.run(Class::Authority, start);
    let at = match memrchr(b'@', view.slice(start, end)) {
        Some(at) => start + at,
        None => raw_password(view, colon, start, end)?,
    };
    let user = view.slice(start, at);
    let part = judged(user);
    // With a mask in its middle it may have been two words when it was judged.
    let one_word = part.len() == user.len() || user.starts_with(HIDDEN.as_bytes());
    let secret = one_word && (part.contains(&b':') || part.len() >= TOKEN_LEN && has_digit(part));
    secret.then(|| Span::new(start..at, Mask::Hidden))
}

/// The at sign of a database's URL whose password has a slash, question mark or hash in it, unescaped.
fn raw_password(view: &mut View<'_>, colon: usize, start: usize, end: usize) -> Option<usize> {
    let is_web = [&b"http"[..], b"https", b"ws", b"wss", b"file"].iter().any(|web| {
        let front = colon.checked_sub(web.len()).unwrap_or(colon);
        view.is_border(front) && view.slice(front, colon).eq_ignore_ascii_case(web)
    });
    let password = view.slice(start, end).iter().position(|byte| *byte == b':')? + 1;
    let is_port = view.slice(start + password, end).iter().all(u8::is_ascii_digit);
    if is_web || is_port {
        return None;
    }
    let solid = view.run(Class::Solid, start).min(end + LONGEST_TAIL);
    memrchr(b'@', view.slice(end, solid)).map(|at| end + at)
}

/// How much of a password is searched behind its first slash, in bytes.
const LONGEST_TAIL: usize = 256;
