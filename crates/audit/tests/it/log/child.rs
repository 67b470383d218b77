//! Processes of their own: this test binary once more, told by its environment what to do.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use buttress_audit::{Action, Event};
use tokio::task::JoinSet;

const DIRECTORY: &str = "BUTTRESS_AUDIT_DIRECTORY";
const ROUND: &str = "BUTTRESS_AUDIT_ROUND";

/// How many record at once in the process that will be killed.
const CALLERS: u64 = 8;

/// How the test below is called.
const ENTRY: &str = "log::child::what_a_process_does_that_was_told_a_directory";

/// The command for a process that records until it is killed.
pub(crate) fn command(directory: &Path, round: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    told(&mut command, directory, round);
    command
}

/// The same, where no file may grow beyond so many blocks of 512 bytes.
pub(crate) fn command_with_small_files(directory: &Path, round: u64, blocks: u64) -> Command {
    let mut command = Command::new("sh");
    // The signal is ignored so that a write fails instead.
    let script = format!("trap '' XFSZ; ulimit -f {blocks} || exit 9; exec \"$0\" \"$@\"");
    command.args(["-c", &script]).arg(std::env::current_exe().unwrap());
    told(&mut command, directory, round);
    command
}

fn told(command: &mut Command, directory: &Path, round: u64) {
    command.args([ENTRY, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(DIRECTORY, directory).env(ROUND, round.to_string());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
}

pub(crate) type Said = Box<dyn Iterator<Item = std::io::Result<String>> + Send>;

/// Starts it, and hands out what it says line by line.
pub(crate) fn start(command: &mut Command) -> (Child, Said) {
    let mut child = command.spawn().unwrap();
    let lines = BufReader::<ChildStdout>::new(child.stdout.take().unwrap()).lines();
    let said =
        lines.filter_map(|line| line.map(|line| line.strip_prefix("> ").map(str::to_owned)).transpose());
    (child, Box::new(said))
}

/// The number that an event has in every process: its round, and its place in it.
pub(crate) const fn number(round: u64, place: u64) -> u64 {
    round * 1_000_000 + place
}

/// Not a test unless its environment says so; then it records, and says what was acknowledged.
#[test]
fn what_a_process_does_that_was_told_a_directory() {
    let (Ok(directory), Ok(round)) = (std::env::var(DIRECTORY), std::env::var(ROUND)) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(work(PathBuf::from(directory), round.parse().unwrap()));
}

async fn work(directory: PathBuf, round: u64) {
    // Small files, so that it is often killed while it begins one.
    let log = match super::sample::builder(&directory).segment_bytes(64 << 10).open() {
        Ok(log) => log,
        Err(error) => return say(&format!("refused {error}")),
    };
    say("opened");
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let log = log.clone();
        callers.spawn(async move {
            for place in (0..25_000).map(|turn| turn * CALLERS + caller) {
                match log.record(event(number(round, place))).await {
                    Ok(receipt) => say(&format!("done {} {}", number(round, place), receipt.seq.unwrap())),
                    Err(error) => say(&format!("failed {} {}", number(round, place), error.reason.as_str())),
                }
            }
        });
    }
    callers.join_all().await;
}

/// Of many lengths, some synced and some only written.
fn event(number: u64) -> Event {
    let action = if number.is_multiple_of(4) { Action::LOGIN } else { Action::UPDATE };
    let text = "lorem ipsum ".repeat(usize::try_from(number % 97).unwrap());
    Event::builder(action).detail("number", number).detail("text", text).build()
}

/// In one piece and at once: what is said after an acknowledgement is said before the kill, or not at all.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n> {line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}
