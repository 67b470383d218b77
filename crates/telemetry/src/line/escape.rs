//! Texts as they may stand in a line: nothing in them ends it, changes its order or moves a terminal's cursor.

/// Writes a text, and says whether it found room: at most `room` bytes are written, cut between two characters.
#[inline]
pub(crate) fn escape(text: &str, room: usize, out: &mut Vec<u8>) -> bool {
    if text.len() <= room && is_plain(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
        true
    } else {
        escape_some(text, room, out)
    }
}

/// The same for a text that may have something to escape.
#[inline(never)]
fn escape_some(text: &str, room: usize, out: &mut Vec<u8>) -> bool {
    let mut rest = text;
    let end = out.len().saturating_add(room);
    while !rest.is_empty() {
        let (plain, tail) = rest.split_at(plain_len(rest.as_bytes()));
        let left = end.saturating_sub(out.len());
        if plain.len() > left {
            out.extend_from_slice(&plain.as_bytes()[..border(plain, left)]);
            return false;
        }
        out.extend_from_slice(plain.as_bytes());
        let mut characters = tail.chars();
        if let Some(special) = characters.next()
            && !write(special, end, out)
        {
            return false;
        }
        rest = characters.as_str();
    }
    true
}

/// The last place up to `most` where a text may be cut.
fn border(text: &str, most: usize) -> usize {
    (0..=most).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(0)
}

/// Writes a character that may have to be escaped, if there is room for it.
fn write(special: char, end: usize, out: &mut Vec<u8>) -> bool {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let code = special as usize;
    let [high, low] = [code >> 12 & 15, code >> 8 & 15].map(|digit| HEX[digit]);
    let [tens, ones] = [code >> 4 & 15, code & 15].map(|digit| HEX[digit]);
    let long = [b'\\', b'u', high, low, tens, ones];
    let mut utf8 = [0; 4];
    let written: &[u8] = match special {
        '"' => b"\\\"",
        '\\' => b"\\\\",
        '\n' => b"\\n",
        '\r' => b"\\r",
        '\t' => b"\\t",
        harmful if is_harmful(harmful) => &long,
        harmless => harmless.encode_utf8(&mut utf8).as_bytes(),
    };
    let fits = out.len() + written.len() <= end;
    if fits {
        out.extend_from_slice(written);
    }
    fits
}

/// Control characters of both ranges, separators of lines and paragraphs, and what turns the direction of a text.
/// All of them are below U+10000, so four digits name them.
fn is_harmful(character: char) -> bool {
    matches!(
        character,
        '\0'..='\x1f'
            | '\x7f'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

/// How many bytes at the front can be copied as they are. What follows begins a character.
fn plain_len(bytes: &[u8]) -> usize {
    let (eights, _) = bytes.as_chunks();
    let plain = 8 * eights.iter().take_while(|eight| are_plain(**eight)).count();
    let rest = &bytes[plain..];
    plain + rest.iter().position(|byte| SPECIAL[usize::from(*byte)]).unwrap_or(rest.len())
}

/// Whether there is nothing to escape, and only ASCII, as in most texts. The end is looked at twice rather than byte by byte.
#[inline]
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    if let Some(last) = bytes.last_chunk() {
        let (eights, _) = bytes.as_chunks();
        eights.iter().all(|eight| are_plain(*eight)) && are_plain(*last)
    } else if let (Some([a, b, c, d]), Some([e, f, g, h])) = (bytes.first_chunk(), bytes.last_chunk()) {
        are_plain([*a, *b, *c, *d, *e, *f, *g, *h])
    } else {
        bytes.iter().all(|byte| byte.is_ascii() && !SPECIAL[usize::from(*byte)])
    }
}

/// Whether eight bytes are all printable ASCII, and neither a quote nor a backslash.
#[inline]
fn are_plain(eight: [u8; 8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let eight = u64::from_le_bytes(eight);
    let zero = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes;
    let control = eight.wrapping_sub(ONES * 0x20);
    let delete = eight.wrapping_add(ONES);
    let marks = zero(eight ^ (ONES * 0x22)) | zero(eight ^ (ONES * 0x5c));
    (control | delete | marks | eight) & HIGHS == 0
}

/// The bytes that are escaped, and those that begin a character that may be.
static SPECIAL: [bool; 256] = special();

#[expect(clippy::cast_possible_truncation, reason = "a byte counts to 255")]
const fn special() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(byte as u8, 0..=0x1f | b'"' | b'\\' | 0x7f | 0xc2 | 0xd8 | 0xe2);
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(text: &str, room: usize) -> (String, bool) {
        let mut out = Vec::new();
        let whole = escape(text, room, &mut out);
        (String::from_utf8(out).expect("whole characters"), whole)
    }

    #[test]
    fn what_breaks_lines_or_moves_cursors_is_spelled_out() {
        for (text, spelled) in [
            (
                "plain text of every day, longer than eight bytes",
                "plain text of every day, longer than eight bytes",
            ),
            ("a\"b\\c", r#"a\"b\\c"#),
            ("1\r\n2\t3", r"1\r\n2\t3"),
            ("\0\u{7}\u{1b}[31m\u{7f}", r"\u0000\u0007\u001b[31m\u007f"),
            ("\u{80}\u{85}\u{9b}\u{9f}\u{a0}", "\\u0080\\u0085\\u009b\\u009f\u{a0}"),
            ("\u{2028}\u{2029}", r"\u2028\u2029"),
            (
                "\u{202a}\u{202e}\u{2066}\u{2069}\u{200e}\u{200f}\u{61c}",
                r"\u202a\u202e\u2066\u2069\u200e\u200f\u061c",
            ),
            ("é 例 🦀 \u{2027}\u{202f}", "é 例 🦀 \u{2027}\u{202f}"),
        ] {
            assert_eq!(escaped(text, 1000), (spelled.to_owned(), true));
        }
    }

    #[test]
    fn a_cut_falls_between_characters_and_between_escapes() {
        for (text, room, expected) in [
            ("abcdef", 6, ("abcdef", true)),
            ("abcdef", 5, ("abcde", false)),
            ("éé", 3, ("é", false)),
            ("ab\n", 3, ("ab", false)),
            ("ab\n", 4, ("ab\\n", true)),
            ("a\u{2028}b", 6, ("a", false)),
            ("🦀", 3, ("", false)),
        ] {
            assert_eq!(escaped(text, room), (expected.0.to_owned(), expected.1), "{text:?} {room}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back_from_json_and_holds_nothing_harmful(text in any::<String>(), front in "[ -~]{0,20}") {
            let text = front + &text;
            let (escaped, whole) = escaped(&text, usize::MAX);
            prop_assert!(whole);
            prop_assert!(!escaped.chars().any(is_harmful));
            let json = format!("\"{escaped}\"");
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn a_text_is_plain_if_each_of_its_bytes_is(
            text in "[ !#-\\[\\]-~]{0,40}",
            place in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut bytes = text.into_bytes();
            prop_assert!(is_plain(&bytes));
            prop_assert_eq!(plain_len(&bytes), bytes.len());
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = byte;
                let is_special = SPECIAL[usize::from(byte)];
                prop_assert_eq!(is_plain(&bytes), byte.is_ascii() && !is_special);
                prop_assert_eq!(plain_len(&bytes), if is_special { place } else { bytes.len() });
            }
        }
    }
}
