use std::fs;
use std::path::Path;
use std::time::Duration;

use buttress_fjall::FjallStore;
use buttress_idempotency::testing::claim;
use buttress_idempotency::{Claim, Store};
use tokio::task::JoinSet;

use crate::sample::{HOUR, Hand, complete, completed, done, owned};

const SECOND: Duration = Duration::from_secs(1);

/// Waits until something is so, which comes by itself.
async fn until(mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("it comes by itself");
}

/// So many records at once, completed and kept for so long.
async fn fill(store: &FjallStore, count: usize, bytes: usize, retain: Duration) {
    let mut callers = JoinSet::new();
    for _ in 0..count {
        let store = store.clone();
        callers.spawn(async move {
            completed(&store, &claim(), vec![3; bytes], retain).await;
        });
    }
    callers.join_all().await;
}

#[tokio::test]
async fn what_has_expired_leaves_by_itself_while_nobody_asks() {
    let folder = tempfile::tempdir().unwrap();
    let store = FjallStore::open(&folder).unwrap();
    fill(&store, 100, 10, Duration::from_millis(30)).await;
    let stays = claim();
    completed(&store, &stays, vec![1], HOUR).await;
    until(|| store.occupancy().records == 1).await;
    drop(store);
    assert_eq!(FjallStore::open(&folder).unwrap().occupancy().records, 1, "and not only from memory");
}

#[tokio::test]
async fn leaving_keeps_up_with_coming() {
    let folder = tempfile::tempdir().unwrap();
    let hand = Hand::at(1_000_000);
    let store = hand.on(FjallStore::builder(&folder)).open().unwrap();
    for _ in 0..15 {
        fill(&store, 100, 10, SECOND).await;
        assert!(store.occupancy().records <= 200, "{:?}", store.occupancy());
        hand.pass(SECOND);
    }
}

#[tokio::test]
async fn the_disk_gets_its_space_back_although_nobody_comes_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let hand = Hand::at(1_000_000);
    let store = hand.on(FjallStore::builder(&folder)).open().unwrap();
    fill(&store, 300, 512 << 10, SECOND).await;
    let stays = claim();
    completed(&store, &stays, vec![1; 1_000], HOUR).await;
    let tables = folder.path().join("v1/keyspaces");
    until(|| bytes_below(&tables) > 90 << 20).await;
    hand.pass(2 * SECOND);
    until(|| bytes_below(&tables) < 8 << 20).await;
    assert_eq!(crate::sample::completion(&store, &stays).await.response.body().unwrap().len(), 1_000);
}

fn bytes_below(folder: &Path) -> u64 {
    // Files come and go while it looks.
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_below(&entry.path()),
        found => found.map_or(0, |found| found.len()),
    });
    bytes.sum()
}

#[tokio::test]
async fn clearing_takes_many_rounds_and_forgets_all_but_what_runs() {
    let folder = tempfile::tempdir().unwrap();
    let hand = Hand::at(1_000_000);
    let store = hand.on(FjallStore::builder(&folder)).open().unwrap();
    fill(&store, 1_200, 10, SECOND).await;
    hand.pass(SECOND);
    // Some of the expired ones leave meanwhile; they are not counted either way.
    fill(&store, 1_500, 10, HOUR).await;
    let (running, dead) = (claim(), Claim { lease: Duration::from_millis(1), ..claim() });
    let ticket = owned(&store, &running).await;
    owned(&store, &dead).await;
    hand.pass(Duration::from_millis(1));
    let (cleared, together) = tokio::join!(store.clear(), store.clear());
    assert_eq!((cleared.unwrap(), together.unwrap()), (1_501, 0));
    assert_eq!(store.occupancy().records, 1);
    done(&store, &ticket, complete("still there")).await;
    assert_eq!(store.clear().await.unwrap(), 1);
    assert_eq!((store.occupancy().records, store.occupancy().bytes), (0, 0));
}

#[tokio::test]
async fn a_record_that_came_while_others_left_leaves_in_its_turn() {
    for others_stay in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let hand = Hand::at(1_000_000);
        let store = hand.on(FjallStore::builder(&folder)).open().unwrap();
        if others_stay {
            completed(&store, &claim(), vec![1], HOUR).await;
        }
        for _ in 0..5 {
            hand.pass(SECOND);
            // In the round in which it comes, the one before it leaves.
            owned(&store, &Claim { lease: SECOND, retain: SECOND, ..claim() }).await;
        }
        hand.pass(SECOND);
        store.sweep().await.unwrap();
        assert_eq!(store.occupancy().records, u64::from(others_stay));
    }
}
