use std::sync::Arc;
use std::time::Duration;

use buttress_idempotency::MemoryStore;
use buttress_idempotency::testing::{check_races, check_store};

#[tokio::test(start_paused = true)]
async fn a_store_in_memory_keeps_the_laws() {
    check_store(&MemoryStore::default(), async |time: Duration| tokio::time::advance(time).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn races_have_one_winner() {
    for _ in 0..20 {
        check_races(&Arc::new(MemoryStore::default())).await;
    }
}
