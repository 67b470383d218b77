//! What a layer costs on its happy path, beside its peers: instructions and allocations exactly, time as ratios.
//!
//! Read [`subject`] first: a case is a table, a subject one of its rows. [`cases`] holds them, [`drive`] is the
//! loop they all run in. [`count`] has valgrind count what one operation takes, [`time`] lets the subjects of a
//! case race in turn, and [`report`] prints both, with each budget and whether it is kept. What cannot be told in
//! such figures is an [`experiment`], which measures what it likes.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool answers on its terminal")]

use std::process::ExitCode;

mod budget;
mod callgrind;
mod cases;
mod count;
mod drive;
mod experiment;
mod options;
mod page;
mod report;
mod subject;
mod time;

use count::Count;
use experiment::{Experiment, Findings};
use options::{Options, Task};
use report::Table;
use subject::Case;
use time::Times;

/// Why the program stopped, in words for the person who ran it.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match options::read(std::env::args().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<(), Failure> {
    if !matches!(task, Task::Serve { .. }) {
        without_lines();
    }
    match task {
        Task::Help => println!("{}", options::USAGE),
        Task::List => report::list(),
        Task::Operations { case, row, count } => drive::run_here(cases::subject(&case, row)?, count),
        Task::Serve { around } => cases::sockets::serve(&around)?,
        Task::Row { experiment, row, pace } => experiment::run_here(cases::row(&experiment, row)?, pace)?,
        Task::Profile { case, row } => count::profile(cases::find(&case)?, row)?,
        Task::Measure(options) => measure(&options)?,
    }
    Ok(())
}

/// Every service has a subscriber; without one, spans are written for the `log` crate where a peer asks for that.
fn without_lines() {
    let _ = tracing::subscriber::set_global_default(tracing::subscriber::NoSubscriber::new());
}

fn measure(options: &Options) -> Result<(), Failure> {
    let (cases, experiments) = options.chosen()?;
    let counts = counts(&cases, options)?;
    let times = times(&cases, options);
    let tables: Vec<Table> = cases
        .into_iter()
        .zip(counts.into_iter().zip(times))
        .map(|(case, (counts, times))| Table { case, counts, times })
        .collect();
    for table in &tables {
        println!("{}", report::text(table));
    }
    let findings = findings(&experiments, options)?;
    for findings in &findings {
        println!("{}", report::findings_text(findings));
    }
    if options.markdown { page::write_all(&tables, &findings) } else { Ok(()) }
}

/// Experiments take time and are about time.
fn findings(experiments: &[&'static Experiment], options: &Options) -> Result<Vec<Findings>, Failure> {
    let Some(pace) = options.pace() else { return Ok(Vec::new()) };
    let run = |experiment: &&'static Experiment| experiment::run(experiment, pace).transpose();
    experiments.iter().filter_map(run).collect()
}

/// All counts come first: they are exact however busy the machine is.
fn counts(cases: &[&'static Case], options: &Options) -> Result<Vec<Option<Vec<Count>>>, Failure> {
    let Some(operations) = options.counter() else { return Ok(cases.iter().map(|_| None).collect()) };
    let count = |case: &&'static Case| {
        eprintln!("counting {}", case.name);
        count::count(case, operations).map(Some)
    };
    cases.iter().map(count).collect()
}

fn times(cases: &[&'static Case], options: &Options) -> Vec<Vec<Times>> {
    let effort = options.effort();
    if effort.is_any() {
        time::warn_if_busy();
    }
    let race = |case: &&'static Case| {
        if effort.is_any() {
            eprintln!("timing {}", case.name);
        }
        time::race(case, effort)
    };
    cases.iter().map(race).collect()
}
