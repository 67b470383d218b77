/// The length of the number at the start of a text (RFC 8259 section 6), if there is one.
pub(crate) fn len(text: &[u8]) -> Option<usize> {
    let sign = usize::from(text.first() == Some(&b'-'));
    let whole = match text.get(sign)? {
        b'0' => 1,
        _ => some_digits(&text[sign..])?,
    };
    let mut len = sign + whole;
    if text.get(len) == Some(&b'.') {
        len += 1 + some_digits(&text[len + 1..])?;
    }
    if matches!(text.get(len), Some(b'e' | b'E')) {
        len += 1 + usize::from(matches!(text.get(len + 1), Some(b'+' | b'-')));
        len += some_digits(text.get(len..)?)?;
    }
    Some(len)
}

fn some_digits(text: &[u8]) -> Option<usize> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_standard() {
        for (text, expected) in [
            ("0", Some(1)),
            ("-12", Some(3)),
            ("1.50,", Some(4)),
            ("1e5", Some(3)),
            ("1.5E-10]", Some(7)),
            ("01", Some(1)),
            ("", None),
            ("-", None),
            (".5", None),
            ("1.", None),
            ("1e", None),
            ("1e+", None),
        ] {
            assert_eq!(len(text.as_bytes()), expected, "{text}");
        }
    }
}
