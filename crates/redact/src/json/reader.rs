use super::NotJson;
use super::block::{self, Bits};
use crate::effort;

/// Where a string ends, and what was seen on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The place of the closing quote.
    pub(crate) at: usize,
    /// Whether there was a backslash.
    pub(crate) escaped: bool,
    /// Whether there was one of `:`, `=`, `>` and `@`.
    pub(crate) signs: bool,
    /// Whether there were four digits in a row.
    pub(crate) digits: bool,
}

/// Reads the strings of a text from its front to its end, a block at a time.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a [u8],
    /// Where the block begins that was looked at last.
    base: usize,
    bits: Bits,
    /// The last of four digits in a row, in the block.
    runs: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        let mut reader = Self { text, base: 0, bits: Bits::default(), runs: 0 };
        reader.look(0);
        reader
    }

    /// The end of a string whose first byte behind the quote is at `from`.
    #[inline]
    pub(super) fn string(&mut self, from: usize) -> Result<End, NotJson> {
        let (mut at, mut signs, mut runs) = (from, 0, 0);
        loop {
            let inside = self.seek(at)?;
            let stops = self.bits.stops >> inside;
            let (seen_signs, seen_runs) = (self.bits.signs >> inside, self.runs >> inside);
            if stops != 0 {
                // The bits below the lowest that is set.
                let before = stops ^ (stops - 1);
                signs |= seen_signs & before;
                runs |= seen_runs & before;
                at += stops.trailing_zeros() as usize;
                break;
            }
            signs |= seen_signs;
            runs |= seen_runs;
            at = self.base + block::LEN;
        }
        effort::spend(at - from);
        let end = End { at, escaped: false, signs: signs != 0, digits: runs != 0 };
        if self.text.get(at) == Some(&b'"') { Ok(end) } else { self.escaped(at) }
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
        Ok(End { at, escaped: true, signs: true, digits: true })
    }

    /// Goes to the block of a place, and says where in the block it is.
    #[inline]
    fn seek(&mut self, at: usize) -> Result<u32, NotJson> {
        if at - self.base >= block::LEN {
            if at >= self.text.len() {
                return Err(NotJson);
            }
            self.look(at & !(block::LEN - 1));
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is less than 64")]
        let inside = (at - self.base) as u32;
        Ok(inside)
    }

    fn look(&mut self, base: usize) {
        let rest = self.text.get(base..).unwrap_or_default();
        let bits = match rest.first_chunk() {
            Some(block) => Bits::of(block),
            None => Bits::of(&padded(rest)),
        };
        // If blocks were left out, digits may have stood there: that costs a look and misses nothing.
        let before = if base == self.base + block::LEN { self.bits.digits } else { u64::MAX };
        self.runs = bits.runs(if base == 0 { 0 } else { before });
        (self.base, self.bits) = (base, bits);
    }
}

/// The last bytes of a text, with zeros behind them.
#[cold]
fn padded(rest: &[u8]) -> [u8; block::LEN] {
    let mut block = [0; block::LEN];
    block[..rest.len()].copy_from_slice(rest);
    block
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
        let (mut at, mut run) = (1, 0);
        let mut end = End { at, escaped: false, signs: false, digits: false };
        while text.get(at)? != &b'"' {
            end.escaped |= text[at] == b'\\';
            run = if text[at].is_ascii_digit() { run + 1 } else { 0 };
            end.digits |= run >= 4;
            end.signs |= matches!(text[at], b':' | b'=' | b'>' | b'@');
            at += if text[at] == b'\\' { 2 } else { 1 };
        }
        Some(End { at, signs: end.signs || end.escaped, digits: end.digits || end.escaped, ..end })
    }

    proptest::proptest! {
        #[test]
        fn blocks_find_what_bytes_find(inside in "[\"\\\\a0-9:;=@A?/é\u{80}-\u{ff}]{0,40}|[a0-9:]{0,200}", tail in "[ a\"]{0,80}") {
            let text = format!("\"{inside}\"{tail}");
            proptest::prop_assert_eq!(read(text.as_bytes()), naive(text.as_bytes()));
        }
    }

    #[test]
    fn digits_in_blocks_that_were_left_out_are_not_missed() {
        let text = format!("\"{}\"{}12345\"", "a".repeat(70), "9".repeat(119));
        let mut reader = Reader::new(text.as_bytes());
        assert!(reader.string(text.len() - 4).is_ok_and(|end| end.digits));
    }
}
