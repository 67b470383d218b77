use super::NotJson;
use crate::effort;

/// Where a string ends, and what was seen on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The place of the closing quote.
    pub(crate) at: usize,
    /// Whether there was a backslash.
    pub(crate) escaped: bool,
    /// Whether there was one of `:;<=>?@` or four digits in a row, without which few secrets can be.
    pub(crate) loud: bool,
}

/// The end of a string whose first byte behind the quote is at `from`.
#[inline]
pub(crate) fn string(text: &[u8], from: usize) -> Result<End, NotJson> {
    let mut word = Word::default();
    let (mut at, mut loud) = (from, false);
    while let Some(bytes) = text.get(at..).and_then(<[u8]>::first_chunk) {
        word = word.next(*bytes);
        let before = word.before_stop();
        loud |= word.loud & before != 0;
        if word.stops != 0 {
            return rest_of_string(text, from, at + word.place_of_stop(), loud);
        }
        at += 8;
    }
    // Fewer than eight bytes are left. They may be loud: it costs one look more.
    rest_of_string(text, from, at, true)
}

/// The end of a string, from a quote, a backslash or the last bytes of the text on.
fn rest_of_string(text: &[u8], from: usize, stop: usize, loud: bool) -> Result<End, NotJson> {
    let (mut at, mut escaped) = (stop, false);
    loop {
        match text.get(at).ok_or(NotJson)? {
            b'"' => break,
            b'\\' => {
                escaped = true;
                at += 2;
                let rest = text.get(at..).ok_or(NotJson)?;
                at += memchr::memchr2(b'"', b'\\', rest).ok_or(NotJson)?;
            }
            _ => at += 1,
        }
    }
    effort::spend(at - from);
    Ok(End { at, escaped, loud: loud || escaped })
}

/// Eight bytes of a string, with the highest bit of each byte saying whether it is something.
#[derive(Clone, Copy, Default)]
struct Word {
    digits: u64,
    /// Quotes and backslashes; right up to the first one, which is all that is asked.
    stops: u64,
    loud: u64,
}

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGH: u64 = u64::from_le_bytes([0x80; 8]);

impl Word {
    fn next(self, bytes: [u8; 8]) -> Self {
        let word = u64::from_le_bytes(bytes);
        let low = word & !HIGH;
        let at_least = |byte: u8| low + u64::from(0x80 - byte) * ONES;
        let ascii = !word & HIGH;
        let signs = at_least(b':') & !at_least(b'A') & ascii;
        let digits = at_least(b'0') & !at_least(b':') & ascii;
        let before = |bytes: u32| digits << (8 * bytes) | self.digits >> (64 - 8 * bytes);
        let loud = signs | digits & before(1) & before(2) & before(3);
        Self {
            digits,
            stops: zeros(word ^ (u64::from(b'"') * ONES)) | zeros(word ^ (u64::from(b'\\') * ONES)),
            loud,
        }
    }

    /// The bits of the bytes before the first quote or backslash, or all.
    fn before_stop(self) -> u64 {
        // The lowest bit that is set, less one, or all bits if none is.
        (self.stops & self.stops.wrapping_neg()).wrapping_sub(1)
    }

    fn place_of_stop(self) -> usize {
        self.stops.trailing_zeros() as usize / 8
    }
}

/// The high bits of the bytes that are zero; above the first of them there may be more.
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGH
}

/// The place behind the bracket that closes the one at `from`. What stands inside is going to be hidden, so only its
/// brackets and strings are followed.
pub(crate) fn container(text: &[u8], from: usize) -> Result<usize, NotJson> {
    let (mut at, mut depth) = (from, 0_usize);
    loop {
        match text.get(at).ok_or(NotJson)? {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' => at = string(text, at + 1)?.at,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            effort::spend(at - from);
            return Ok(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_containers_end_at_their_own_ends() {
        for (text, end) in [
            (r#""ab""#, Some((3, false))),
            (r#""a\"b" "#, Some((5, true))),
            (r#""a\\" "#, Some((4, true))),
            (r#""a long one \" and \\ so on" tail"#, Some((27, true))),
            (r#""a\"#, None),
            (r#""a"#, None),
            (r#"""#, None),
        ] {
            let found = string(text.as_bytes(), 1).ok().map(|end| (end.at, end.escaped));
            assert_eq!(found, end, "{text}");
        }
        assert_eq!(container(br#"{"a":"}]","b":[{}]} tail"#, 0), Ok(19));
        assert_eq!(container(b"[{", 0), Err(NotJson));
    }

    /// What a string is, one byte after another.
    fn naive(text: &[u8]) -> Option<End> {
        let (mut at, mut escaped, mut loud, mut digits) = (1, false, false, 0);
        while text.get(at)? != &b'"' {
            escaped |= text[at] == b'\\';
            digits = if text[at].is_ascii_digit() { digits + 1 } else { 0 };
            loud |= digits >= 4 || (b':'..=b'@').contains(&text[at]);
            at += if text[at] == b'\\' { 2 } else { 1 };
        }
        Some(End { at, escaped, loud: loud || escaped })
    }

    proptest::proptest! {
        #[test]
        fn words_find_what_bytes_find(inside in "[\"\\\\a0-9:;=@A?/é\u{80}-\u{ff}]{0,40}") {
            let text = format!("\"{inside}\"and much that follows it");
            let found = string(text.as_bytes(), 1).ok();
            let expected = naive(text.as_bytes());
            proptest::prop_assert_eq!(found.map(|end| (end.at, end.escaped)), expected.map(|end| (end.at, end.escaped)));
            // To be called loud for nothing costs a look; the other way round a secret would be missed.
            let missed = matches!((found, expected), (Some(found), Some(expected)) if expected.loud && !found.loud);
            proptest::prop_assert!(!missed);
        }
    }
}
