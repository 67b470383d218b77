use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use buttress_audit::log::{ChainId, Head, OwnedLine, seal};
use buttress_audit::sink::{Feeder, FeederBuilder, FeederHandle, FeederStatus, Seen, Sink, SinkError};
use buttress_testkit::patience::{PATIENCE, within};
use parking_lot::Mutex;
use tempfile::TempDir;

pub(super) const CHAIN: ChainId = ChainId::from_bytes([7; 16]);

/// A log of which a test writes every line.
pub(super) struct WrittenLog {
    folder: TempDir,
    pub(super) chain: ChainId,
    pub(super) head: Head,
    segment: PathBuf,
}

impl WrittenLog {
    /// A log with that many records.
    pub(super) fn of(records: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let segment = segment(folder.path(), 1);
        let mut log = Self { folder, chain: CHAIN, head: Head::START, segment };
        log.add(records);
        log
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Adds records.
    pub(super) fn add(&mut self, records: u64) {
        for _ in 0..records {
            let event = format!(r#"{{"ts":"2026-11-21T09:00:00.000000Z","n":{}}}"#, self.head.next_seq());
            self.add_event(&event);
        }
    }

    pub(super) fn add_event(&mut self, event: &str) {
        let mut line = Vec::new();
        self.head = seal(self.chain, self.head, event.as_bytes(), &mut line);
        let mut file = OpenOptions::new().create(true).append(true).open(&self.segment).unwrap();
        file.write_all(&line).unwrap();
    }

    /// Goes on in a new segment.
    pub(super) fn rotate(&mut self) {
        self.segment = segment(self.path(), self.head.next_seq());
    }

    pub(super) fn remove_segment(&self, first: u64) {
        fs::remove_file(segment(self.path(), first)).unwrap();
    }

    pub(super) fn cursor(&self, sink: &str) -> PathBuf {
        self.path().join("cursors").join(format!("{sink}.json"))
    }
}

fn segment(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("segment-{first:020}.jsonl"))
}

/// What a sink does with a batch, where it does not take it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Retry,
    /// It has it, and says that it has not.
    TakeAndRetry,
    After(Duration),
    Unfit,
    Fatal,
    Never,
}

/// A sink in memory that answers by script, and takes what comes when the script is over.
#[derive(Clone, Debug)]
pub(super) struct Memory(&'static str, Arc<Mutex<Kept>>);

impl Default for Memory {
    fn default() -> Self {
        Self("memory", Arc::default())
    }
}

#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) lines: Vec<OwnedLine>,
    pub(super) script: VecDeque<Answer>,
    /// Whether it says what it has when it is asked.
    pub(super) knows: bool,
    /// The sizes of the batches it was offered.
    pub(super) offered: Vec<usize>,
}

impl Memory {
    /// A sink that says what it has.
    pub(super) fn that_knows() -> Self {
        let memory = Self::default();
        memory.1.lock().knows = true;
        memory
    }

    pub(super) fn named(self, name: &'static str) -> Self {
        Self(name, self.1)
    }

    pub(super) fn scripted(script: impl IntoIterator<Item = Answer>) -> Self {
        let memory = Self::default();
        memory.1.lock().script = script.into_iter().collect();
        memory
    }

    pub(super) fn kept(&self) -> parking_lot::MutexGuard<'_, Kept> {
        self.1.lock()
    }

    pub(super) fn seqs(&self) -> Vec<u64> {
        self.1.lock().lines.iter().map(OwnedLine::seq).collect()
    }
}

impl Sink for Memory {
    fn name(&self) -> &str {
        self.0
    }

    async fn seen(&mut self, chain: ChainId) -> Result<Seen, SinkError> {
        let kept = self.1.lock();
        let last = kept.lines.iter().rfind(|line| line.chain() == chain);
        Ok(if kept.knows { Seen::UpTo(last.map_or(Head::START, OwnedLine::head)) } else { Seen::Unknown })
    }

    async fn deliver(&mut self, batch: &[OwnedLine]) -> Result<(), SinkError> {
        let answer = {
            let mut kept = self.1.lock();
            kept.offered.push(batch.len());
            let answer = kept.script.pop_front();
            if matches!(answer, None | Some(Answer::TakeAndRetry)) {
                kept.lines.extend_from_slice(batch);
            }
            answer
        };
        match answer {
            None => Ok(()),
            Some(Answer::Retry | Answer::TakeAndRetry) => Err(SinkError::retry("busy")),
            Some(Answer::After(time)) => Err(SinkError::retry_after("busy", time)),
            Some(Answer::Unfit) => Err(SinkError::unfit("no table")),
            Some(Answer::Fatal) => Err(SinkError::fatal("nobody reads")),
            Some(Answer::Never) => std::future::pending().await,
        }
    }
}

/// A feeder with small batches.
pub(super) fn feeder(sink: &Memory) -> FeederBuilder<Memory> {
    Feeder::builder(sink.clone()).batch_records(10)
}

pub(super) fn up_to(last: u64) -> Vec<u64> {
    (1..=last).collect()
}

/// Waits that end, so that a fault fails a test and does not hang it.
pub(super) trait Until {
    /// Waits until something holds of a feeder, or it is at its end.
    async fn until(&self, what: &str, holds: impl FnMut(&FeederStatus) -> bool) -> FeederStatus;

    async fn until_confirmed(&self, seq: u64) -> FeederStatus {
        self.until(&format!("record {seq} is confirmed"), |status| status.confirmed >= seq).await
    }
}

impl Until for FeederHandle {
    async fn until(&self, what: &str, holds: impl FnMut(&FeederStatus) -> bool) -> FeederStatus {
        within(PATIENCE, self.reached(holds), || format!("{what}; there is {:?}", self.status())).await
    }
}
