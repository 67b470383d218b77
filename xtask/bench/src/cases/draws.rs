//! Which key is asked for next, drawn beforehand and the same in every run.

use std::sync::LazyLock;

use super::limit::mixed;

/// How keys are drawn.
#[derive(Clone, Copy)]
pub(super) enum Draws {
    /// There is but one.
    One,
    /// Each as often as any other.
    Uniform,
    /// The n-th most frequent 1/n as often as the first, as callers of a service and words of a language are.
    Zipf,
}

const KEYS: u32 = 100_000;
const LENGTH: u64 = 1 << 18;

impl Draws {
    /// Every key that may be drawn.
    pub(super) fn all(self) -> impl Iterator<Item = u32> {
        0..match self {
            Self::One => 1,
            Self::Uniform | Self::Zipf => KEYS,
        }
    }

    /// The keys in the order in which they are asked for.
    pub(super) fn sequence(self) -> &'static [u32] {
        match self {
            Self::One => &[0],
            Self::Uniform => &UNIFORM,
            Self::Zipf => &ZIPF,
        }
    }
}

static UNIFORM: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let draw = |chance: f64| place(chance * f64::from(KEYS));
    chances().map(draw).collect()
});

static ZIPF: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let mut sum = 0.0;
    let upto: Vec<f64> = (1..=KEYS).map(|rank| (sum += 1.0 / f64::from(rank), sum).1).collect();
    let draw = |chance: f64| upto.partition_point(|upper| *upper <= chance * sum);
    chances().map(|chance| u32::try_from(draw(chance)).unwrap_or(KEYS).min(KEYS - 1)).collect()
});

/// Numbers from 0 to 1, 1 excluded.
#[expect(clippy::cast_precision_loss, reason = "53 bits are what a float holds")]
fn chances() -> impl Iterator<Item = f64> {
    (0..LENGTH).map(|number| (mixed(number) >> 11) as f64 / (1_u64 << 53) as f64)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is from 0 to the number of keys"
)]
fn place(place: f64) -> u32 {
    (place as u32).min(KEYS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_as_frequent_as_its_case_says() {
        let share = |draws: Draws, keys: u32| {
            let sequence = draws.sequence();
            let hits = sequence.iter().filter(|key| **key < keys).count();
            assert!(sequence.iter().all(|key| *key < KEYS));
            (hits * 100 + sequence.len() / 2) / sequence.len()
        };
        assert_eq!((share(Draws::Uniform, KEYS / 2), share(Draws::Uniform, KEYS / 10)), (50, 10));
        // The harmonic numbers of 1, 10 and 1,000 over that of 100,000, which is 12.09.
        assert_eq!([1, 10, 1_000].map(|keys| share(Draws::Zipf, keys)), [8, 24, 62]);
    }
}
