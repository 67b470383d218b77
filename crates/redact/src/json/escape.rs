//! JSON strings with escapes in them (RFC 8259 section 7).

use super::NotJson;

/// Writes what a string between quotes stands for. Half of a pair of surrogates becomes a replacement character.
pub(crate) fn unescape(raw: &[u8], out: &mut Vec<u8>) -> Result<(), NotJson> {
    out.clear();
    out.reserve(raw.len());
    let mut rest = raw;
    while let Some(slash) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..slash]);
        rest = one(&rest[slash + 1..], out)?;
    }
    out.extend_from_slice(rest);
    Ok(())
}

/// Writes what one escape stands for, and hands back what follows it.
fn one<'a>(rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], NotJson> {
    let (sign, rest) = rest.split_first().ok_or(NotJson)?;
    let byte = match sign {
        b'"' | b'\\' | b'/' => *sign,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => return unicode(rest, out),
        _ => return Err(NotJson),
    };
    out.push(byte);
    Ok(rest)
}

fn unicode<'a>(rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], NotJson> {
    let (high, rest) = unit(rest)?;
    let (letter, rest) = match char::from_u32(high) {
        Some(letter) => (letter, rest),
        None => pair(high, rest).unwrap_or((char::REPLACEMENT_CHARACTER, rest)),
    };
    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(rest)
}

fn pair(high: u32, rest: &[u8]) -> Option<(char, &[u8])> {
    let (low, rest) = unit(rest.strip_prefix(b"\\u")?).ok()?;
    let is_pair = (0xd800..0xdc00).contains(&high) && (0xdc00..0xe000).contains(&low);
    let code = is_pair.then(|| 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))?;
    Some((char::from_u32(code)?, rest))
}

fn unit(rest: &[u8]) -> Result<(u32, &[u8]), NotJson> {
    let (digits, rest) = rest.split_at_checked(4).ok_or(NotJson)?;
    let value = digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?));
    Ok((value.ok_or(NotJson)?, rest))
}

/// Writes text so that it may stand between quotes.
pub(crate) fn escape(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_as_any_parser_reads_them() {
        for raw in [r"a\u0070b", r"\ud83d\ude00", r#"\"\\\/\b\f\n\r\t"#, "plain", "", r"\u00e9\u20ac"] {
            let mut out = Vec::new();
            unescape(raw.as_bytes(), &mut out).unwrap();
            let expected: String = serde_json::from_str(&format!("\"{raw}\"")).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{raw}");
        }
    }

    #[test]
    fn half_a_pair_is_a_replacement_and_a_bad_escape_is_no_json() {
        let mut out = Vec::new();
        unescape(br"\ud83dx\ude00", &mut out).unwrap();
        assert_eq!(out, "\u{fffd}x\u{fffd}".as_bytes());
        for raw in [r"\x", r"\u12", r"\u12g4", r"\"] {
            assert!(unescape(raw.as_bytes(), &mut out).is_err(), "{raw}");
        }
    }

    #[test]
    fn what_is_escaped_is_read_back() {
        let text: Vec<u8> = (0..0x80).collect();
        let (mut escaped, mut back) = (Vec::new(), Vec::new());
        escape(&text, &mut escaped);
        unescape(&escaped, &mut back).unwrap();
        assert_eq!(back, text);
    }
}
