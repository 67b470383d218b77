use std::borrow::Cow;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::Refusal;

/// The longest key, in bytes after unescaping.
const MAX_BYTES: usize = 255;

/// The key of a request, unescaped; `None` if there is none.
pub(crate) fn read<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<Cow<'a, str>>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => parse(value).map(Some),
        (Some(_), Some(_)) => Err(Refusal::KeyRepeated),
    }
}

fn parse(value: &HeaderValue) -> Result<Cow<'_, str>, Refusal> {
    let text = value.to_str().map_err(|_| Refusal::KeyMalformed)?.trim_matches(' ');
    let key = match text.strip_prefix('"') {
        Some(rest) => quoted(rest)?.into(),
        None => bare(text)?,
    };
    of_length(key)
}

/// A key of a length that is allowed.
pub(crate) fn of_length(key: Cow<'_, str>) -> Result<Cow<'_, str>, Refusal> {
    match key.len() {
        0 => Err(Refusal::KeyEmpty),
        1..=MAX_BYTES => Ok(key),
        _ => Err(Refusal::KeyTooLong),
    }
}

/// The rest of a string (RFC 9651, section 4.2.5) after its first quote; parameters after it mean nothing here.
fn quoted(rest: &str) -> Result<String, Refusal> {
    let mut key = String::with_capacity(rest.len().min(MAX_BYTES));
    let mut chars = rest.chars();
    loop {
        match chars.next() {
            Some('"') => break,
            Some('\\') => {
                let escaped = chars.next().filter(|c| "\\\"".contains(*c));
                key.push(escaped.ok_or(Refusal::KeyMalformed)?);
            }
            Some(c @ ' '..='~') => key.push(c),
            _ => return Err(Refusal::KeyMalformed),
        }
    }
    let after = chars.as_str();
    if after.is_empty() || after.starts_with(';') { Ok(key) } else { Err(Refusal::KeyMalformed) }
}

/// What clients send in practice: a UUID without quotes.
fn bare(text: &str) -> Result<Cow<'_, str>, Refusal> {
    let is_plain = text.bytes().all(
        |byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'-'..=b':' | b'_' | b'~' | b'+' | b'=' | b'@'),
    );
    if is_plain { Ok(text.into()) } else { Err(Refusal::KeyMalformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(bytes: &[u8]) -> Result<String, Refusal> {
        parse(&HeaderValue::from_bytes(bytes).unwrap()).map(Cow::into_owned)
    }

    #[test]
    fn quoted_and_bare_spellings_are_one_key() {
        for spelling in [&b"a-1"[..], b"\"a-1\"", b" \"a-1\" ", b"\"a-1\";p=1"] {
            assert_eq!(key(spelling), Ok("a-1".to_owned()));
        }
        assert_eq!(key(br#""a\"b\\c""#), Ok(r#"a"b\c"#.to_owned()));
        assert_eq!(key(b"\"two words\""), Ok("two words".to_owned()));
    }

    #[test]
    fn what_is_no_key_is_refused_and_never_mended() {
        for (value, why) in [
            (&b""[..], Refusal::KeyEmpty),
            (b"\"\"", Refusal::KeyEmpty),
            (b"two words", Refusal::KeyMalformed),
            (b"\"open", Refusal::KeyMalformed),
            (b"\"a\"b", Refusal::KeyMalformed),
            (b"\"a\", \"b\"", Refusal::KeyMalformed),
            (br#""a\n""#, Refusal::KeyMalformed),
            (b"a,b", Refusal::KeyMalformed),
            (b"\xff\xfe", Refusal::KeyMalformed),
            ("schlüssel".as_bytes(), Refusal::KeyMalformed),
        ] {
            assert_eq!(key(value), Err(why), "{value:?}");
        }
    }

    #[test]
    fn the_longest_key_has_255_bytes() {
        assert!(key(&[b'a'; 255]).is_ok());
        assert_eq!(key(&[b'a'; 256]), Err(Refusal::KeyTooLong));
    }
}
