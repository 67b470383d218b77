//! What a contributor runs: `cargo xtask test` before every commit, `cargo xtask bench` for figures.
//!
//! Read [`steps`] first: it is the list of everything that `cargo xtask test` checks, in order. [`run`] works
//! through that list, [`child`] starts the commands and [`tally`] counts the tests they report. The tests in
//! `arrows` and `manifests` hold what no compiler holds: which crate may know which, and that every crate
//! obeys the lints of the workspace.
#![expect(clippy::print_stdout, reason = "a command line tool answers on standard output")]

use std::env;
use std::process::ExitCode;

mod child;
mod features;
mod options;
mod provision;
mod run;
mod steps;
mod tally;
mod workspace;

#[cfg(test)]
mod arrows;
#[cfg(test)]
mod manifests;

/// Why a task stopped, in words for the person who ran it.
type Failure = Box<dyn std::error::Error>;

const USAGE: &str = "\
usage: cargo xtask <task>

  test [--only STEP]... [--skip STEP]...   check everything, in the order below, and stop at the first failure
  bench [ARG]...                           run the benchmarks; arguments go to the benchmark program
  help                                     show this text";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let task = arguments.next();
    let rest: Vec<String> = arguments.collect();
    match task.as_deref() {
        Some("test") => test(&rest),
        Some("bench") => finish(bench(&rest)),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}\n\nsteps of `test`:\n{}", steps::describe());
            ExitCode::SUCCESS
        }
        Some(other) => finish(Err(format!("no task is called `{other}`; try `cargo xtask help`").into())),
        None => finish(Err("which task? try `cargo xtask help`".into())),
    }
}

fn test(arguments: &[String]) -> ExitCode {
    match options::choose(arguments) {
        Ok(chosen) => run::run(&chosen),
        Err(why) => finish(Err(why)),
    }
}

/// The benchmarks compare with other people's crates, so they are a workspace and a lock file of their own.
fn bench(arguments: &[String]) -> Result<(), Failure> {
    let mut command = child::cargo(["run", "--release", "--manifest-path", "xtask/bench/Cargo.toml", "--"]);
    child::run(command.args(arguments))
}

fn finish(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
