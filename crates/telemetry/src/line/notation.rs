use super::MAX_SLOT;
use super::escape::escape;
use super::familiar::Plain;

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notation {
    /// One JSON object.
    Json,
    /// Words for people, with colours or without.
    Text { colours: bool },
}

impl Notation {
    /// Begins a field.
    pub(crate) fn key(self, name: &str, out: &mut Vec<u8>) {
        match self {
            Self::Json => {
                out.extend_from_slice(b",\"");
                escape(name, MAX_SLOT, out);
                out.extend_from_slice(b"\":");
            }
            Self::Text { .. } => {
                out.push(b' ');
                escape(name, MAX_SLOT, out);
                out.push(b'=');
            }
        }
    }

    /// Writes a short text in which there is nothing to escape.
    #[inline]
    pub(crate) fn plain(self, text: &str, plain: &Plain, out: &mut Vec<u8>) -> bool {
        if self != Self::Json {
            return self.text(text, MAX_SLOT, out);
        }
        plain.write_quoted(out);
        true
    }

    /// Writes a text that needs neither escapes nor, for people, quotes.
    #[inline]
    pub(crate) fn word(self, word: &[u8], out: &mut Vec<u8>) {
        let quote: &[u8] = if self == Self::Json { b"\"" } else { b"" };
        for part in [quote, word, quote] {
            out.extend_from_slice(part);
        }
    }

    /// Writes a text as a value of at most `room` bytes, and says whether all of it is there.
    pub(crate) fn text(self, text: &str, room: usize, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Text { .. } if is_word(text) => escape(text, room, out),
            _ => quoted(text, room, out),
        }
    }
}

#[inline]
fn quoted(text: &str, room: usize, out: &mut Vec<u8>) -> bool {
    out.push(b'"');
    let whole = escape(text, room, out);
    out.push(b'"');
    whole
}

/// Whether people see where a value ends without quotes around it.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'=' | b',' | b'\''))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(notation: Notation, text: &str) -> String {
        let mut out = Vec::new();
        notation.key("k", &mut out);
        notation.text(text, 100, &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn people_get_quotes_only_where_they_help_and_json_always() {
        let people = Notation::Text { colours: false };
        for (text, in_text, in_json) in [
            ("word", " k=word", r#","k":"word""#),
            ("", r#" k="""#, r#","k":"""#),
            ("two words", r#" k="two words""#, r#","k":"two words""#),
            ("a=b", r#" k="a=b""#, r#","k":"a=b""#),
            ("a\nb", r#" k="a\nb""#, r#","k":"a\nb""#),
            ("a\u{1b}b", r#" k="a\u001bb""#, r#","k":"a\u001bb""#),
        ] {
            assert_eq!(field(people, text), in_text);
            assert_eq!(field(Notation::Json, text), in_json);
        }
    }
}
