//! How long a text in a record may be.
//!
//! What is too long is redacted before it is shortened, since half a secret is not known for one. So a little more is
//! kept until then.

use std::borrow::Cow;

use buttress_redact::Redactor;

/// How much more than what is shown is kept, for a secret that begins near the end.
pub(crate) const OVERLAP: usize = 4096;

pub(crate) const ID: usize = 256;
pub(crate) const REASON: usize = 64;
pub(crate) const SHORT: usize = 64;
pub(crate) const PATH: usize = 1024;
pub(crate) const QUERY: usize = 1024;
pub(crate) const USER_AGENT: usize = 256;
pub(crate) const MESSAGE: usize = 1024;

/// As much of a text as is kept.
pub(crate) fn kept<'a>(text: impl Into<Cow<'a, str>>, shown: usize) -> Box<str> {
    let text = text.into();
    if text.len() <= shown + OVERLAP { text.into() } else { cut(&text, shown + OVERLAP).into() }
}

/// The longest part of a text that fits and ends between two characters.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Redacts what is too long, and shortens it.
pub(crate) fn shortened<'a>(text: &'a str, shown: usize, redactor: &Redactor) -> Cow<'a, str> {
    match redactor.text(cut(text, shown + OVERLAP)) {
        Cow::Borrowed(text) => Cow::Borrowed(cut(text, shown)),
        Cow::Owned(text) => Cow::Owned(cut(&text, shown).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
        assert_eq!(cut("aé", 9), "aé");
        assert_eq!(kept("é".repeat(9000), 64).len(), 64 + OVERLAP);
        assert_eq!(&*kept("short", 64), "short");
    }

    #[test]
    fn a_secret_on_the_border_is_hidden_before_the_cut() {
        // Known by its length, of which less than half would be there.
        let text = format!("{} ghp_16C7e42F292c6912E7710c838347Ae178B4a", "x".repeat(40));
        let short = shortened(&text, 60, &Redactor::default());
        assert!(!short.contains("ghp_") && short.len() <= 60, "{short}");
    }
}
