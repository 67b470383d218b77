//! What a layer costs on its happy path, beside its peers: instructions and allocations exactly, time as ratios.
//!
//! Read [`subject`] first: a case is a table, a subject one of its rows. [`cases`] holds them, [`drive`] is the
//! loop they all run in. [`count`] has valgrind count what one operation takes, [`time`] lets the subjects of a
//! case race in turn, and [`report`] prints both, with each budget and whether it is kept.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool answers on its terminal")]

use std::process::ExitCode;

mod budget;
mod callgrind;
mod cases;
mod count;
mod drive;
mod options;
mod page;
mod report;
mod subject;
mod time;

use options::{Options, Task};
use subject::Case;

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
    match task {
        Task::Help => println!("{}", options::USAGE),
        Task::List => report::list(),
        Task::Operations { case, row, count } => drive::run_here(cases::subject(&case, row)?, count),
        Task::Profile { case, row } => count::profile(cases::find(&case)?, row)?,
        Task::Measure(options) => measure(&options)?,
    }
    Ok(())
}

fn measure(options: &Options) -> Result<(), Failure> {
    let counter = options.counter();
    let mut tables = Vec::new();
    for case in options.cases()? {
        let table = table(case, options, counter)?;
        println!("{}", report::text(&table));
        if options.markdown {
            page::write(case.name, &report::markdown(&table))?;
        }
        tables.push(table);
    }
    if options.markdown && tables.len() == cases::ALL.len() {
        page::write("budgets", &report::budgets(&tables))?;
    }
    Ok(())
}

fn table(case: &'static Case, options: &Options, counter: Option<u64>) -> Result<report::Table, Failure> {
    eprintln!("{}: {} subjects", case.name, case.rows.len() + 1);
    let counts = counter.map(|operations| count::count(case, operations)).transpose()?;
    Ok(report::Table { case, counts, times: time::race(case, options.effort()) })
}
