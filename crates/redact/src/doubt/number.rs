use crate::detect::card;
use crate::scan::digits;

/// Whether any number in a text may be one that is hidden.
#[cold]
pub(super) fn are_doubtful(text: &[u8]) -> bool {
    let mut from = 0;
    while let Some(number) = digits(text, from..text.len()) {
        if is_doubtful(text, number.start, number.len()) {
            return true;
        }
        from = number.end;
    }
    false
}

/// Whether so many digits, four or more, may be a number that is hidden, or a group of one.
#[inline]
pub(super) fn is_doubtful(text: &[u8], start: usize, len: usize) -> bool {
    let (front, rest) = text.split_at(start);
    match front.last() {
        // Of a bank account's number, which begins with letters.
        Some(b'A'..=b'Z') => true,
        Some(b' ') if has_country(front) => true,
        Some(b'-') if len == 4 && is_third_group(front) => true,
        // What is joined to something before it begins no number in groups. The letter of an escape, which counts as a
        // blank, has a backslash before it, which leaves a doubt.
        Some(b'a'..=b'z' | b'_' | b'.' | b'-' | b'+') if len == 4 => false,
        _ if len == 4 => begins_group(&rest[4..]),
        _ => len >= card::SHORTEST,
    }
}

/// Whether `12-` stands before, and a dash before that.
fn is_third_group(front: &[u8]) -> bool {
    matches!(front, [.., b'-', _, _, b'-'])
}

/// Whether a group of at least four digits follows.
fn begins_group(behind: &[u8]) -> bool {
    matches!(behind, [b' ' | b'-', a, b, c, d, ..] if [a, b, c, d].into_iter().all(u8::is_ascii_digit))
}

/// Whether a group of four that begins with a capital stands one, two or three groups before.
fn has_country(before: &[u8]) -> bool {
    let front = |groups: usize| before.len().checked_sub(5 * groups).map(|start| before[start]);
    (1..=3).filter_map(front).any(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_number_may_be_is_seen_by_what_stands_around_it() {
        for (text, is) in [
            ("1234", false),
            ("x1234567890123", false),
            ("12345678901234", true),
            ("2026-11-20", false),
            ("4111-1111", true),
            ("3782 822463", true),
            ("4111 111", false),
            ("219-09-9999", true),
            ("9-09-9999", true),
            ("219-09-99999", false),
            ("DE89370400440532013000", true),
            ("DE89 3704", true),
            ("GB29 NWBK 6016", true),
            ("GB29 NWBK XXXX 6016", true),
            ("at 10 of 2000", false),
            ("7c9e6679-7425-40de", false),
            ("-4111-1111", false),
            ("v4111 1111", false),
            ("=4111 1111", true),
        ] {
            let digits = |start: &usize| text[*start..].bytes().take_while(u8::is_ascii_digit).count() >= 4;
            let start = (0..text.len()).find(digits).unwrap();
            let len = text[start..].bytes().take_while(u8::is_ascii_digit).count();
            assert_eq!(is_doubtful(text.as_bytes(), start, len), is, "{text}");
        }
    }
}
