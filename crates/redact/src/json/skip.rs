use super::NotJson;
use crate::effort;

/// The end of a string whose first byte behind the quote is at `from`: the place of the closing quote, and whether
/// there was a backslash on the way.
#[inline]
pub(crate) fn string(text: &[u8], from: usize) -> Result<(usize, bool), NotJson> {
    let mut at = from;
    let mut escaped = false;
    loop {
        let rest = text.get(at..).ok_or(NotJson)?;
        at += memchr::memchr2(b'"', b'\\', rest).ok_or(NotJson)?;
        if text[at] == b'"' {
            effort::spend(at - from);
            return Ok((at, escaped));
        }
        escaped = true;
        at += 2;
    }
}

/// The place behind the bracket that closes the one at `from`. What stands inside is going to be hidden, so only its
/// brackets and strings are followed.
pub(crate) fn container(text: &[u8], from: usize) -> Result<usize, NotJson> {
    let (mut at, mut depth) = (from, 0_usize);
    loop {
        match text.get(at).ok_or(NotJson)? {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' => at = string(text, at + 1)?.0,
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
        assert_eq!(string(br#""ab""#, 1), Ok((3, false)));
        assert_eq!(string(br#""a\"b" "#, 1), Ok((5, true)));
        assert_eq!(string(br#""a\\" "#, 1), Ok((4, true)));
        assert_eq!(string(br#""a\"#, 1), Err(NotJson));
        assert_eq!(string(br#""a"#, 1), Err(NotJson));
        assert_eq!(container(br#"{"a":"}]","b":[{}]} tail"#, 0), Ok(19));
        assert_eq!(container(b"[{", 0), Err(NotJson));
    }
}
