//! Values without quotes, of which it has to be judged whether they are any.

use memchr::{memchr, memchr_iter};

use super::value::{Found, Sign, Told};
use super::{card, iban, ssn};
use crate::class::Class;
use crate::effort;
use crate::mask::{Mask, judged, unmasked};
use crate::name::{Treatment, has_digit};
use crate::scan::{Span, View};

const MIN_SECRET: usize = 6;
/// A value is judged by so many bytes of it. Many names may stand in one run, and would all be judged by the rest.
const JUDGED: usize = 256;
/// The most full stops, or backslashes before a quote, that do not belong to a value.
const MOST_TRAILING: usize = 3;

/// A value to the next blank, comma, quote or bracket.
pub(crate) fn find(view: &mut View<'_>, from: usize, told: Told) -> Option<Found> {
    if let Some(Span { range, mask, .. }) = grouped(view, from, told.treatment) {
        let end = end(view, range.end);
        return Some(if end > range.end { (from..end, Mask::Hidden) } else { (range, mask) });
    }
    let end = end(view, from);
    let front = view.slice(from, end.min(from + JUDGED));
    effort::spend(front.len());
    let mask: Mask<'static> = told.treatment.of_text(front)?;
    is_value(front, told).then_some((from..end, mask))
}

pub(crate) fn end(view: &mut View<'_>, from: usize) -> usize {
    let run = view.run(Class::Bare, from);
    let value = view.slice(from, run.min(from + JUDGED));
    let escape = memchr_iter(b'\\', value).find(|at| matches!(value.get(at + 1), Some(b'n' | b'r' | b't')));
    let end = escape.map_or(run, |escape| from + escape);
    let trailing = view.slice(from, end).iter().rev().take(MOST_TRAILING);
    end - trailing.take_while(|byte| matches!(byte, b'.' | b'\\')).count()
}

/// A number in groups, to which the blanks between them belong.
fn grouped<'r>(view: &View<'_>, from: usize, treatment: Treatment) -> Option<Span<'r>> {
    let digits = view.slice(from, from + 5).iter().take_while(|byte| byte.is_ascii_digit()).count();
    let card = if digits == 4 { card::find(view, &(from..from + 4)) } else { None };
    let ssn = if treatment == Treatment::Ssn { ssn::grouped(view, from) } else { None };
    card.or(ssn).or_else(|| iban::at(view, from))
}

fn is_value(front: &[u8], told: Told) -> bool {
    let sure = match told.sign {
        Sign::Certain => true,
        Sign::Colon if told.treatment == Treatment::Weak => false,
        Sign::Colon => looks_secret(judged(front)) || is_code(told.treatment, front),
    };
    sure && !is_word_for_nothing(front) && !is_placeholder(front)
}

fn is_code(treatment: Treatment, value: &[u8]) -> bool {
    treatment == Treatment::Code && value.len() >= 3 && value.iter().all(u8::is_ascii_digit)
}

/// Whether what stands behind a colon is rather a secret than prose.
pub(crate) fn looks_secret(value: &[u8]) -> bool {
    let telling = |byte: &u8| matches!(byte, b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'*' | b'~');
    value.len() >= MIN_SECRET && (has_digit(value) || value.iter().any(telling))
}

fn is_word_for_nothing(value: &[u8]) -> bool {
    let words: [&[u8]; 7] = [b"null", b"none", b"nil", b"true", b"false", b"undefined", b"nothing"];
    words.iter().any(|word| word.eq_ignore_ascii_case(value))
}

/// Whether a value stands for one that is put in later: `$DB_PASSWORD`, `${password}`, `%s`, `Token::new(`.
fn is_placeholder(value: &[u8]) -> bool {
    match value {
        [b'$', b'{', ..] | [b'%', b's' | b'd' | b'v' | b'q'] => true,
        [b'$', name @ ..] => name.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_'),
        _ => memchr(b'(', value).or_else(|| masked_call(value)).is_some_and(|call| is_path(&value[..call])),
    }
}

/// Where a number stood whose first group was in brackets.
fn masked_call(value: &[u8]) -> Option<usize> {
    let front = unmasked(value).next()?.len();
    value[front..].starts_with(b"***REDACTED:phone").then_some(front)
}

/// Whether it is a path of names such as `Token::new`.
fn is_path(value: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    unmasked(value).flatten().all(fits) && value.windows(2).any(|pair| pair == b"::")
}
