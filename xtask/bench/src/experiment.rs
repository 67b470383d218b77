//! What instructions and nanoseconds of one operation do not tell: memory that grows, a server that is asked.
//!
//! An [`Experiment`] is a table too, but its rows measure what they like. Each runs in a process of its own, so that
//! none finds the memory or the caches that another has left.

use std::env;
use std::process::Command;

use crate::Failure;
use crate::budget::{Bound, Floor, Verdict};

/// A table whose rows measure themselves.
pub(crate) struct Experiment {
    pub(crate) name: &'static str,
    /// What a row does.
    pub(crate) what: &'static str,
    /// The heads of the columns.
    pub(crate) heads: &'static [&'static str],
    pub(crate) rows: &'static [Row],
    /// What some of them have to keep.
    pub(crate) floors: &'static [Floor],
    /// What it takes that this machine does not have.
    pub(crate) missing: fn() -> Option<&'static str>,
}

/// One row.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Measures, and answers with a figure for each column; none where a column says nothing of this row.
    ///
    /// It fails if what it has seen breaks a promise.
    pub(crate) run: fn(Pace) -> Result<Vec<Option<f64>>, Failure>,
}

/// How long to look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As long as the page says.
    Full,
    /// A tenth of that.
    Quick,
}

/// What was measured, the rows in their order.
pub(crate) struct Findings {
    pub(crate) experiment: &'static Experiment,
    pub(crate) figures: Vec<Vec<Option<f64>>>,
}

impl Findings {
    /// Each floor, with the row that it is for, beside what was seen.
    pub(crate) fn verdicts(&self) -> impl Iterator<Item = (&'static str, Verdict)> {
        self.experiment.floors.iter().filter_map(|floor| {
            let row = self.experiment.rows.iter().position(|row| row.name == floor.row)?;
            let column = self.experiment.heads.iter().position(|head| *head == floor.head)?;
            let (what, bound) = (floor.head.to_owned(), Bound::AtLeast(f64::from(floor.least)));
            let seen = (*self.figures.get(row)?.get(column)?)?;
            Some((floor.row, Verdict { what, bound, seen }))
        })
    }
}

impl Pace {
    /// A number of things, or a tenth of it.
    pub(crate) fn of(self, number: u64) -> u64 {
        match self {
            Self::Full => number,
            Self::Quick => number / 10,
        }
    }
}

/// Runs every row, or says why it cannot.
pub(crate) fn run(experiment: &'static Experiment, pace: Pace) -> Result<Option<Findings>, Failure> {
    if let Some(missing) = (experiment.missing)() {
        eprintln!("{} is left out: {missing}", experiment.name);
        return Ok(None);
    }
    let row = |(place, row): (usize, &Row)| {
        eprintln!("running {}: {}", experiment.name, row.name);
        in_a_process(experiment, place, pace)
    };
    let figures: Result<_, Failure> = experiment.rows.iter().enumerate().map(row).collect();
    Ok(Some(Findings { experiment, figures: figures? }))
}

fn in_a_process(experiment: &Experiment, row: usize, pace: Pace) -> Result<Vec<Option<f64>>, Failure> {
    let mut process = Command::new(env::current_exe()?);
    process.args(["--row", experiment.name, &row.to_string()]);
    if pace == Pace::Quick {
        process.arg("--quick");
    }
    let output = process.output()?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {}: {why}", experiment.name, experiment.rows[row].name).into());
    }
    read(&String::from_utf8(output.stdout)?)
}

/// Runs one row here and prints its figures for the process that has asked.
pub(crate) fn run_here(row: &Row, pace: Pace) -> Result<(), Failure> {
    println!("{}", written(&(row.run)(pace)?));
    Ok(())
}

fn written(figures: &[Option<f64>]) -> String {
    let words =
        figures.iter().map(|figure| figure.map_or_else(|| "-".to_owned(), |figure| figure.to_string()));
    words.collect::<Vec<_>>().join(" ")
}

fn read(figures: &str) -> Result<Vec<Option<f64>>, Failure> {
    let figure = |word: &str| Ok(if word == "-" { None } else { Some(word.parse()?) });
    figures.split_whitespace().map(figure).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_pass_from_process_to_process() {
        let figures = vec![Some(0.1), None, Some(12_345_678.0)];
        assert_eq!(read(&written(&figures)).ok(), Some(figures));
        assert!(read("thread panicked").is_err());
    }
}
