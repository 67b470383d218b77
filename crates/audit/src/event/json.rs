//! JSON as records have it: one line, and nothing in it that a viewer takes for the end of one.

use std::net::IpAddr;

/// Writes a string in quotes.
///
/// Beside what JSON demands, DEL is escaped, the controls U+0080 to U+009F, the ends of lines U+2028 and U+2029, and
/// what changes the direction of text or has no width: a reader sees every sign that is there, in its order.
pub(super) fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    if is_plain(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
    } else {
        escaped(text, out);
    }
    out.push(b'"');
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Whether a text is ASCII without controls, quotes and backslashes, as nearly all are; eight bytes at a time.
fn is_plain(text: &[u8]) -> bool {
    let words = text.chunks_exact(8);
    let rest = words.remainder();
    let none_at = |word: u64, byte: u8| {
        let zero_where_equal = word ^ (ONES * u64::from(byte));
        zero_where_equal.wrapping_sub(ONES) & !zero_where_equal & HIGH
    };
    let bad = |word: u64| {
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let high = word & HIGH;
        control | high | none_at(word, b'"') | none_at(word, b'\\') | none_at(word, 0x7f)
    };
    let mut words = words.map(|word| word.try_into().map_or(HIGH, u64::from_le_bytes));
    words.all(|word| bad(word) == 0) && rest.iter().all(|byte| is_plain_byte(*byte))
}

