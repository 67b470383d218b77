use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::time::Instant;

use crate::ledger::Ledger;

/// How often it looks at most.
const PATIENCE: Duration = Duration::from_secs(1);

/// So much may be taken beyond twice what the records count for.
const SLACK_BYTES: u64 = 64 << 20;

/// Gives space back to the file system where removed records take more than those that are left.
///
/// The database does that by itself as records come. Where many have left and few come, it would wait for a long time.
#[derive(Debug, Default)]
pub(crate) struct Reclaim {
    looked: Option<Instant>,
    at_work: Option<JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
}

impl Reclaim {
    pub(crate) fn look(&mut self, ledger: &mut Ledger) {
        if self.at_work.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        let now = Instant::now();
        if !ledger.has_removed || self.looked.is_some_and(|looked| now.duration_since(looked) < PATIENCE) {
            return;
        }
        self.looked = Some(now);
        if ledger.tables.disk_bytes() > 2 * ledger.budget.used().bytes + SLACK_BYTES {
            ledger.has_removed = false;
            self.start(ledger);
        }
    }

    fn start(&mut self, ledger: &Ledger) {
        let (compaction, is_over) = (ledger.tables.compaction(), Arc::clone(&self.is_over));
        let compacting = thread::Builder::new().name("buttress-fjall-compact".to_owned()).spawn(move || {
            // If it fails, nothing is lost but space. A disk that fails shows in what is written next.
            drop(compaction.run(&|| is_over.load(Ordering::Relaxed)));
        });
        // The same holds if there is no thread to be had.
        self.at_work = compacting.ok();
    }
}

impl Drop for Reclaim {
    /// Waits: nobody may use the database when its folder is unlocked.
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.at_work.take() {
            drop(thread.join());
        }
    }
}
