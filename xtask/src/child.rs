//! Starts the commands that the steps are made of, and says which one failed.

use std::env;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use crate::Failure;
use crate::tally::Tally;

/// The folder of the workspace, whatever folder the task was started from.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A cargo command that runs in the root of the workspace.
pub(crate) fn cargo<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// Whether a command exists here and succeeds, without showing what it says.
pub(crate) fn answers(command: &mut Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

/// What a command says on standard output, if it exists and succeeds.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let line = line(command);
    let said = command.stderr(Stdio::inherit()).output().map_err(|why| cannot_start(&line, &why))?;
    judge(&line, said.status)?;
    Ok(String::from_utf8(said.stdout)?)
}

/// Runs a command that shares our standard streams, so it may use colours and progress bars.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let line = announce(command);
    let status = command.status().map_err(|why| cannot_start(&line, &why))?;
    judge(&line, status)
}

/// Runs a command, passes on every line it says, and adds the tests it reports to `tally`.
pub(crate) fn run_and_count(
    command: &mut Command,
    count: fn(&str) -> Option<Tally>,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let line = announce(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|why| cannot_start(&line, &why))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (said, complained) = thread::scope(|scope| {
        let complained = scope.spawn(|| pass_on(err, io::stderr(), count));
        (pass_on(out, io::stdout(), count), complained.join())
    });
    let status = child.wait()?;
    *tally += said?;
    *tally += complained.map_err(|_| "the reader of standard error panicked")??;
    judge(&line, status)
}

fn pass_on(
    from: Option<impl Read>,
    mut to: impl Write,
    count: fn(&str) -> Option<Tally>,
) -> io::Result<Tally> {
    let mut tally = Tally::default();
    let Some(from) = from else { return Ok(tally) };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        tally += count(&String::from_utf8_lossy(&line)).unwrap_or_default();
        line.clear();
    }
    to.flush()?;
    Ok(tally)
}

fn announce(command: &Command) -> String {
    let line = line(command);
    println!("$ {line}");
    line
}

/// The command as a person would type it: with the variables it sets, and `cargo` without its path.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or(command.get_program());
    let variables = command
        .get_envs()
        .filter_map(|(name, value)| value.map(|value| format!("{}={}", name.display(), quoted(value))));
    let words = [program].into_iter().chain(command.get_args()).map(quoted);
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.display().to_string();
    if word.contains(' ') { format!("'{word}'") } else { word }
}

fn judge(line: &str, status: ExitStatus) -> Result<(), Failure> {
    if status.success() { Ok(()) } else { Err(format!("`{line}` failed ({status})").into()) }
}

fn cannot_start(line: &str, why: &io::Error) -> Failure {
    format!("cannot start `{line}`: {why}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    /// Counts each line `pass` and `fail`. What these children say reaches our own output, where a line in the
    /// form of a real test runner would be counted by the run that runs this test.
    fn marks(line: &str) -> Option<Tally> {
        match line.trim() {
            "pass" => Some(Tally { passed: 1, failed: 0 }),
            "fail" => Some(Tally { passed: 0, failed: 1 }),
            _ => None,
        }
    }

    #[test]
    fn both_streams_are_counted() {
        let mut tally = Tally { passed: 10, failed: 0 };
        run_and_count(&mut shell("echo pass; echo pass >&2; echo else"), marks, &mut tally).unwrap();
        assert_eq!(tally, Tally { passed: 12, failed: 0 });
    }

    #[test]
    fn tests_of_a_failing_command_are_still_counted() {
        let mut tally = Tally::default();
        let outcome = run_and_count(&mut shell("echo pass; echo fail; exit 3"), marks, &mut tally);
        let why = outcome.unwrap_err().to_string();
        assert_eq!(tally, Tally { passed: 1, failed: 1 });
        assert_eq!(why, "`sh -c 'echo pass; echo fail; exit 3'` failed (exit status: 3)");
    }

    #[test]
    fn every_byte_is_passed_on_even_where_it_is_no_text_and_the_last_line_has_no_end() {
        let said = b"pass\n\xff\xfe\npass".as_slice();
        let mut heard = Vec::new();
        let tally = pass_on(Some(said), &mut heard, marks).unwrap();
        assert_eq!(heard, said);
        assert_eq!(tally, Tally { passed: 2, failed: 0 });
    }

    #[test]
    fn a_missing_program_is_named() {
        let why = run(&mut Command::new("no-such-program-here")).unwrap_err().to_string();
        assert!(why.starts_with("cannot start `no-such-program-here`"), "{why}");
    }

    #[test]
    fn a_command_is_shown_as_a_person_would_type_it() {
        let mut command = Command::new("/opt/rust/bin/cargo");
        command.args(["doc", "--workspace"]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(line(&command), "RUSTDOCFLAGS='-D warnings' cargo doc --workspace");
    }
}
