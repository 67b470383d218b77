use std::env;
use std::fs;
use std::process::Command;

const ALONE: &str = "BUTTRESS_TEST_ALONE";

/// Has a test run once more, in a process where it is alone with its memory and its output; false in there.
///
/// # Panics
///
/// If it fails there.
///
/// # Example
///
/// ```no_run
/// # use buttress_testkit::{resident, runs_elsewhere};
/// #[test]
/// fn nothing_grows() {
///     if runs_elsewhere("nothing_grows") {
///         return;
///     }
///     assert!(resident() > 0);
/// }
/// ```
#[must_use = "it has run already, where it is true"]
pub fn runs_elsewhere(test: &str) -> bool {
    if env::var_os(ALONE).is_some() {
        return false;
    }
    let program = env::current_exe().unwrap_or_else(|error| panic!("{error}"));
    let run = Command::new(program).args(["--exact", test, "--nocapture"]).env(ALONE, "1").output();
    let run = run.unwrap_or_else(|error| panic!("{error}"));
    let said = [run.stdout, run.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
    true
}

/// How much memory this process has, in bytes. Linux only.
///
/// # Panics
///
/// Where there is no `/proc`.
#[must_use]
pub fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_else(|error| panic!("{error}"));
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or_else(|| panic!("not what it should be: {statm}")) * PAGE
}

const PAGE: usize = 4_096;
