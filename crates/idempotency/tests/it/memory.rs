use std::sync::Arc;
use std::time::Duration;

use buttress_idempotency::testing::{Flaky, check_races, check_store};
use buttress_idempotency::{Handle, Invalidated, MemoryStore, Stats, Step, Stepped, Store};

use crate::sample::{RETAIN, claim, owned, response};

async fn advance(time: Duration) {
    tokio::time::advance(time).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_in_memory_keeps_the_laws() {
    check_store(&MemoryStore::default(), advance).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_behind_another_keeps_the_laws() {
    let store = Arc::new(Flaky::new(MemoryStore::default()));
    check_store(&store, advance).await;
    assert!(store.claims() > 50 && store.steps() > 50, "{store:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn races_have_one_winner() {
    for _ in 0..20 {
        check_races(&Arc::new(MemoryStore::default())).await;
    }
}

#[tokio::test]
async fn a_handle_invalidates_one_and_clears_all() {
    let store = Arc::new(MemoryStore::default());
    let handle = Handle::new(Arc::clone(&store), Stats::default());
    let claim = claim(1, 1);
    let ticket = owned(store.claim(&claim).await.unwrap()).ticket;
    assert_eq!(handle.invalidate(claim.id).await.unwrap(), Invalidated::InFlight);
    assert_eq!(handle.clear().await.unwrap(), 0, "it runs");
    let complete = Step::Complete { response: response("kept"), retain: RETAIN };
    assert_eq!(store.step(&ticket, &complete).await.unwrap(), Stepped::Done);
    assert_eq!(handle.clone().clear().await.unwrap(), 1);
    assert_eq!(handle.invalidate(claim.id).await.unwrap(), Invalidated::Absent);
    assert_eq!(store.occupancy().bytes, 0);
}
