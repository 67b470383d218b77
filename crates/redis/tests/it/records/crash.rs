use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use buttress_core::Entropy;
use buttress_idempotency::testing::response;
use buttress_idempotency::{
    After, Claim, Claimed, Fingerprint, OwnerToken, RecordId, Scope, Step, Stepped, Store, WhenAbandoned,
};
use buttress_redis::RedisRecords;
use buttress_testkit::redis::RedisServer;
use tokio::task::JoinSet;

use super::{HOUR, connect, shared};

const URL: &str = "BUTTRESS_REDIS_RECORDS_CHILD";
const FIRST: &str = "BUTTRESS_REDIS_RECORDS_FIRST";
const KILLS: u64 = 100;
const AT_ONCE: usize = 4;
/// Far apart, so that no two children have an operation in common.
const EACH: u64 = 1_000_000;
const LEASE: Duration = Duration::from_millis(100);

fn operation(number: u64) -> Claim {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    Claim {
        id: RecordId::from_bytes(id),
        scope: Scope::from_bits(0),
        fingerprint: Fingerprint::from_bytes([1; 32]),
        owner: OwnerToken::draw(&Entropy::system()),
        lease: LEASE,
        retain: HOUR,
        when_abandoned: WhenAbandoned::TakeOver,
    }
}

/// Not a test by itself: what the next one runs in processes of their own, and kills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_runs_operations_until_it_is_killed() {
    let (Ok(url), Ok(first)) = (std::env::var(URL), std::env::var(FIRST)) else { return };
    let store = shared(RedisRecords::connect(url).await.unwrap());
    let next = Arc::new(AtomicU64::new(first.parse().unwrap()));
    let mut workers = JoinSet::new();
    for _ in 0..AT_ONCE {
        workers.spawn(work(Arc::clone(&store), Arc::clone(&next)));
    }
    workers.join_all().await;
}

async fn work(store: Arc<RedisRecords>, next: Arc<AtomicU64>) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Ok(Claimed::Owned(owned)) = store.claim(&operation(number)).await else { panic!("not owned") };
        say(&format!("claimed {number}"));
        tokio::time::sleep(Duration::from_millis(1)).await;
        let response = response(format!("run of {number}, attempt {}", owned.attempt));
        let stepped = store.step(&owned.ticket, &Step::Complete { response, retain: HOUR }).await;
        assert_eq!(stepped.unwrap(), Stepped::Done);
        say(&format!("completed {number}"));
    }
}

/// A line at once, before anything else happens.
fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}").unwrap();
}

/// What a killed process had said.
#[derive(Debug, Default)]
struct Said {
    claimed: BTreeSet<u64>,
    completed: BTreeSet<u64>,
}

impl Said {
    /// False if it was a line of the test harness.
    fn hear(&mut self, line: &str) -> bool {
        let Some((word, number)) = line.rsplit_once(' ') else { return false };
        let Ok(number) = number.parse() else { return false };
        // The harness begins a line that the process ends.
        match word.rsplit(' ').next() {
            Some("claimed") => self.claimed.insert(number),
            Some("completed") => self.completed.insert(number),
            _ => false,
        }
    }
}

fn start(url: &str, first: u64) -> Child {
    let mut process = Command::new(std::env::current_exe().unwrap());
    process.args(["--exact", "records::crash::a_process_runs_operations_until_it_is_killed", "--nocapture"]);
    process.env(URL, url).env(FIRST, first.to_string());
    process.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Lets a process say so many lines, kills it in the middle of whatever it does (SIGKILL), and hears the rest.
fn run_and_kill(url: &str, first: u64, lines: u64) -> Said {
    let mut process = start(url, first);
    let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut said = Said::default();
    let mut heard = 0;
    while heard < lines {
        let line = output.next().expect("the process goes on until it is killed").unwrap();
        heard += u64::from(said.hear(&line));
    }
    process.kill().unwrap();
    for line in output {
        // The last line may have been cut short, and then it was never said.
        let Ok(line) = line else { break };
        said.hear(&line);
    }
    process.wait().unwrap();
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_killed_processes_nothing_acknowledged_is_lost_and_each_abandoned_run_is_taken_over_once()
 {
    let server = RedisServer::start();
    let store = shared(connect(&server).await);
    let (mut acknowledged, mut abandoned) = (0, 0);
    for kill in 0..KILLS {
        let url = server.url();
        let lines = 4 + kill % 13;
        let first = kill * EACH;
        let said = tokio::task::block_in_place(|| run_and_kill(&url, first, lines));
        for number in &said.completed {
            is_kept(&store, *number).await;
            acknowledged += 1;
        }
        // Claimed and perhaps not said so: up to one more for each worker.
        let last = said.claimed.last().copied().unwrap_or(first) + AT_ONCE as u64;
        for number in (first..=last).filter(|number| !said.completed.contains(number)) {
            abandoned += is_taken_over_once(&store, number).await;
        }
    }
    println!("{acknowledged} acknowledged, {abandoned} abandoned");
    assert!(acknowledged >= KILLS, "{acknowledged}");
    assert!(abandoned >= KILLS, "{abandoned}: each process is killed in the middle of something");
}

async fn is_kept(store: &RedisRecords, number: u64) {
    let claimed = store.claim(&operation(number)).await.unwrap();
    let Claimed::Completed(kept) = claimed else { panic!("{number} was acknowledged: {claimed:?}") };
    assert_eq!(kept.response, response(format!("run of {number}, attempt 1")));
}

/// Eight ask for it until it is theirs, or is known to be completed or never begun. Says whether it was abandoned.
async fn is_taken_over_once(store: &Arc<RedisRecords>, number: u64) -> u64 {
    let mut rivals = JoinSet::new();
    for _ in 0..8 {
        let store = Arc::clone(store);
        rivals.spawn(async move {
            loop {
                // For long, so that whoever has it keeps it while the others ask.
                let claim = Claim { lease: HOUR, ..operation(number) };
                match store.claim(&claim).await.unwrap() {
                    Claimed::InFlight { remaining } if remaining <= LEASE => {
                        tokio::time::sleep(remaining).await;
                    }
                    claimed => return claimed,
                }
            }
        });
    }
    let answers = rivals.join_all().await;
    if let Claimed::Completed(kept) = &answers[0] {
        assert_eq!(kept.attempt, 1, "completed as the process was killed, before it could say so");
        return 0;
    }
    let owners: Vec<_> = answers
        .iter()
        .filter_map(|claimed| match claimed {
            Claimed::Owned(owned) => Some((owned.attempt, owned.after)),
            _ => None,
        })
        .collect();
    match owners[..] {
        [(1, After::Nothing)] => 0,
        [(2, After::Abandonment)] => 1,
        _ => panic!("{number}: {answers:?}"),
    }
}
