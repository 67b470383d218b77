//! Social security numbers of the United States. Numbers that were never given out are none.

use std::ops::Range;

use crate::mask::Mask;
use crate::scan::{Span, View};

/// Looks at a run of four digits or more: the last group of a number with dashes.
pub(crate) fn find<'r>(view: &View<'_>, run: &Range<usize>) -> Option<Span<'r>> {
    let start = run.start.checked_sub("123-45-".len()).filter(|start| *start >= view.floor)?;
    if run.len() != 4 || !stands_alone(view, start, run.end) {
        return None;
    }
    let last = dashed(view.slice(start, run.end))?;
    Some(Span::new(start..run.end, Mask::Ssn(last)))
}

/// Looks at a place where a number may begin, in groups with blanks between them.
pub(crate) fn grouped<'r>(view: &View<'_>, start: usize) -> Option<Span<'r>> {
    let end = start + "123 45 6789".len();
    let last = match view.slice(start, end) {
        number @ [_, _, _, b' ', _, _, b' ', serial @ ..] => parts(&number[..3], &number[4..6], serial)?,
        _ => return None,
    };
    view.is_end_of_number(end).then(|| Span::new(start..end, Mask::Ssn(last)))
}

/// The last four digits, if a whole value is such a number, with or without its dashes.
pub(crate) fn alone(value: &[u8]) -> Option<[u8; 4]> {
    match value.len() {
        9 => parts(&value[..3], &value[3..5], &value[5..]),
        _ => dashed(value),
    }
}

fn stands_alone(view: &View<'_>, start: usize, end: usize) -> bool {
    let joined = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+');
    view.is_end_of_number(end) && !view.before(start).is_some_and(joined) && !view.is_behind_mask(start)
}

fn dashed(value: &[u8]) -> Option<[u8; 4]> {
    match value {
        [_, _, _, b'-', _, _, b'-', serial @ ..] => parts(&value[..3], &value[4..6], serial),
        _ => None,
    }
}

fn parts(area: &[u8], group: &[u8], serial: &[u8]) -> Option<[u8; 4]> {
    let digits = [area, group, serial].iter().all(|part| part.iter().all(u8::is_ascii_digit));
    let given = area != b"000" && area != b"666" && area[0] != b'9' && group != b"00" && serial != b"0000";
    if digits && given { serial.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_that_can_have_been_given_out_count() {
        for (number, last) in [
            ("219-09-9999", Some(*b"9999")),
            ("123-45-6709", Some(*b"6709")),
            ("219099999", Some(*b"9999")),
            ("000-12-3456", None),
            ("666-12-3456", None),
            ("900-12-3456", None),
            ("123-00-3456", None),
            ("123-45-0000", None),
            ("123-45-678", None),
            ("12345678x", None),
        ] {
            assert_eq!(alone(number.as_bytes()), last, "{number}");
        }
    }
}
