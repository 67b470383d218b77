//! Time, as ratios within one run.
//!
//! The subjects of a case take turns, round after round, so that whatever slows the machine for a while slows them
//! all. Each round builds every layer anew, outside the clock. Figures are medians over the rounds; a ratio is
//! taken within each round first.

use std::fs;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::drive;
use crate::subject::{Case, Shared, Subject};

/// How hard to look.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    rounds: usize,
    /// How long one subject's turn lasts, about.
    turn: Duration,
}

impl Effort {
    pub(crate) const NONE: Self = Self { rounds: 0, turn: Duration::ZERO };
    pub(crate) const QUICK: Self = Self { rounds: 7, turn: Duration::from_millis(2) };
    pub(crate) const FULL: Self = Self { rounds: 41, turn: Duration::from_millis(5) };

    /// Whether anything is timed at all.
    pub(crate) fn is_any(self) -> bool {
        self.rounds > 0
    }
}

/// Says so if other programs have kept the machine busy: two threads that take turns on one core never meet.
pub(crate) fn warn_if_busy() {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().and_then(|load| load.parse::<f64>().ok());
    if let Some(load) = load.filter(|load| *load > 1.0) {
        eprintln!("the load of this machine is {load}: ratios will be rough, those of two threads wrong");
    }
}

/// The nanoseconds of one operation of one subject, round by round.
#[derive(Default)]
pub(crate) struct Times {
    pub(crate) alone: Vec<f64>,
    /// With two threads that share the layer, each doing the operation all the time.
    pub(crate) together: Vec<f64>,
}

/// Lets the subjects of a case take turns; the bare one is first in the answer.
pub(crate) fn race(case: &'static Case, effort: Effort) -> Vec<Times> {
    let subjects: Vec<&Subject> = case.subjects().collect();
    let mut times: Vec<Times> = subjects.iter().map(|_| Times::default()).collect();
    if !effort.is_any() {
        return times;
    }
    let batches = [1, 2].map(|threads| {
        subjects.iter().map(|subject| batch(subject, effort.turn, threads)).collect::<Vec<_>>()
    });
    for _ in 0..effort.rounds {
        for (place, subject) in subjects.iter().enumerate() {
            times[place].alone.push(turn(subject, batches[0][place], 1));
        }
        for (place, subject) in subjects.iter().enumerate() {
            times[place].together.push(turn(subject, batches[1][place], 2));
        }
    }
    times
}

/// How many operations of each thread fill a turn.
#[expect(clippy::cast_precision_loss, reason = "a batch is far below 2^52")]
fn batch(subject: &Subject, time: Duration, threads: u32) -> u64 {
    let mut operations = 4;
    while operations < subject.most {
        let nanos = turn(subject, operations, threads) * operations as f64;
        if nanos >= time.as_nanos() as f64 / 2.0 {
            break;
        }
        operations *= 2;
    }
    operations.min(subject.most)
}

/// The nanoseconds of one operation, as each of so many threads sees it.
fn turn(subject: &Subject, batch: u64, threads: u32) -> f64 {
    let _runtime = drive::enter();
    let shared = (subject.build)();
    let start = Barrier::new(threads as usize);
    let nanos = thread::scope(|scope| {
        let run = || scope.spawn(|| one_thread(&shared, &start, batch));
        let running: Vec<_> = (0..threads).map(|_| run()).collect();
        running.into_iter().filter_map(|thread| thread.join().ok()).sum::<f64>()
    });
    nanos / f64::from(threads)
}

#[expect(clippy::cast_precision_loss, reason = "a turn is far shorter than 2^52 ns")]
fn one_thread(shared: &Shared, start: &Barrier, batch: u64) -> f64 {
    let _runtime = drive::enter();
    let mut worker = shared();
    worker(batch.min(16));
    start.wait();
    let began = Instant::now();
    worker(batch);
    began.elapsed().as_nanos() as f64 / batch as f64
}

/// The middle value; the mean of the two middle ones of an even number. Nothing of nothing.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_value_and_no_outlier_moves_it() {
        assert_eq!(median([3.0, 1.0, 900.0]), Some(3.0));
        assert_eq!(median([4.0, 1.0, 2.0, 900.0]), Some(3.0));
        assert_eq!(median([]), None);
    }
}
