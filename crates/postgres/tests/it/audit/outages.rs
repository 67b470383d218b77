use std::process::Command;
use std::time::Duration;

use buttress_audit::sink::FeederState;
use buttress_postgres::PostgresStore;
use buttress_testkit::patience::PATIENCE;
use buttress_testkit::postgres::PostgresServer;
use tokio::task::block_in_place;
use tokio::time::Instant;

use super::log::{Until, Written, arrived, feed, up_to};
use crate::bench::migrated;

const LIMIT: Duration = Duration::from_millis(500);

async fn store_of(server: &PostgresServer) -> PostgresStore {
    migrated(PostgresStore::builder(server.url()).call_timeout(LIMIT)).await
}

/// The memory of this process, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_killed_again_and_again_has_every_record_once_and_in_order() {
    let mut server = PostgresServer::start();
    let store = store_of(&server).await;
    let written = Written::new();
    let handle = feed(&store, &written).await;
    for round in 1..=4 {
        let goal = written.add(1_000).await - 500;
        // In the middle of it.
        handle.until("it is in the middle of it", |status| status.confirmed > goal - 400).await;
        block_in_place(|| server.kill());
        written.add(300).await;
        let failures = handle.status().failures;
        handle.until("it has failed again", |status| status.failures > failures).await;
        block_in_place(|| server.restart());
        assert!(handle.until_confirmed(goal).await.confirmed >= goal, "round {round}");
    }
    let end = written.log.close().await.head.seq;
    let status = handle.stop(PATIENCE).await;
    assert_eq!((status.confirmed, status.state), (end, FeederState::Stopped), "{status:?}");
    assert!(end > 5_000 && status.failures >= 4, "{status:?}");
    assert_eq!(arrived(&store).await, up_to(end));
}

/// Has this test run once more, in a process where it is alone with its memory; false in there.
fn runs_elsewhere(test: &str) -> bool {
    const ALONE: &str = "BUTTRESS_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return false;
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    let done = child.args(["--exact", test, "--nocapture"]).env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_stopped_costs_no_memory_and_no_time_and_catches_up() {
    if block_in_place(|| {
        runs_elsewhere(
            "audit::outages::a_database_that_is_stopped_costs_no_memory_and_no_time_and_catches_up",
        )
    }) {
        return;
    }
    let server = PostgresServer::start();
    let store = store_of(&server).await;
    let written = Written::new();
    let handle = feed(&store, &written).await;
    let unhindered = Instant::now();
    let end = written.add(10_000).await;
    let unhindered = unhindered.elapsed();
    handle.until_confirmed(end).await;
    block_in_place(|| server.pause());
    written.add(1_000).await;
    handle.until("it has failed twice", |status| status.failures > 1).await;
    let (before, hindered) = (resident(), Instant::now());
    let end = written.add(40_000).await;
    let hindered = hindered.elapsed() / 4;
    let failures = handle.status().failures;
    let stuck = handle.until("it has failed twice more", |status| status.failures > failures + 1).await;
    let grown = resident().saturating_sub(before);
    assert_eq!(stuck.state, FeederState::Failing);
    assert!(stuck.lag >= 40_000 && stuck.lag_age > Duration::ZERO, "{stuck:?}");
    println!(
        "10,000 records: {unhindered:?} while they are fed, {hindered:?} while they are not; {grown} bytes"
    );
    // The records are 30 MB. Of those the log itself may hold 4 MiB that are not synced, in a buffer that doubles, and the
    // sink a page.
    assert!(grown < 12 << 20, "{grown} bytes");
    // A sink at work costs the machine more than one that is not.
    assert!(hindered < 3 * unhindered, "{hindered:?}, and not {unhindered:?}");
    block_in_place(|| server.resume());
    let status = handle.until_confirmed(end).await;
    assert_eq!((status.lag, status.lag_age), (0, Duration::ZERO));
    assert_eq!(arrived(&store).await, up_to(end));
}
