use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use buttress_core::Entropy;
use buttress_idempotency::testing::response;
use buttress_idempotency::{
    Claim, Claimed, Fingerprint, Owned, OwnerToken, RecordId, Scope, Step, Stepped, Store, StoredResponse,
    WhenAbandoned,
};
use buttress_postgres::{PostgresStore, Transacted};
use buttress_testkit::postgres::PostgresServer;
use tokio_postgres::Transaction;

use crate::bench::{HOUR, migrated, sql};

const KILLS: usize = 100;
/// Operations that a process runs at once.
const AT_ONCE: usize = 4;
const LEASE: Duration = Duration::from_millis(50);

/// Where the effects and the records are written: at once, or one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Transaction,
    Lease,
}

fn claim(key: u64) -> Claim {
    let mut id = [0; 32];
    for chunk in id.chunks_exact_mut(8) {
        chunk.copy_from_slice(&key.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    }
    Claim {
        id: RecordId::from_bytes(id),
        scope: Scope::from_bits(1),
        fingerprint: Fingerprint::from_bytes([7; 32]),
        owner: OwnerToken::draw(&Entropy::system()),
        lease: LEASE,
        retain: HOUR,
        when_abandoned: WhenAbandoned::TakeOver,
    }
}

/// Runs an operation, or hears how it went: its answer, and which attempt gave it.
async fn run(store: &PostgresStore, mode: Mode, key: u64) -> (String, u32) {
    loop {
        let nonce = format!("{:016x}", Entropy::system().draw());
        let claimed = match mode {
            Mode::Transaction => match store.transaction(&claim(key), write(key, &nonce)).await {
                Ok(Transacted::Committed(response)) => return (text(&response), 1),
                Ok(Transacted::Refused(claimed)) => claimed,
                Err(error) => panic!("{error:?}"),
            },
            Mode::Lease => match store.claim(&claim(key)).await.unwrap() {
                Claimed::Owned(owned) => match by_lease(store, key, &nonce, &owned).await {
                    Some(answer) => return answer,
                    None => continue,
                },
                claimed => claimed,
            },
        };
        match claimed {
            Claimed::Completed(kept) => return (text(&kept.response), kept.attempt),
            Claimed::InFlight { .. } => tokio::time::sleep(Duration::from_millis(2)).await,
            other => panic!("{other:?}"),
        }
    }
}

fn write(
    key: u64,
    nonce: &str,
) -> impl AsyncFnOnce(&Transaction<'_>, &Owned) -> Result<Arc<StoredResponse>, tokio_postgres::Error> {
    async move |transaction, owned| {
        assert_eq!(owned.attempt, 1, "what was rolled back is not counted");
        let statement = "insert into effects values ($1, $2, 1)";
        transaction.execute(statement, &[&key.cast_signed(), &nonce]).await?;
        Ok(response(nonce.to_owned()))
    }
}

/// The answer that counts, and which attempt gave it; `None` if somebody else runs it: a claim that a dead process had
/// sent can arrive late, and take over when this one has been slower than its lease.
async fn by_lease(store: &PostgresStore, key: u64, nonce: &str, owned: &Owned) -> Option<(String, u32)> {
    let client = store.pool().get().await.unwrap();
    let attempt = i64::from(owned.attempt);
    let statement = "insert into effects values ($1, $2, $3)";
    client.execute(statement, &[&key.cast_signed(), &nonce, &attempt]).await.unwrap();
    drop(client);
    let step = Step::Complete { response: response(nonce.to_owned()), retain: HOUR };
    match store.step(&owned.ticket, &step).await.unwrap() {
        Stepped::Done => Some((nonce.to_owned(), owned.attempt)),
        Stepped::Fenced(kept) => kept.map(|kept| (text(&kept.response), kept.attempt)),
        other => panic!("{other:?}"),
    }
}

fn text(response: &StoredResponse) -> String {
    String::from_utf8(response.body().unwrap().to_vec()).unwrap()
}

fn builder(url: &str) -> buttress_postgres::PostgresStoreBuilder {
    PostgresStore::builder(url).call_timeout(Duration::from_secs(30)).lock_timeout(HOUR)
}

/// Not a test by itself: what the tests below run in processes of their own, and kill. It begins with a key, goes on
/// for ever, and says of each key how it was answered.
#[test]
fn a_process_runs_operations_until_it_is_killed() {
    let Ok(order) = std::env::var("BUTTRESS_POSTGRES_WORK") else { return };
    let [mode, first, url] = order.split(' ').collect::<Vec<_>>()[..] else { panic!("{order}") };
    let mode = if mode == "lease" { Mode::Lease } else { Mode::Transaction };
    let first: u64 = first.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = builder(url).connections(2 * AT_ONCE).build().unwrap();
        let work = async |worker: usize| {
            for key in (first + worker as u64..).step_by(AT_ONCE) {
                let (answer, attempt) = run(&store, mode, key).await;
                println!("\nanswer {key} {answer} {attempt}");
            }
        };
        tokio::join!(work(0), work(1), work(2), work(3));
    });
}

