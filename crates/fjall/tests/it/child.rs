//! Processes of their own: this test binary once more, told by its environment what to do.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use buttress_fjall::FjallStore;
use buttress_idempotency::testing::{claim, response};
use buttress_idempotency::{Claim, Claimed, Fingerprint, Owned, RecordId, Scope, Step, Stepped, Store};
use tokio::task::JoinSet;

use crate::sample::HOUR;

const FOLDER: &str = "BUTTRESS_FJALL_FOLDER";
const ROUND: &str = "BUTTRESS_FJALL_ROUND";

/// How many run at once in the process that will be killed.
const CALLERS: u32 = 8;

/// How the test below is called.
const ENTRY: &str = "child::what_a_process_does_that_was_told_a_folder";

/// The command for a process that works in a folder until it is killed or its disk fails.
pub(crate) fn command(folder: &Path, round: u32) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    told(&mut command, folder, round);
    command
}

/// The same, where no file may grow beyond so many blocks of 512 bytes.
pub(crate) fn command_with_small_files(folder: &Path, blocks: u64) -> Command {
    let mut command = Command::new("sh");
    // The signal is ignored so that a write fails instead, as on a disk that is full.
    let script = format!("trap '' XFSZ; ulimit -f {blocks} || exit 9; exec \"$0\" \"$@\"");
    command.args(["-c", &script]).arg(std::env::current_exe().unwrap());
    told(&mut command, folder, u32::MAX);
    command
}

fn told(command: &mut Command, folder: &Path, round: u32) {
    command.args([ENTRY, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(FOLDER, folder).env(ROUND, round.to_string());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
}

/// Starts it, and hands out what it says line by line.
pub(crate) fn start(command: &mut Command) -> (Child, std::io::Lines<BufReader<ChildStdout>>) {
    let mut child = command.spawn().unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, said)
}

/// The claim with this number, the same in every process but for its owner.
pub(crate) fn numbered(round: u32, number: u32) -> Claim {
    let mut id = [0; 32];
    // First the part that differs most, as in a hash.
    id[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
    id[4..8].copy_from_slice(&round.to_be_bytes());
    id[8..12].copy_from_slice(&number.to_be_bytes());
    let (id, fingerprint) = (RecordId::from_bytes(id), Fingerprint::from_bytes([1; 32]));
    Claim { id, fingerprint, scope: Scope::from_bits(1), lease: HOUR, retain: 24 * HOUR, ..claim() }
}

/// The body that the operation with this number answers with in its first attempt.
pub(crate) fn body(round: u32, number: u32) -> Vec<u8> {
    format!("{round}/{number};").repeat(1 + number as usize % 97).into_bytes()
}

/// Not a test unless its environment says so; then it claims, completes, and says what was acknowledged.
#[test]
fn what_a_process_does_that_was_told_a_folder() {
    let (Ok(folder), Ok(round)) = (std::env::var(FOLDER), std::env::var(ROUND)) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(work(PathBuf::from(folder), round.parse().unwrap()));
}

async fn work(folder: PathBuf, round: u32) {
    let store = match FjallStore::open(&folder) {
        Ok(store) => store,
        Err(error) => return say(&format!("refused {error}")),
    };
    say("opened");
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let store = store.clone();
        callers.spawn(async move {
            let mut number = caller;
            while let Some(()) = run(&store, round, number).await {
                number += CALLERS;
            }
        });
    }
    callers.join_all().await;
    after_a_failure(&store).await;
    drop(store);
    say("closed");
}

/// Runs one operation, and says when it is owned and when it is done; `None` once the disk has failed.
async fn run(store: &FjallStore, round: u32, number: u32) -> Option<()> {
    let claim = numbered(round, number);
    let owned = match store.claim(&claim).await {
        Ok(Claimed::Owned(owned)) => owned,
        Ok(other) => panic!("a new key is owned: {other:?}"),
        Err(error) => return say_failed(&error),
    };
    say(&format!("owned {number}"));
    match store.step(&owned.ticket, &completion(&owned, round, number)).await {
        Ok(Stepped::Done) => say(&format!("done {number}")),
        Ok(other) => panic!("the owner completes: {other:?}"),
        Err(error) => return say_failed(&error),
    }
    Some(())
}

fn completion(owned: &Owned, round: u32, number: u32) -> Step {
    assert_eq!(owned.attempt, 1);
    // Large where the disk is to be filled.
    let body = if round == u32::MAX { vec![7; 4 << 20] } else { body(round, number) };
    Step::Complete { response: response(body), retain: 24 * HOUR }
}

fn say_failed(error: &buttress_idempotency::StoreError) -> Option<()> {
    say(&format!("failed {:?}", error.kind()));
    None
}

/// What a store says once its disk has failed: to a new claim, to a replay and to an invalidation.
async fn after_a_failure(store: &FjallStore) {
    for round in [1, u32::MAX] {
        let error = store.claim(&numbered(round, 0)).await.expect_err("nothing is acknowledged");
        say(&format!("then {:?}", error.kind()));
    }
    let error = store.invalidate(numbered(u32::MAX, 0).id).await.expect_err("nothing is acknowledged");
    say(&format!("then {:?}", error.kind()));
    let error = store.check().await.expect_err("it does not serve");
    say(&format!("then {:?}", error.kind()));
    let clear = tokio::time::timeout(Duration::from_secs(10), store.clear()).await.expect("an answer");
    say(&format!("then {:?}", clear.expect_err("nothing is acknowledged").kind()));
}

/// In one piece and at once: what is said after an acknowledgement is said before the kill, or not at all.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n> {line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}
