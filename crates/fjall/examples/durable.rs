//! Measures durable claims and completions against the rate at which the machine's disk itself can sync, so that the
//! figures mean something on another machine: `cargo run --release -p buttress-fjall --example durable [folder]`.
#![expect(clippy::print_stdout, reason = "a program that prints figures")]

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use buttress_fjall::FjallStore;
use buttress_idempotency::testing::{claim, response};
use buttress_idempotency::{Claimed, Step, Store};
use tokio::task::JoinSet;
use tokio::time::Instant;

const SPAN: Duration = Duration::from_secs(4);
const BODY_BYTES: usize = 512;
const DAY: Duration = Duration::from_secs(86_400);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let parent = match std::env::args().nth(1) {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    println!(
        "{:>10} {:>12} {:>14} {:>12} {:>12}",
        "concurrent", "requests/s", "claims+ends/s", "fsyncs/s", "per fsync"
    );
    for concurrent in [1, 16, 256] {
        // Measured again before each, because a disk that others use too is not the same from minute to minute.
        let syncs = syncs_per_second(parent.path())?;
        let folder = parent.path().join(concurrent.to_string());
        let requests = requests_per_second(&folder, concurrent).await?;
        let (ends, ratio) = (2.0 * requests, 2.0 * requests / syncs);
        println!("{concurrent:>10} {requests:>12.0} {ends:>14.0} {syncs:>12.0} {ratio:>11.2}x");
    }
    size_and_start(&parent.path().join("256"))
}

/// How often the disk itself syncs 4 KiB at the end of a file that has its size already.
fn syncs_per_second(folder: &Path) -> Result<f64, Box<dyn Error>> {
    let mut file = File::create(folder.join("syncs"))?;
    file.set_len(64 << 20)?;
    file.sync_all()?;
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < SPAN / 2 {
        file.write_all(&[7; 4_096])?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

/// So many at once claim and complete, each with a key of its own, as fast as they are answered.
#[expect(clippy::cast_precision_loss, reason = "a figure to print")]
async fn requests_per_second(folder: &Path, concurrent: usize) -> Result<f64, Box<dyn Error>> {
    let store = FjallStore::open(folder)?;
    let (start, count) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let mut callers = JoinSet::new();
    for _ in 0..concurrent {
        let (store, count) = (store.clone(), Arc::clone(&count));
        callers.spawn(async move {
            while start.elapsed() < SPAN {
                run(&store).await;
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    callers.join_all().await;
    Ok(count.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64())
}

async fn run(store: &FjallStore) {
    let Ok(Claimed::Owned(owned)) = store.claim(&claim()).await else { panic!("a new key is owned") };
    let complete = Step::Complete { response: response(vec![b'x'; BODY_BYTES]), retain: DAY };
    assert!(store.step(&owned.ticket, &complete).await.is_ok(), "an owner completes");
}

/// What records take, and how long it takes to open them again.
#[expect(clippy::cast_precision_loss, reason = "figures to print")]
fn size_and_start(folder: &Path) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let store = FjallStore::open(folder)?;
    let (opened, full) = (start.elapsed(), store.occupancy());
    println!("\n{} records of {BODY_BYTES} bytes in the body, opened again in {opened:.2?}", full.records);
    println!("{:.0} bytes are charged for each", full.bytes as f64 / full.records as f64);
    Ok(())
}
