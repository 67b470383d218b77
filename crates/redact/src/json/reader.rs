use super::NotJson;
use crate::doubt::{LEN, bits_of, padded};
use crate::effort;

/// Where a string ends, and what was seen on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The place of the closing quote.
    pub(crate) at: usize,
    /// Whether there was a backslash.
    pub(crate) escaped: bool,
}

/// Reads the strings of a text from its front to its end, a block at a time.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a [u8],
    /// Where the block begins that was looked at last.
    base: usize,
    /// Its quotes and backslashes, a bit for each.
    stops: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        let mut reader = Self { text, base: 0, stops: 0 };
        reader.look(0);
        reader
    }

    /// The end of a string whose first byte behind the quote is at `from`.
    #[inline]
    pub(super) fn string(&mut self, from: usize) -> Result<End, NotJson> {
        let mut at = from;
        loop {
            let inside = self.seek(at)?;
            let stops = self.stops >> inside;
            if stops != 0 {
                at += stops.trailing_zeros() as usize;
                break;
            }
            at = self.base + LEN;
        }
        effort::spend(at - from);
        if self.text.get(at) == Some(&b'"') { Ok(End { at, escaped: false }) } else { self.escaped(at) }
    }

    /// The end of a string with a backslash at a place. Such a string is looked at in another way.
    #[cold]
    fn escaped(&self, slash: usize) -> Result<End, NotJson> {
        let mut at = slash;
        while self.text.get(at) == Some(&b'\\') {
            at += 2;
            let rest = self.text.get(at..).ok_or(NotJson)?;
            at += memchr::memchr2(b'"', b'\\', rest).ok_or(NotJson)?;
        }
        effort::spend(at - slash);
        Ok(End { at, escaped: true })
    }

    /// Goes to the block of a place, and says where in the block it is.
    #[inline]
    fn seek(&mut self, at: usize) -> Result<u32, NotJson> {
        if at - self.base >= LEN {
            if at >= self.text.len() {
                return Err(NotJson);
            }
            self.look(at & !(LEN - 1));
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is less than 64")]
        let inside = (at - self.base) as u32;
        Ok(inside)
    }

    fn look(&mut self, base: usize) {
        let rest = self.text.get(base..).unwrap_or_default();
        self.base = base;
        self.stops = match rest.first_chunk() {
            Some(block) => bits_of(block, b'"', b'\\'),
            None => bits_of(&padded(rest), b'"', b'\\'),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Option<End> {
        Reader::new(text).string(1).ok()
    }

    #[test]
    fn strings_end_at_their_own_ends() {
        for (text, end) in [
            (r#""ab""#, Some((3, false))),
            (r#""a\"b" "#, Some((5, true))),
            (r#""a\\" "#, Some((4, true))),
            (r#""a long one \" and \\ so on" tail"#, Some((27, true))),
            (r#""a\"#, None),
            (r#""a"#, None),
            (r#"""#, None),
        ] {
            assert_eq!(read(text.as_bytes()).map(|end| (end.at, end.escaped)), end, "{text}");
        }
    }

    /// What a string is, one byte after another.
    fn naive(text: &[u8]) -> Option<End> {
        let mut end = End { at: 1, escaped: false };
        while text.get(end.at)? != &b'"' {
            end.escaped |= text[end.at] == b'\\';
            end.at += if text[end.at] == b'\\' { 2 } else { 1 };
        }
        Some(end)
    }

    proptest::proptest! {
        #[test]
        fn blocks_find_what_bytes_find(inside in "[\"\\\\a0-9:;=@A?/é\u{80}-\u{ff}]{0,40}|[a0-9:]{0,200}", tail in "[ a\"]{0,80}") {
            let text = format!("\"{inside}\"{tail}");
            proptest::prop_assert_eq!(read(text.as_bytes()), naive(text.as_bytes()));
        }
    }
}