const fn is_plain_byte(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn escaped(text: &str, out: &mut Vec<u8>) {
    for sign in text.chars() {
        if is_special(sign) {
            escape(sign, out);
        } else {
            out.extend_from_slice(sign.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

/// Makes one line of JSON that somebody else wrote, from a place in a buffer on.
///
/// Only blanks can be raw control characters in valid JSON, and only strings can hold what is not ASCII.
pub(super) fn tame(out: &mut Vec<u8>, from: usize) {
    let written = &out[from..];
    if !written.iter().any(|byte| !byte.is_ascii() || byte.is_ascii_control()) {
        return;
    }
    let foreign = out.split_off(from);
    for chunk in foreign.utf8_chunks() {
        for sign in chunk.valid().chars() {
            match sign {
                '\0'..='\x1f' => out.push(b' '),
                _ if is_special(sign) && !matches!(sign, '"' | '\\') => escape(sign, out),
                _ => out.extend_from_slice(sign.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

fn is_special(sign: char) -> bool {
    match sign {
        ' '..='~' => matches!(sign, '"' | '\\'),
        // Controls, and blanks and hyphens that cannot be seen.
        '\0'..'\u{a0}' | '\u{ad}' | '\u{61c}' | '\u{180e}'
        // Blanks without width, directions, ends of lines; a mark of byte order, notes, tags.
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => true,
        _ => false,
    }
}

fn escape(sign: char, out: &mut Vec<u8>) {
    match sign {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        _ => {
            for unit in sign.encode_utf16(&mut [0; 2]) {
                out.extend_from_slice(b"\\u");
                hex((*unit).into(), 4, out);
            }
        }
    }
}

/// Writes the lowest digits of a number, in base 16 and lower case.
pub(super) fn hex(number: u128, digits: u32, out: &mut Vec<u8>) {
    for place in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(number >> (4 * place) & 0xf) as usize]);
    }
}

/// Writes a number in base 10.
pub(super) fn number(number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let (mut place, mut rest) = (digits.len(), number);
    loop {
        place -= 1;
        digits[place] = b"0123456789"[(rest % 10) as usize];
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[place..]);
}

/// Writes the name of a member, given as `,"name":`; without the comma where it is the first.
pub(super) fn name(name: &str, out: &mut Vec<u8>) {
    let comma = usize::from(out.last() == Some(&b'{'));
    out.extend_from_slice(&name.as_bytes()[comma..]);
}

/// Writes a member whose value is a word of ours.
pub(super) fn word(key: &str, value: &str, out: &mut Vec<u8>) {
    name(key, out);
    out.push(b'"');
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

/// Writes an address in quotes.
pub(super) fn addr(addr: IpAddr, out: &mut Vec<u8>) {
    out.push(b'"');
    match addr {
        IpAddr::V4(addr) => {
            for (place, octet) in addr.octets().into_iter().enumerate() {
                if place > 0 {
                    out.push(b'.');
                }
                number(octet.into(), out);
            }
        }
        IpAddr::V6(_) => out.extend_from_slice(addr.to_string().as_bytes()),
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quoted(text: &str) -> String {
        let mut out = Vec::new();
        string(text, &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    fn tamed(json: &str) -> String {
        let mut out = b"kept\n".to_vec();
        out.extend_from_slice(json.as_bytes());
        tame(&mut out, 5);
        String::from_utf8(out).expect("UTF-8").strip_prefix("kept\n").expect("kept").to_owned()
    }

    #[test]
    fn what_breaks_lines_or_turns_them_round_is_escaped() {
        assert_eq!(quoted("a\"b\\c\n\r\t\0\u{1b}[31m\u{7f}"), r#""a\"b\\c\n\r\t\u0000\u001b[31m\u007f""#);
        assert_eq!(
            quoted("\u{85}\u{9b}\u{2028}\u{2029}\u{202e}\u{2066}"),
            r#""\u0085\u009b\u2028\u2029\u202e\u2066""#
        );
        assert_eq!(quoted("\u{e0041}\u{feff}\u{200b}"), r#""\udb40\udc41\ufeff\u200b""#);
        assert_eq!(quoted("Zoë, 東京, 🚀"), "\"Zoë, 東京, 🚀\"");
    }

    #[test]
    fn json_of_others_becomes_one_line_and_means_the_same() {
        assert_eq!(tamed("{\n\t\"a\":\r\n 1}"), "{  \"a\":   1}");
        assert_eq!(tamed("[\"\u{2028}é\u{9b}\\n\"]"), "[\"\\u2028é\\u009b\\n\"]");
        let mut broken = vec![b'"', 0xff, b'"'];
        tame(&mut broken, 0);
        assert_eq!(broken, "\"\u{fffd}\"".as_bytes());
    }

    fn is_tame(json: &str) -> bool {
        !json.chars().any(|sign| {
            sign.is_control() || matches!(sign, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
    }

    proptest! {
        #[test]
        fn every_string_is_read_back_as_it_was(text in any::<String>()) {
            let json = quoted(&text);
            prop_assert!(is_tame(&json), "{json:?}");
            prop_assert_eq!(serde_json::from_str::<String>(&json).expect("valid JSON"), text);
        }

        #[test]
        fn taming_changes_no_meaning(text in any::<String>()) {
            let json = serde_json::to_string_pretty(&[text]).expect("serialises");
            let tamed = tamed(&json);
            prop_assert!(is_tame(&tamed), "{tamed:?}");
            let meaning = |json: &str| serde_json::from_str::<Vec<String>>(json).expect("valid JSON");
            prop_assert_eq!(meaning(&tamed), meaning(&json));
        }

        #[test]
        fn a_text_is_plain_if_every_byte_of_it_is(text in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(is_plain(&text), text.iter().all(|byte| is_plain_byte(*byte)));
            let ascii: Vec<u8> = text.iter().map(|byte| byte & 0x7f | 0x20).collect();
            prop_assert_eq!(is_plain(&ascii), ascii.iter().all(|byte| is_plain_byte(*byte)));
        }

        #[test]
        fn addresses_are_written_as_everywhere(v4 in any::<u32>(), v6 in any::<u128>()) {
            for addr in [IpAddr::V4(v4.into()), IpAddr::V6(v6.into())] {
                let mut out = Vec::new();
                super::addr(addr, &mut out);
                prop_assert_eq!(out, format!("\"{addr}\"").into_bytes());
            }
        }

        #[test]
        fn numbers_are_written_in_full(number in any::<u64>(), id in any::<u128>()) {
            let mut out = Vec::new();
            super::number(number, &mut out);
            prop_assert_eq!(out, number.to_string().into_bytes());
            let mut out = Vec::new();
            hex(id, 32, &mut out);
            prop_assert_eq!(out, format!("{id:032x}").into_bytes());
        }
    }
}
