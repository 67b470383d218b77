//! Limits shared through a store: against a store in memory, on paused time.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod fleet;
mod flights;
mod layer;
mod leases;
mod memory;
mod model;
mod outages;
mod settings;

use buttress_rate_limit::testing::{MemoryStore, check_store};

#[tokio::test(start_paused = true)]
async fn the_store_in_memory_keeps_the_laws_of_stores() {
    check_store(&MemoryStore::default()).await;
}
