//! Payment card numbers: issuer, length and check digit. The check digit alone would hit every tenth number.

use std::ops::Range;

use crate::mask::Mask;
use crate::scan::{Span, View};

/// How many digits a number has at least.
pub(crate) const SHORTEST: usize = 14;
const MOST: usize = 19;

/// How cards are written in groups.
const GROUPINGS: [&[usize]; 4] = [&[4, 4, 4, 4, 3], &[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4]];

/// Looks at a run of four digits or more.
pub(crate) fn find<'r>(view: &View<'_>, run: &Range<usize>) -> Option<Span<'r>> {
    if !matches!(view.at(run.start)?, b'2'..=b'6') || is_part_of_a_word(view, run.start) {
        return None;
    }
    let (last, end) = if run.len() == 4 { grouped(view, run)? } else { bare(view, run)? };
    Some(Span::new(run.start..end, Mask::Card(last)))
}

/// The last four digits, if a whole value is a card number.
pub(crate) fn alone(value: &[u8]) -> Option<[u8; 4]> {
    let mut digits = Digits::default();
    if !value.first()?.is_ascii_digit() {
        return None;
    }
    for byte in value {
        match byte {
            b'0'..=b'9' => digits.push(*byte)?,
            b' ' | b'-' => {}
            _ => return None,
        }
    }
    digits.last_four_of_a_card()
}

fn is_part_of_a_word(view: &View<'_>, start: usize) -> bool {
    let joined = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'+');
    view.before(start).is_some_and(joined) || view.is_behind_mask(start)
}

fn bare(view: &View<'_>, run: &Range<usize>) -> Option<([u8; 4], usize)> {
    if run.len() > MOST || !view.is_end_of_number(run.end) {
        return None;
    }
    let mut digits = Digits::default();
    view.slice(run.start, run.end).iter().try_for_each(|digit| digits.push(*digit))?;
    Some((digits.last_four_of_a_card()?, run.end))
}

fn grouped(view: &View<'_>, first: &Range<usize>) -> Option<([u8; 4], usize)> {
    let separator = view.at(first.end).filter(|byte| matches!(byte, b' ' | b'-'))?;
    GROUPINGS.iter().find_map(|grouping| in_groups(view, first.start, separator, grouping))
}

/// A number in just these groups. Whatever follows behind a blank is somebody else's.
fn in_groups(view: &View<'_>, start: usize, separator: u8, grouping: &[usize]) -> Option<([u8; 4], usize)> {
    let mut digits = Digits::default();
    let mut place = start;
    for (group, len) in grouping.iter().enumerate() {
        if group > 0 {
            (view.at(place)? == separator).then_some(())?;
            place += 1;
        }
        let part = view.slice(place, place + len);
        (part.len() == *len && part.iter().all(u8::is_ascii_digit)).then_some(())?;
        part.iter().try_for_each(|digit| digits.push(*digit))?;
        place += len;
    }
    view.is_end_of_number(place).then(|| digits.last_four_of_a_card().map(|last| (last, place)))?
}

#[derive(Default)]
struct Digits {
    digits: [u8; MOST],
    len: usize,
}

impl Digits {
    fn push(&mut self, digit: u8) -> Option<()> {
        *self.digits.get_mut(self.len)? = digit;
        self.len += 1;
        Some(())
    }

    fn as_slice(&self) -> &[u8] {
        &self.digits[..self.len]
    }

    fn last_four_of_a_card(&self) -> Option<[u8; 4]> {
        let is_card = is_issued(self.as_slice()) && !self.is_one_digit() && has_check_digit(self.as_slice());
        if is_card { self.as_slice().last_chunk().copied() } else { None }
    }

    fn is_one_digit(&self) -> bool {
        self.as_slice().iter().all(|digit| *digit == self.digits[0])
    }
}

/// Whether an issuer uses such numbers at this length.
fn is_issued(digits: &[u8]) -> bool {
    let len = digits.len();
    if len < SHORTEST {
        return false;
    }
    let front = digits[..4].iter().fold(0_u16, |front, digit| front * 10 + u16::from(digit - b'0'));
    match front {
        4000..=4999 => matches!(len, 16 | 19),
        5100..=5599 | 2221..=2720 => len == 16,
        3400..=3499 | 3700..=3799 => len == 15,
        3000..=3059 | 3600..=3699 | 3800..=3999 => matches!(len, 14 | 16),
        6011
        | 6440..=6599
        | 3528..=3589
        | 6200..=6299
        | 2200..=2204
        | 5018
        | 5020
        | 5038
        | 5893
        | 6304
        | 6759
        | 6761..=6763 => (16..=19).contains(&len),
        _ => false,
    }
}

/// ISO/IEC 7812-1 annex B.
fn has_check_digit(digits: &[u8]) -> bool {
    let doubled = |digit: u8| if digit < 5 { digit * 2 } else { digit * 2 - 9 };
    let from_the_end = digits.iter().rev().map(|digit| digit - b'0').enumerate();
    let sum: u32 = from_the_end
        .map(|(place, digit)| u32::from(if place % 2 == 1 { doubled(digit) } else { digit }))
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_numbers_of_the_issuers_are_cards() {
        for number in [
            "4111111111111111",
            "4000000000000000006",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "30569309025904",
            "6011111111111117",
            "3530111333300000",
            "6250941006528599",
            "4111-1111-1111-1111",
            "3782 822463 10005",
        ] {
            let last: [u8; 4] = *number.as_bytes().last_chunk().unwrap();
            assert_eq!(alone(number.as_bytes()), Some(last), "{number}");
        }
    }

    #[test]
    fn a_wrong_digit_length_or_issuer_makes_no_card() {
        for number in [
            "4111111111111112",
            "411111111111111",
            "4222222222222",
            "1700000000000000",
            "9111111111111111",
            "4444444444444444",
            "0000000000000000",
            "41111111111111111111",
            "",
        ] {
            assert_eq!(alone(number.as_bytes()), None, "{number}");
        }
    }
}
