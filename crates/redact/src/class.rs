//! Which bytes belong to what, as bits in one table.

/// A set of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Class {
    /// Letters and digits.
    Alnum,
    /// What a name in running text is made of, and a token in parts: letters, digits, `_`, `-`, `.`.
    Name,
    /// Base64 for URLs: letters, digits, `_`, `-`.
    Base64Url,
    /// Base64: letters, digits, `+`, `/`, `=`.
    Base64,
    /// What may stand in an HTTP credential (RFC 9110 section 11.2): base64 of both kinds, `.` and `~`.
    Token68,
    /// Hexadecimal digits.
    Hex,
    /// What may stand between `://` and the path of a URL in running text.
    Authority,
    /// Anything but blanks and control characters.
    Solid,
    /// The local part of an e-mail address.
    Local,
    /// A value without quotes, to the blank, comma, semicolon, ampersand, quote or closing bracket behind it.
    Bare,
    /// The rest of a line.
    Line,
}

impl Class {
    /// How many classes there are.
    pub(crate) const COUNT: usize = 11;

    /// Whether the byte belongs to the class.
    #[inline]
    pub(crate) fn has(self, byte: u8) -> bool {
        TABLE[byte as usize] & (1 << self as u8) != 0
    }

    const fn holds(self, byte: u8) -> bool {
        let alnum = byte.is_ascii_alphanumeric();
        match self {
            Self::Alnum => alnum,
            Self::Name => alnum || matches!(byte, b'_' | b'-' | b'.'),
            Self::Base64Url => alnum || matches!(byte, b'_' | b'-'),
            Self::Base64 => alnum || matches!(byte, b'+' | b'/' | b'='),
            Self::Token68 => alnum || matches!(byte, b'_' | b'-' | b'.' | b'~' | b'+' | b'/' | b'='),
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Authority => {
                byte > b' '
                    && !matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\' | 0x7f)
            }
            Self::Solid => byte > b' ' && byte != 0x7f,
            Self::Local => alnum || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'\'' | b'-'),
            Self::Bare => {
                byte > b' '
                    && !matches!(
                        byte,
                        b',' | b';' | b'&' | b'"' | b'\'' | b'`' | b')' | b']' | b'}' | b'<' | b'>' | 0x7f
                    )
            }
            Self::Line => !matches!(byte, b'\n' | b'\r'),
        }
    }
}

const CLASSES: [Class; Class::COUNT] = [
    Class::Alnum,
    Class::Name,
    Class::Base64Url,
    Class::Base64,
    Class::Token68,
    Class::Hex,
    Class::Authority,
    Class::Solid,
    Class::Local,
    Class::Bare,
    Class::Line,
];

static TABLE: [u16; 256] = table();

#[expect(clippy::cast_possible_truncation, reason = "a byte counts to 255")]
const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut class = 0;
        while class < CLASSES.len() {
            if CLASSES[class].holds(byte as u8) {
                table[byte] |= 1 << CLASSES[class] as u8;
            }
            class += 1;
        }
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_the_classes_say() {
        for class in CLASSES {
            for byte in 0..=u8::MAX {
                assert_eq!(class.has(byte), class.holds(byte), "{class:?} {byte:#x}");
            }
        }
    }
}
