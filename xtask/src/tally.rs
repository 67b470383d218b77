//! Counts tests from what test runners print.

use std::fmt;
use std::ops::AddAssign;

/// How many tests passed and how many failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// Reads the last line of a test program: `test result: ok. 3 passed; 1 failed; 0 ignored; ...`.
pub(crate) fn libtest(line: &str) -> Option<Tally> {
    let line = plain(line);
    let (_verdict, counts) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
    Some(sum(counts.split("; ")))
}

/// Reads the summary of a nextest run: `Summary [ 1.2s] 9 tests run: 7 passed (1 slow), 2 failed, 0 skipped`.
///
/// Under nextest each test is a process that prints a `test result` line of its own, shown when it fails, so
/// one reader must not understand both forms.
pub(crate) fn nextest(line: &str) -> Option<Tally> {
    let line = plain(line);
    let (_count, outcomes) = line.trim().strip_prefix("Summary [")?.split_once(" run: ")?;
    Some(sum(outcomes.split(", ")))
}

/// Adds up counts such as `3 passed`. Kinds that are neither a success nor a failure count as nothing.
fn sum<'a>(counts: impl Iterator<Item = &'a str>) -> Tally {
    let mut tally = Tally::default();
    for (number, kind) in counts.filter_map(|count| count.trim().split_once(' ')) {
        // What stands in brackets, `(1 slow, 1 leaky)`, is a part of the count before it; its second half
        // begins with a number too, but none of its kinds are counted here.
        let kind = kind.split(" (").next().unwrap_or(kind);
        let number = number.parse().unwrap_or(0);
        match kind {
            "passed" => tally.passed += number,
            "failed" | "exec failed" | "timed out" => tally.failed += number,
            _ => {}
        }
    }
    tally
}

/// The line without colours.
fn plain(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    plain.extend(parts.map(|part| part.split_once('m').map_or(part, |(_colour, text)| text)));
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(tally: Option<Tally>) -> Option<(u64, u64)> {
        tally.map(|Tally { passed, failed }| (passed, failed))
    }

    #[test]
    fn a_test_program_is_counted_whether_it_passed_or_failed() {
        let cases = [
            ("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out", Some((12, 0))),
            ("test result: FAILED. 4 passed; 2 failed; 0 ignored; finished in 0.01s\n", Some((4, 2))),
            ("test result: ok. 0 passed; 0 failed; 0 ignored", Some((0, 0))),
            ("test result: \u{1b}[32mok\u{1b}[0m. 7 passed; 0 failed; 0 ignored", Some((7, 0))),
            ("test tally::result ... ok", None),
            ("error: test failed, to rerun pass `--lib`", None),
            ("all doctests ran in 0.50s; merged doctests compilation took 0.30s", None),
        ];
        for (line, expected) in cases {
            assert_eq!(counts(libtest(line)), expected, "{line}");
        }
    }

    #[test]
    fn a_nextest_summary_is_counted_with_every_way_to_fail() {
        let cases = [
            ("     Summary [   0.123s] 12 tests run: 12 passed, 0 skipped", Some((12, 0))),
            ("     Summary [   0.1s] 1 test run: 1 passed, 3 skipped\n", Some((1, 0))),
            ("  Summary [ 9s] 9 tests run: 6 passed (2 slow, 1 leaky), 3 failed, 1 skipped", Some((6, 3))),
            (
                "  Summary [ 9s] 7/9 tests run: 3 passed, 1 failed, 2 timed out, 1 exec failed, 0 skipped",
                Some((3, 4)),
            ),
            (
                "  Summary [ 9s] 5 tests run: 2 passed, 3 failed (1 due to being leaky), 0 skipped",
                Some((2, 3)),
            ),
            (
                "\u{1b}[32;1m     Summary\u{1b}[0m [   1s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m2\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, 0 skipped",
                Some((2, 0)),
            ),
            ("        PASS [   0.005s] xtask tally::tests::summary", None),
        ];
        for (line, expected) in cases {
            assert_eq!(counts(nextest(line)), expected, "{line}");
        }
    }

    #[test]
    fn a_failing_test_under_nextest_is_not_counted_twice() {
        let said_by_the_test = "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 41 filtered out";
        assert_eq!(nextest(said_by_the_test), None);
    }

    #[test]
    fn the_sum_is_printed_in_one_fixed_form() {
        let mut total = Tally { passed: 3, failed: 0 };
        total += Tally { passed: 4, failed: 1 };
        assert_eq!(total.to_string(), "7 passed, 1 failed");
    }
}
