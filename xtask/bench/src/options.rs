//! What to measure, and how.

use crate::experiment::{Experiment, Pace};
use crate::time::Effort;
use crate::{Case, Failure, cases, count};

pub(crate) const USAGE: &str = "\
usage: cargo xtask bench [option]...

  --list                   name the cases and their subjects
  --only CASE              measure this case or experiment; may be given several times
  --quick                  fewer rounds: instructions and allocations stay exact, ratios become rough
  --without-times          count instructions and allocations only; no experiments
  --markdown               put the tables into docs/performance.md as well
  --profile CASE ROW       have callgrind say where the instructions of a row go; the bare service is row 0
  --help                   show this text

Take figures for the page on a machine that does nothing else.";

/// What was asked for.
pub(crate) enum Task {
    Help,
    List,
    Measure(Options),
    Profile {
        case: String,
        row: usize,
    },
    /// What this program runs of itself for an experiment.
    Row {
        experiment: String,
        row: usize,
        pace: Pace,
    },
    /// The server that this program runs of itself for a row.
    Serve {
        around: String,
    },
    /// What this program has callgrind run of itself.
    Operations {
        case: String,
        row: usize,
        count: u64,
    },
}

#[derive(Default)]
pub(crate) struct Options {
    only: Vec<String>,
    quick: bool,
    without_times: bool,
    pub(crate) markdown: bool,
}

pub(crate) fn read(mut arguments: impl Iterator<Item = String>) -> Result<Task, Failure> {
    let mut options = Options::default();
    while let Some(option) = arguments.next() {
        let mut value = |what: &str| arguments.next().ok_or_else(|| format!("{option} needs {what}"));
        match option.as_str() {
            "--help" | "-h" => return Ok(Task::Help),
            "--list" => return Ok(Task::List),
            "--only" => options.only.push(value("the name of a case")?),
            "--quick" => options.quick = true,
            "--without-times" => options.without_times = true,
            "--markdown" => options.markdown = true,
            "--profile" => {
                return Ok(Task::Profile { case: value("a case and a row")?, row: value("a row")?.parse()? });
            }
            "--row" => {
                let (experiment, row) = (value("an experiment and a row")?, value("a row")?.parse()?);
                let is_quick = arguments.next().is_some_and(|option| option == "--quick");
                let pace = if is_quick { Pace::Quick } else { Pace::Full };
                return Ok(Task::Row { experiment, row, pace });
            }
            "--serve" => return Ok(Task::Serve { around: value("what stands around the handler")? }),
            "--operations" => {
                let (case, row) = (value("a case")?, value("a row")?.parse()?);
                return Ok(Task::Operations { case, row, count: value("a number")?.parse()? });
            }
            other => return Err(format!("no option is called `{other}`\n\n{USAGE}").into()),
        }
    }
    Ok(Task::Measure(options))
}

impl Options {
    /// The chosen cases and experiments, in the order of the list.
    pub(crate) fn chosen(&self) -> Result<(Vec<&'static Case>, Vec<&'static Experiment>), Failure> {
        if self.only.is_empty() {
            return Ok((cases::ALL.iter().collect(), cases::EXPERIMENTS.iter().collect()));
        }
        let (experiments, cases): (Vec<_>, Vec<_>) =
            self.only.iter().partition(|name| cases::find_experiment(name).is_ok());
        let cases: Result<_, Failure> = cases.into_iter().map(|name| cases::find(name)).collect();
        let experiments: Result<_, Failure> =
            experiments.into_iter().map(|name| cases::find_experiment(name)).collect();
        Ok((cases?, experiments?))
    }

    /// How many operations are counted; `None` if there is nothing to count them with.
    pub(crate) fn counter(&self) -> Option<u64> {
        if !count::is_available() {
            eprintln!("valgrind is not installed: instructions and allocations are not counted");
            return None;
        }
        Some(if self.quick { 1_000 } else { 10_000 })
    }

    /// How long experiments look; `None` if they do not.
    pub(crate) fn pace(&self) -> Option<Pace> {
        match (self.without_times, self.quick) {
            (true, _) => None,
            (false, true) => Some(Pace::Quick),
            (false, false) => Some(Pace::Full),
        }
    }

    pub(crate) fn effort(&self) -> Effort {
        match (self.without_times, self.quick) {
            (true, _) => Effort::NONE,
            (false, true) => Effort::QUICK,
            (false, false) => Effort::FULL,
        }
    }
}
