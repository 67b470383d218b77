//! Works through the chosen steps and prints how each went; the sum of all tests is the last line.

use std::process::ExitCode;
use std::time::Instant;

use crate::Failure;
use crate::steps::{Done, Step, Work};
use crate::tally::Tally;

/// Runs the steps in order, stops at the first that fails, and says on the last line of standard output how
/// many tests passed and failed.
pub(crate) fn run(steps: &[&Step]) -> ExitCode {
    let mut tally = Tally::default();
    let finished = steps.iter().try_for_each(|step| run_one(step, &mut tally));
    let verdict = finished.and_then(|()| judge(steps, tally));
    if let Err(why) = &verdict {
        eprintln!("xtask: {why}");
    }
    if counts_tests(steps) {
        println!("{tally}");
    }
    if verdict.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_one(step: &Step, tally: &mut Tally) -> Result<(), Failure> {
    println!("== {}: {}", step.name, step.what);
    let start = Instant::now();
    let outcome = match step.work {
        Work::Check(check) => check(),
        Work::Tests(tests) => tests(tally),
    };
    let seconds = start.elapsed().as_secs_f64();
    match outcome {
        Ok(Done::Ran) => println!("== {}: passed in {seconds:.1} s\n", step.name),
        Ok(Done::Skipped(why)) => println!("== {}: skipped in {seconds:.1} s, {why}\n", step.name),
        Err(why) => return Err(format!("step {} failed after {seconds:.1} s: {why}", step.name).into()),
    }
    Ok(())
}

/// A run that was to run tests and ran none has shown nothing, however green its steps are.
fn judge(steps: &[&Step], tally: Tally) -> Result<(), Failure> {
    match tally {
        Tally { failed: 0, passed: 0 } if counts_tests(steps) => Err("no test ran".into()),
        Tally { failed: 0, .. } => Ok(()),
        Tally { failed, .. } => Err(format!("{failed} tests failed").into()),
    }
}

fn counts_tests(steps: &[&Step]) -> bool {
    steps.iter().any(|step| matches!(step.work, Work::Tests(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECK: Step = Step { name: "check", what: "", work: Work::Check(|| Ok(Done::Ran)) };
    const TESTS: Step = Step { name: "tests", what: "", work: Work::Tests(|_| Ok(Done::Ran)) };

    fn verdict(steps: &[&Step], passed: u64, failed: u64) -> Result<(), String> {
        judge(steps, Tally { passed, failed }).map_err(|why| why.to_string())
    }

    #[test]
    fn a_run_that_ran_no_test_is_a_failure_unless_none_was_asked_for() {
        assert_eq!(verdict(&[&CHECK, &TESTS], 0, 0), Err("no test ran".to_owned()));
        assert_eq!(verdict(&[&CHECK], 0, 0), Ok(()));
    }

    #[test]
    fn one_failed_test_fails_the_run_even_if_its_runner_was_content() {
        assert_eq!(verdict(&[&TESTS], 40, 1), Err("1 tests failed".to_owned()));
        assert_eq!(verdict(&[&TESTS], 40, 0), Ok(()));
    }

    #[test]
    fn a_failing_step_is_named_and_nothing_after_it_runs() {
        const BROKEN: Step = Step { name: "broken", what: "", work: Work::Check(|| Err("no disk".into())) };
        const NEVER: Step =
            Step { name: "never", what: "", work: Work::Check(|| panic!("ran after a failure")) };
        let mut tally = Tally::default();
        let why = [&BROKEN, &NEVER].iter().try_for_each(|step| run_one(step, &mut tally)).unwrap_err();
        let why = why.to_string();
        assert!(why.starts_with("step broken failed after 0.0 s: no disk"), "{why}");
    }
}
