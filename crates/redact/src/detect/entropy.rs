//! Long mixtures, for those who ask.

use std::ops::Range;

use crate::mask::Mask;
use crate::scan::{LONG, Span, View};

/// Bits of surprise for each sign, below which a mixture is taken for words or a number.
const LEAST_BITS: f64 = 3.5;
/// Longer runs are judged by their front.
const SAMPLE: usize = 256;

/// Looks at a run of letters, digits, `_` and `-`. Hexadecimal digests are left alone: most are names of things.
pub(crate) fn find<'r>(view: &View<'_>, run: &Range<usize>) -> Option<Span<'r>> {
    let start = run.start + not_of_it(view, run.start);
    let sample = view.slice(start, run.end.min(start + SAMPLE));
    let mixed = sample.iter().any(u8::is_ascii_uppercase)
        && sample.iter().any(u8::is_ascii_lowercase)
        && sample.iter().any(u8::is_ascii_digit);
    let secret = run.end >= start + LONG && mixed && bits(sample) >= LEAST_BITS;
    secret.then(|| Span::new(start..run.end, Mask::Kind("entropy")))
}

/// How much of a run belongs to what stands before it: the letter of an escape, or the last digits of a masked card.
fn not_of_it(view: &View<'_>, start: usize) -> usize {
    let is_tail = view.before(start) == Some(b'*') && view.at(start) == Some(b'-');
    if is_tail { "-1234".len() } else { usize::from(view.before(start + 1) == Some(b' ')) }
}

/// Shannon's entropy of the signs, in bits for each.
fn bits(sample: &[u8]) -> f64 {
    let mut counts = [0_u16; 256];
    for byte in sample {
        counts[*byte as usize] += 1;
    }
    let len = f64::from(u16::try_from(sample.len()).unwrap_or(u16::MAX));
    let shares = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / len);
    shares.map(|share| -share * share.log2()).sum()
}
