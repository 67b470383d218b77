//! Telephone numbers, for those who ask: with a plus sign (ITU-T E.164), or as they are written in North America.

use std::ops::Range;

use crate::mask::Mask;
use crate::scan::{Span, View};

const LONGEST: usize = 24;

/// Looks at a run of four digits or more, and at the groups around it.
pub(crate) fn find<'r>(view: &View<'_>, run: &Range<usize>) -> Option<Span<'r>> {
    let start = first_group(view, run.start);
    let end = last_group(view, run.end);
    let number = view.slice(start, end);
    let masked = view.is_before_mask(parts_end(view, run.end));
    let bordered = view.is_border(start) && view.is_end(end) && !masked;
    (bordered && is_number(number)).then(|| Span::new(start..end, Mask::Kind("phone")))
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b' ' | b'-' | b'.' | b'(' | b')' | b'+')
}

fn first_group(view: &View<'_>, from: usize) -> usize {
    let floor = view.floor.max(from.saturating_sub(LONGEST));
    let before = &view.text[floor..from];
    let parts = before.iter().rev().take_while(|byte| is_part(**byte)).count();
    let front = &before[before.len() - parts..];
    let begin = front.iter().rposition(|byte| *byte == b'+');
    let begin = begin.or_else(|| front.iter().position(|byte| byte.is_ascii_digit() || *byte == b'('));
    from - begin.map_or(0, |begin| front.len() - begin)
}

fn last_group(view: &View<'_>, from: usize) -> usize {
    let parts = view.slice(from, parts_end(view, from));
    from + parts.iter().rposition(u8::is_ascii_digit).map_or(0, |last| last + 1)
}

fn parts_end(view: &View<'_>, from: usize) -> usize {
    let rest = view.slice(from, from + LONGEST);
    from + rest.iter().take_while(|byte| is_part(**byte)).count()
}

fn is_number(number: &[u8]) -> bool {
    let digits = number.iter().filter(|byte| byte.is_ascii_digit()).count();
    match number {
        [b'+', ..] => (8..=15).contains(&digits) && !number[1..].contains(&b'+'),
        _ => digits == 10 && is_north_american(number),
    }
}

/// Three digits, three and four, with something between them.
fn is_north_american(number: &[u8]) -> bool {
    let groups = number.split(|byte| !byte.is_ascii_digit()).filter(|group| !group.is_empty());
    groups.map(<[u8]>::len).eq([3, 3, 4])
}
