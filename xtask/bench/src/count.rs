//! Instructions and allocations of one operation, exactly.
//!
//! This program runs itself under callgrind, once with so many operations and once with twice as many. What the
//! second took more, divided by their number, is one operation: what the first operation does for all, and starting and
//! stopping, cancel out. Building is not counted at all, since some layers look at their clock then until they know how
//! fast it runs, which takes another number of instructions each time.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, process, thread};

use crate::callgrind::{self, Totals};
use crate::subject::Case;
use crate::{Failure, cases};

/// What one operation takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    pub(crate) instructions: f64,
    pub(crate) allocations: f64,
}

pub(crate) fn is_available() -> bool {
    let version = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Counts every subject of a case, the bare one first.
pub(crate) fn count(case: &'static Case, operations: u64) -> Result<Vec<Count>, Failure> {
    case.subjects()
        .enumerate()
        .map(|(row, subject)| one(case.name, row, operations.min(subject.most / 2)))
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "the counts are far below the 52 bits of a float")]
fn one(case: &str, row: usize, operations: u64) -> Result<Count, Failure> {
    // Side by side: another process on the other core changes how long it takes, and not how many they are.
    let (once, twice) = thread::scope(|scope| {
        let twice = scope.spawn(|| totals(case, row, 2 * operations).map_err(|why| why.to_string()));
        (totals(case, row, operations), twice.join())
    });
    let (once, twice) = (once?, twice.map_err(|_| "the second count broke off")??);
    let per_operation = |once: u64, twice: u64| (twice as f64 - once as f64) / operations as f64;
    Ok(Count {
        instructions: per_operation(once.instructions, twice.instructions),
        allocations: per_operation(once.allocations, twice.allocations),
    })
}

fn totals(case: &str, row: usize, operations: u64) -> Result<Totals, Failure> {
    let file = scratch(&format!("{case}-{row}-{operations}"));
    run(&file, case, row, operations)?;
    let profile = fs::read_to_string(&file)?;
    fs::remove_file(&file)?;
    callgrind::read(&profile)
}

/// The function of [`drive`](crate::drive) that does the operations.
const COUNTED: &str = "--toggle-collect=*drive::counted*";

fn run(file: &Path, case: &str, row: usize, operations: u64) -> Result<(), Failure> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", COUNTED, &format!("--callgrind-out-file={}", file.display())])
        .arg(env::current_exe()?)
        .args(["--operations", case, &row.to_string(), &operations.to_string()])
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("counting {case}, row {row}: {}", String::from_utf8_lossy(&output.stderr)).into())
}

/// Prints where the instructions of a row go; for whoever has to mend a missed budget.
pub(crate) fn profile(case: &'static Case, row: usize) -> Result<(), Failure> {
    let subject = cases::subject(case.name, row)?;
    let (file, operations) = (scratch("profile"), subject.most.min(100_000));
    run(&file, case.name, row, operations)?;
    println!("{}: {}, {operations} operations", case.name, subject.name);
    let status =
        Command::new("callgrind_annotate").args(["--auto=no", "--threshold=95"]).arg(&file).status()?;
    println!("the profile is {}", file.display());
    if status.success() { Ok(()) } else { Err("callgrind_annotate failed".into()) }
}

fn scratch(name: &str) -> PathBuf {
    env::temp_dir().join(format!("buttress-bench-{}-{name}.callgrind", process::id()))
}
