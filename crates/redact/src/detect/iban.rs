//! International bank account numbers: ISO 13616, check digits by ISO/IEC 7064 (mod 97-10).

use std::ops::Range;

use crate::class::Class;
use crate::mask::Mask;
use crate::scan::{Span, View};

const SHORTEST: usize = 15;
const LONGEST: usize = 34;

/// How long the numbers of each country are.
const COUNTRIES: [(&[u8; 2], usize); 78] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NL", 18),
    (b"NO", 15),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
];

/// Looks at a run of four digits or more, which most numbers have in them.
pub(crate) fn find<'r>(view: &View<'_>, run: &Range<usize>) -> Option<Span<'r>> {
    let (start, end) = compact(view, run).or_else(|| grouped(view, run))?;
    Some(Span::new(start..end, Mask::Kind("iban")))
}

/// Looks at a place where a number may begin.
pub(crate) fn at<'r>(view: &View<'_>, start: usize) -> Option<Span<'r>> {
    let end = in_groups(view, start)?.1;
    Some(Span::new(start..end, Mask::Kind("iban")))
}

fn compact(view: &View<'_>, run: &Range<usize>) -> Option<(usize, usize)> {
    view.before(run.start).filter(u8::is_ascii_uppercase)?;
    let start = view.run_back(Class::Alnum, run.start, LONGEST);
    let len = begins(view, start)?;
    let whole = view.slice(start, start + len);
    (view.is_border(start) && view.is_end(start + len) && is_valid(whole, len))
        .then_some((start, start + len))
}

/// In groups of four with blanks between them; the run is in the second, third or fourth group.
fn grouped(view: &View<'_>, run: &Range<usize>) -> Option<(usize, usize)> {
    view.before(run.start).filter(|before| *before == b' ')?;
    let starts = (1..=3).filter_map(|groups| run.start.checked_sub(5 * groups));
    starts.filter(|start| *start >= view.floor).find_map(|start| in_groups(view, start))
}

fn in_groups(view: &View<'_>, start: usize) -> Option<(usize, usize)> {
    let len = begins(view, start).filter(|_| view.is_border(start))?;
    let mut letters = [0; LONGEST];
    let mut place = start;
    for (at, letter) in letters[..len].iter_mut().enumerate() {
        if at > 0 && at % 4 == 0 {
            (view.at(place)? == b' ').then_some(())?;
            place += 1;
        }
        *letter = view.at(place)?;
        place += 1;
    }
    (view.is_end(place) && is_valid(&letters[..len], len)).then_some((start, place))
}

/// How long a number is that begins here, if it begins like one.
fn begins(view: &View<'_>, start: usize) -> Option<usize> {
    let [a @ b'A'..=b'Z', b @ b'A'..=b'Z', b'0'..=b'9', b'0'..=b'9'] = view.slice(start, start + 4) else {
        return None;
    };
    let country = COUNTRIES.iter().find(|(country, _)| country[..] == [*a, *b]);
    country.map(|(_, len)| *len)
}

fn is_valid(number: &[u8], len: usize) -> bool {
    number.len() == len && len >= SHORTEST && remainder(number) == Some(1)
}

/// The number with its first four letters moved to the end, letters counted from 10, divided by 97.
fn remainder(number: &[u8]) -> Option<u32> {
    let (front, rest) = number.split_at_checked(4)?;
    rest.iter().chain(front).try_fold(0, |sum, byte| match byte {
        b'0'..=b'9' => Some((sum * 10 + u32::from(byte - b'0')) % 97),
        b'A'..=b'Z' => Some((sum * 100 + u32::from(byte - b'A') + 10) % 97),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_tell_a_number_from_a_similar_one() {
        for number in [
            "DE89370400440532013000",
            "GB29NWBK60161331926819",
            "NO9386011117947",
            "MT84MALT011000012345MTLCAST001S",
        ] {
            assert_eq!(remainder(number.as_bytes()), Some(1), "{number}");
        }
        assert_ne!(remainder(b"DE89370400440532013001"), Some(1));
        assert_eq!(remainder(b"DE8937040044053201300z"), None);
        assert_eq!(remainder(b"DE"), None);
    }
}
