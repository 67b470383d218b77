use std::fmt::Write as _;

use super::value::{Digits, print};

/// A number with a fraction, in the fewest digits that lead back to it.
pub(crate) fn digits(number: f64, room: &mut String) -> &str {
    match thousandths(number) {
        Some(whole) => few(whole, room),
        None => print(room, |out| write!(out, "{number:?}")),
    }
}

/// The number in thousandths, if that is all there is to it: durations in milliseconds are told to the microsecond.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the way back tells")]
fn thousandths(number: f64) -> Option<i64> {
    let whole = (number * 1_000.0).round() as i64;
    let exact = whole.unsigned_abs() < 1_000_000_000_000_000
        && (whole as f64 / 1_000.0).to_bits() == number.to_bits();
    exact.then_some(whole)
}

fn few(thousandths: i64, room: &mut String) -> &str {
    let (whole, rest) = (thousandths.unsigned_abs() / 1_000, thousandths.unsigned_abs() % 1_000);
    room.clear();
    room.push_str(Digits::of(whole, thousandths < 0, &mut [0; 40]).as_str());
    // The 1 in front keeps the zeros behind the point.
    let mut digits = [0; 40];
    let fraction = Digits::of(1_000 + rest, false, &mut digits).as_str()[1..].trim_end_matches('0');
    room.push('.');
    room.push_str(if fraction.is_empty() { "0" } else { fraction });
    room
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_number_is_written_as_the_standard_library_does(
            number in prop_oneof![any::<f64>(), (-2_000_000_i32..2_000_000).prop_map(|n| f64::from(n) / 1_000.0)],
        ) {
            let mut room = String::new();
            prop_assert_eq!(digits(number, &mut room), format!("{number:?}"));
        }
    }

    #[test]
    fn the_ends_are_written_so_too() {
        for number in [0.0, -0.0, 0.001, -0.001, 0.01, 0.1, 1.0, 1e15, 1e16, 1e300, 5e-324, f64::MAX, 0.3] {
            assert_eq!(digits(number, &mut String::new()), format!("{number:?}"));
        }
    }
}
