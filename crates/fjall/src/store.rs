use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::thread::{self, JoinHandle};

use buttress_idempotency::{
    Claim, Claimed, Invalidated, RecordId, Step, Stepped, Store, StoreError, StoreErrorKind, Ticket,
};
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};

use crate::OpenError;
use crate::budget::{Amount, Gauge};
use crate::builder::{FjallStoreBuilder, Settings};
use crate::error::NoWriter;
use crate::layout::RECORD_BYTES;
use crate::request::{Reply, Request};
use crate::writer::{MOST_REQUESTS, Writer};

/// A store in a folder of this machine, durable; see the [crate's front page](crate).
///
/// Clones share. When the last one is dropped, what is still in line is finished and the folder is unlocked before the
/// drop returns.
#[derive(Clone)]
pub struct FjallStore(Arc<Desk>);

/// Where requests are handed in, and what ends the writer.
struct Desk {
    requests: Option<mpsc::Sender<Request>>,
    writer: Option<JoinHandle<()>>,
    gauge: Arc<Gauge>,
    limit: Amount,
    folder: PathBuf,
}

/// How full a [`FjallStore`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Occupancy {
    /// Records, those included that have expired and not left yet.
    pub records: u64,
    /// What they take, in bytes.
    pub bytes: u64,
    /// Records there is room for.
    pub max_records: u64,
    /// Bytes there is room for.
    pub max_bytes: u64,
}

impl FjallStore {
    /// What is charged for a record beside its headers, body and checkpoint, in bytes.
    pub const RECORD_BYTES: u64 = RECORD_BYTES;

    /// Opens a folder with the default bounds, and makes it if there is none.
    ///
    /// Blocks until the database is read; see [`FjallStoreBuilder::open`].
    ///
    /// # Errors
    ///
    /// If the folder cannot be used, with the reason.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::builder(folder).open()
    }

    /// The settings of a store in this folder; see the [options](crate#options).
    pub fn builder(folder: impl AsRef<Path>) -> FjallStoreBuilder {
        FjallStoreBuilder::new(folder.as_ref().to_owned())
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// How full it is.
    pub fn occupancy(&self) -> Occupancy {
        let (used, limit) = (self.0.gauge.used(), self.0.limit);
        Occupancy {
            records: used.records,
            bytes: used.bytes,
            max_records: limit.records,
            max_bytes: limit.bytes,
        }
    }

    /// Asks whether it serves: for a readiness probe. It writes nothing, so a disk that cannot be written to shows once
    /// something was to be written.
    ///
    /// # Errors
    ///
    /// If the disk has failed; then nothing is served until the store is dropped and opened again.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.ask(Request::Check).await
    }

    /// Lets everything leave that has expired, and says how many did. Nobody needs to call this: expired records leave
    /// by themselves.
    ///
    /// # Errors
    ///
    /// If the disk has failed.
    pub async fn sweep(&self) -> Result<u64, StoreError> {
        self.ask(Request::Sweep).await
    }

    /// Starts the thread that has the database, and waits until it has opened it.
    pub(crate) fn start(folder: PathBuf, settings: Settings) -> Result<Self, OpenError> {
        let gauge = Arc::new(Gauge::default());
        let limit = settings.all;
        let (requests, asked) = mpsc::channel(MOST_REQUESTS);
        let (opened, is_open) = std_mpsc::sync_channel(1);
        let unusable = |folder: &Path, source| OpenError::Unusable { folder: folder.to_owned(), source };
        // Only to wait with: it drives nothing but this thread's own receiver and timer.
        let waiting = runtime::Builder::new_current_thread().enable_time().build();
        let waiting = waiting.map_err(|source| unusable(&folder, source))?;
        let named = thread::Builder::new().name("buttress-fjall".to_owned());
        let spawned = named.spawn({
            let (folder, gauge) = (folder.clone(), Arc::clone(&gauge));
            move || match settings.open(&folder, gauge) {
                Ok(writer) => {
                    drop(opened.send(Ok(())));
                    Writer::run(writer, &waiting, asked);
                }
                Err(error) => drop(opened.send(Err(error))),
            }
        });
        let writer = Some(spawned.map_err(|source| unusable(&folder, source))?);
        let desk = Desk { requests: Some(requests), writer, gauge, limit, folder };
        match is_open.recv() {
            Ok(opened) => opened.map(|()| Self(Arc::new(desk))),
            Err(_) => Err(OpenError::Damaged { folder: desk.folder.clone(), source: Box::new(NoWriter) }),
        }
    }

    async fn ask<A>(&self, request: impl FnOnce(Reply<A>) -> Request) -> Result<A, StoreError> {
        let gone = |kind| StoreError::with_source(kind, NoWriter);
        let (reply, answer) = oneshot::channel();
        let Some(requests) = &self.0.requests else { return Err(gone(StoreErrorKind::Unfit)) };
        // Whoever leaves before there was room in line has asked for nothing.
        requests.send(request(reply)).await.map_err(|_| gone(StoreErrorKind::Unfit))?;
        let Ok(answer) = answer.await else {
            // The writer is ending. Whoever hears of that and asks again finds that it has.
            requests.closed().await;
            return Err(gone(StoreErrorKind::Unreachable));
        };
        answer
    }
}

impl Store for FjallStore {
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.ask(|reply| Request::Claim(claim.clone(), reply)).await
    }

    async fn step(&self, ticket: &Ticket, step: &Step) -> Result<Stepped, StoreError> {
        self.ask(|reply| Request::Step(*ticket, step.clone(), reply)).await
    }

    async fn invalidate(&self, id: RecordId) -> Result<Invalidated, StoreError> {
        self.ask(|reply| Request::Invalidate(id, reply)).await
    }

    async fn clear(&self) -> Result<u64, StoreError> {
        self.ask(Request::Clear).await
    }
}

impl Drop for Desk {
    /// Lets the writer finish, and waits for it: who opens the folder next must find it unlocked.
    fn drop(&mut self) {
        self.requests = None;
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
    }
}

impl fmt::Debug for FjallStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let occupancy = self.occupancy();
        f.debug_struct("FjallStore").field("folder", &self.0.folder).field("occupancy", &occupancy).finish()
    }
}
