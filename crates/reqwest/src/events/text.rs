//! Text that others chose, as it may stand in a log.

use std::error::Error as StdError;
use std::fmt::{self, Write as _};
use std::io;

use http::Uri;

/// How much of one text is logged, in bytes.
const MAX_BYTES: usize = 1024;

/// A URL without user, password, query and fragment.
pub(super) struct Place(pub(super) Uri);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = Line::new(f);
        if let Some(scheme) = self.0.scheme_str() {
            write!(line, "{scheme}://")?;
        }
        line.write_str(self.0.host().unwrap_or_default())?;
        if let Some(port) = self.0.port_u16() {
            write!(line, ":{port}")?;
        }
        line.write_str(self.0.path())
    }
}

/// An error with its causes on one line, except reqwest's own, whose text repeats the URL.
pub(super) struct Causes<'a>(pub(super) &'a (dyn StdError + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = Line::new(f);
        let causes = std::iter::successors(Some(self.0), |&error| error.source());
        let mut told = causes.filter(|&error| !is_reqwests(error));
        match told.next() {
            Some(first) => write!(line, "{first}")?,
            None => return line.write_str("the HTTP client failed"),
        }
        told.try_for_each(|error| write!(line, ": {error}"))
    }
}

/// Whether an error speaks with reqwest's words; an I/O error does if it wraps one.
fn is_reqwests(error: &(dyn StdError + 'static)) -> bool {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => wrapped.is::<reqwest::Error>(),
        None => error.is::<reqwest::Error>(),
    }
}

/// Part of one line: passes on what cannot end or disguise it, escapes the rest, and cuts what is too long.
struct Line<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    /// How many more bytes there may be; `None` once something was cut.
    room: Option<usize>,
}

impl<'a, 'f> Line<'a, 'f> {
    fn new(out: &'a mut fmt::Formatter<'f>) -> Self {
        Self { out, room: Some(MAX_BYTES) }
    }

    fn put(&mut self, text: impl fmt::Display, bytes: usize) -> fmt::Result {
        let Some(room) = self.room else { return Ok(()) };
        self.room = room.checked_sub(bytes);
        if self.room.is_some() { write!(self.out, "{text}") } else { self.out.write_str("..") }
    }
}

impl fmt::Write for Line<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| {
            if is_plain(character) {
                self.put(character, character.len_utf8())
            } else {
                self.put(character.escape_default(), character.escape_default().len())
            }
        })
    }
}

/// Whether a character stays on its line and shows what it is: no control, no separator of lines, no word on the
/// direction of writing.
fn is_plain(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Layered(&'static str, Option<Box<dyn StdError>>);

    impl fmt::Display for Layered {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl StdError for Layered {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            self.1.as_deref()
        }
    }

    fn reqwests() -> reqwest::Error {
        let request = reqwest::Client::new().get("http://host/?token=t").header("a b", "c").build();
        let error = request.expect_err("a name with a space");
        error.with_url("http://host/?token=t".parse().expect("a URL"))
    }

    #[test]
    fn a_logged_url_shows_neither_secrets_nor_query() {
        let shown = |uri: &str| Place(uri.parse().expect("a URI")).to_string();
        assert_eq!(shown("https://user:pass@host:8443/a/b?token=t"), "https://host:8443/a/b");
        assert_eq!(shown("https://us%65r:p%40ss@host/a%0ab?token=t"), "https://host/a%0ab");
        assert_eq!(shown("http://[::1]:80"), "http://[::1]:80/");
        assert_eq!(shown("/only/path?q=1"), "/only/path");
        assert_eq!(shown("http://host/\u{85}\u{202e}\u{e9}"), "http://host/\\u{85}\\u{202e}\u{e9}");
    }

    #[test]
    fn a_logged_error_tells_its_causes_without_reqwests_words() {
        let inner = Layered("refused\nlevel=ERROR \u{1b}[2J", None);
        let outer = Layered("no connection", Some(Box::new(Layered("tcp", Some(Box::new(inner))))));
        assert_eq!(Causes(&outer).to_string(), "no connection: tcp: refused\\nlevel=ERROR \\u{1b}[2J");

        assert!(reqwests().to_string().contains("token"), "or the rest of this test shows nothing");
        let wrapped = Layered("no connection", Some(Box::new(io::Error::other(reqwests()))));
        assert!(Causes(&wrapped).to_string().starts_with("no connection: "), "{}", Causes(&wrapped));
        for error in [&reqwests() as &(dyn StdError + 'static), &wrapped, &io::Error::other(reqwests())] {
            assert!(!Causes(error).to_string().contains("token"), "{}", Causes(error));
        }
    }

    #[test]
    fn a_long_text_is_cut_once_and_between_characters() {
        let long =
            Place(format!("http://host/{}", "\u{e9}".repeat(5_000)).parse().expect("a URI")).to_string();
        assert!(long.len() <= MAX_BYTES + "..".len(), "{}", long.len());
        assert!(long.ends_with("\u{e9}.."), "{}", &long[long.len() - 8..]);
    }
}
