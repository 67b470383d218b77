//! Everything that `cargo xtask test` checks.
//!
//! Steps that compile the whole workspace all ask for the same features, so that each builds on what the
//! ones before it left in the target folder.

use crate::Failure;
use crate::child::{self, answers, cargo, run_and_count};
use crate::tally::{self, Tally};
use crate::{features, provision, workspace};

/// One thing to check.
#[derive(Debug)]
pub(crate) struct Step {
    /// What `--only` and `--skip` call it.
    pub(crate) name: &'static str,
    /// What holds once it has passed.
    pub(crate) what: &'static str,
    pub(crate) work: Work,
}

/// What a step does.
#[derive(Debug)]
pub(crate) enum Work {
    /// Passes or fails as a whole.
    Check(fn() -> Result<Done, Failure>),
    /// Runs tests, and adds them to the tally even when some fail.
    Tests(fn(&mut Tally) -> Result<Done, Failure>),
}

/// How a step that did not fail ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Ran,
    /// There was nothing to do, or something optional was missing; the text says what.
    Skipped(String),
}

/// The steps in the order in which they run: what fails fastest comes first.
pub(crate) const STEPS: [Step; 9] = [
    check("provision", "the tools and servers that the other steps need are here", provision::run),
    check("fmt", "the source is formatted", fmt),
    check("clippy", "no lint complains, in tests and examples too", clippy),
    check("features", "each crate builds alone, and with each of its features alone", features::run),
    check("doc", "the documentation builds, and no link in it is dead", doc),
    check("deny", "licences, sources, duplicates, and who may depend on whom", deny),
    tests("loom", "what uses atomics holds under every interleaving", loom),
    tests("test", "unit and integration tests", test),
    tests("doctest", "the examples in the documentation", doctest),
];

const fn check(name: &'static str, what: &'static str, work: fn() -> Result<Done, Failure>) -> Step {
    Step { name, what, work: Work::Check(work) }
}

const fn tests(
    name: &'static str,
    what: &'static str,
    work: fn(&mut Tally) -> Result<Done, Failure>,
) -> Step {
    Step { name, what, work: Work::Tests(work) }
}

/// One line for each step.
pub(crate) fn describe() -> String {
    STEPS.map(|step| format!("  {:<10} {}", step.name, step.what)).join("\n")
}

fn fmt() -> Result<Done, Failure> {
    child::run(&mut cargo(["fmt", "--all", "--check"]))?;
    Ok(Done::Ran)
}

fn clippy() -> Result<Done, Failure> {
    child::run(&mut cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))?;
    Ok(Done::Ran)
}

fn doc() -> Result<Done, Failure> {
    let mut command = cargo(["doc", "--workspace", "--no-deps", "--all-features"]);
    child::run(command.env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(Done::Ran)
}

fn deny() -> Result<Done, Failure> {
    if !answers(&mut cargo(["deny", "--version"])) {
        let how = "cargo-deny is not installed; `cargo install cargo-deny --locked` installs it";
        return Ok(Done::Skipped(how.to_owned()));
    }
    child::run(&mut cargo(["deny", "check", "bans", "licenses", "sources"]))?;
    Ok(Done::Ran)
}

/// Loom replaces atomics and locks, so its builds differ from all others and live in a folder of their own.
fn loom(tally: &mut Tally) -> Result<Done, Failure> {
    let modelled: Vec<_> =
        workspace::packages()?.into_iter().filter(|package| package.has_test("loom")).collect();
    for package in &modelled {
        let mut command = cargo(["test", "--release", "--package", &package.name, "--test", "loom"]);
        command.env("RUSTFLAGS", "--cfg buttress_loom").env("CARGO_TARGET_DIR", "target-loom");
        run_and_count(&mut command, tally::libtest, tally)?;
    }
    if modelled.is_empty() { Ok(Done::Skipped("no crate has loom tests".to_owned())) } else { Ok(Done::Ran) }
}

/// Every target that holds tests; benchmarks are left to `cargo xtask bench`.
const TESTED: [&str; 7] =
    ["--workspace", "--all-features", "--lib", "--bins", "--tests", "--examples", "--no-fail-fast"];

fn test(tally: &mut Tally) -> Result<Done, Failure> {
    if answers(&mut cargo(["nextest", "--version"])) {
        run_and_count(cargo(["nextest", "run"]).args(TESTED), tally::nextest, tally)?;
    } else {
        run_and_count(cargo(["test"]).args(TESTED), tally::libtest, tally)?;
    }
    Ok(Done::Ran)
}

fn doctest(tally: &mut Tally) -> Result<Done, Failure> {
    let mut command = cargo(["test", "--workspace", "--all-features", "--doc", "--no-fail-fast"]);
    run_and_count(&mut command, tally::libtest, tally)?;
    Ok(Done::Ran)
}