/// Starts the process above, and kills it after so many answers, in the middle of others.
fn start_and_kill(url: &str, mode: &str, first: u64, after: u64) -> Vec<(u64, String)> {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "crash::a_process_runs_operations_until_it_is_killed", "--nocapture"]);
    let child = child.env("BUTTRESS_POSTGRES_WORK", format!("{mode} {first} {url}"));
    let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
    let answers =
        BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap).filter_map(|line| {
            let mut words = line.strip_prefix("answer ")?.split(' ');
            Some((words.next()?.parse().unwrap(), words.next()?.to_owned()))
        });
    let answers = answers.take(usize::try_from(after).unwrap()).collect::<Vec<_>>();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(answers.len() as u64, after, "it ended by itself");
    answers
}

/// A hundred processes, each begun a little before where the one before it was killed. Whatever was answered was always
/// answered the same.
fn kill_a_hundred(server: &PostgresServer, mode: &str) -> BTreeMap<u64, String> {
    let (entropy, mut first, mut answers) = (Entropy::system(), 0, BTreeMap::new());
    for _ in 0..KILLS {
        for (key, answer) in start_and_kill(&server.url(), mode, first, 1 + entropy.draw() % 12) {
            let before = answers.entry(key).or_insert_with(|| answer.clone());
            assert_eq!(*before, answer, "operation {key} was answered in two ways");
        }
        first = answers.keys().max().unwrap().saturating_sub(3);
    }
    answers
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn begin(server: &PostgresServer) -> PostgresStore {
    let store = migrated(builder(&server.url())).await;
    sql(&store, "create table effects (key bigint, nonce text, attempt bigint); select 1").await;
    store
}

#[test]
fn a_hundred_kills_leave_each_effect_exactly_once_in_the_transaction_of_its_record() {
    let server = PostgresServer::start();
    let runtime = runtime();
    let store = runtime.block_on(begin(&server));
    let answers = kill_a_hundred(&server, "transaction");
    let last = answers.keys().max().unwrap() + 2 * AT_ONCE as u64;
    runtime.block_on(async {
        for key in 0..=last {
            let (answer, _) = run(&store, Mode::Transaction, key).await;
            assert_eq!(answers.get(&key).unwrap_or(&answer), &answer, "operation {key}");
            let effects = "select nonce from effects where key = $1";
            let effects =
                store.pool().get().await.unwrap().query(effects, &[&key.cast_signed()]).await.unwrap();
            let effects: Vec<String> = effects.iter().map(|row| row.get(0)).collect();
            assert_eq!(effects, [answer], "operation {key}");
        }
        let count = "select count(*) - count(distinct key) from effects";
        assert_eq!(crate::bench::ask::<i64>(&store, count).await, 0, "exactly once, as SQL counts");
    });
}

#[test]
fn a_hundred_kills_lose_no_answer_given_by_lease_and_what_was_answered_ran_no_more() {
    let server = PostgresServer::start();
    let runtime = runtime();
    let store = runtime.block_on(begin(&server));
    let answers = kill_a_hundred(&server, "lease");
    runtime.block_on(async {
        let (mut repeated, entries) = (0, answers.len());
        for (key, answer) in &answers {
            let Claimed::Completed(kept) = store.claim(&claim(*key)).await.unwrap() else {
                panic!("lost: {key}")
            };
            assert_eq!(text(&kept.response), *answer);
            let effects = "select count(*), max(attempt) from effects where key = $1";
            let row =
                store.pool().get().await.unwrap().query_one(effects, &[&key.cast_signed()]).await.unwrap();
            let (effects, last): (i64, i64) = (row.get(0), row.get(1));
            assert!(
                effects <= last && last <= i64::from(kept.attempt),
                "operation {key} ran after its answer"
            );
            repeated += u32::from(kept.attempt > 1);
        }
        assert!(repeated > 0, "of {entries} none was killed in the middle");
    });
}
