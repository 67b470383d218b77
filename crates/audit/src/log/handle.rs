use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use buttress_core::WallClock;
use tokio::sync::watch;

use super::builder::AuditLogBuilder;
use super::directory::Directory;
use super::disk::Disk;
use super::facts::Facts;
use super::open::open;
use super::place::Place;
use super::reserving::Reserving;
use super::room::Room;
use super::settings::{NOMINAL_BYTES, Settings};
use super::shared::{Parts, Phase, Shared};
use super::system::Clerk;
use super::writer::{Plan, Writer};
use super::{ChainId, Head, OpenError, Status, WhenFull, batch, layout};
use crate::{Class, Event, NotRecorded, Reason, Receipt, Recorder, Reservation};

/// A log in a directory of this machine; see [the module](super).
///
/// Clones share. When the last one is dropped, what waits is written and the directory is unlocked before the drop
/// returns; [`close`](Self::close) does the same without blocking.
#[derive(Clone)]
pub struct AuditLog(Arc<Desk>);

/// Where events are handed in, and what ends the writer.
struct Desk {
    shared: Arc<Shared>,
    directory: PathBuf,
    chain: ChainId,
    writer: Option<JoinHandle<()>>,
    /// Told of nothing: it ends with the writer.
    ended: watch::Receiver<()>,
}

impl AuditLog {
    /// Opens a directory with the default settings, and makes it if there is none.
    ///
    /// Blocks; see [`AuditLogBuilder::open`].
    ///
    /// # Errors
    ///
    /// If the directory cannot be used, with the reason.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::builder(directory).open()
    }

    /// The settings of a log in this directory; see the [options](super#options).
    pub fn builder(directory: impl AsRef<Path>) -> AuditLogBuilder {
        AuditLogBuilder::new(directory.as_ref().to_owned())
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.0.directory
    }

    /// The chain it writes.
    pub fn chain(&self) -> ChainId {
        self.0.chain
    }

    /// Records an event: waits for a place and then for the receipt.
    ///
    /// Where a request can still be refused, take the two steps apart: [`Recorder::reserve`] before it is handled,
    /// and [`Reservation::record`] afterwards.
    ///
    /// # Errors
    ///
    /// [`NotRecorded`] with the reason, and whether the policy of its class is to go on without it.
    pub async fn record(&self, event: Event) -> Result<Receipt, NotRecorded> {
        let place = self.reserve(event.class()).await?;
        place.record(event).await
    }

    /// The last record that is written and will not be taken back, now and from now on.
    ///
    /// Nothing behind it may be handed on: until it is acknowledged, a record may come to be another one.
    pub fn watch(&self) -> watch::Receiver<Head> {
        self.0.shared.head.subscribe()
    }

    /// How it is.
    pub fn status(&self) -> Status {
        Status::of(&self.0.shared)
    }

    #[cfg(test)]
    pub(super) fn status_at(&self, now: std::time::Instant) -> Status {
        Status::at(&self.0.shared, now)
    }

    /// Counts a sink from now on, as far as it has come: nothing behind that is deleted before it has confirmed it.
    pub fn register(&self, sink: &str, seq: u64) {
        self.0.shared.lock().replicas.register(sink, seq);
    }

    /// A sink has everything up to this record.
    pub fn confirm(&self, sink: &str, seq: u64) {
        batch::confirmed(&self.0.shared, sink, seq);
    }

    /// A sink is not to be waited for any more.
    pub fn forget(&self, sink: &str) {
        self.0.shared.lock().replicas.forget(sink);
    }

    /// Has the writer begin a new file, so that the one it writes is complete. It does so soon.
    pub fn rotate(&self) {
        self.0.shared.lock().rotate = true;
        self.0.shared.work().notify_one();
    }

    /// Takes no more events, and waits until everything that was handed over is on disk and the directory is unlocked.
    ///
    /// The status that it returns is the last one: what is in `head` and not in `synced` could not be synced.
    pub async fn close(&self) -> Status {
        self.0.shared.begin_to_close();
        let mut ended = self.0.ended.clone();
        while ended.changed().await.is_ok() {}
        self.status()
    }

    pub(super) fn start(settings: Settings, disk: impl Disk) -> Result<Self, OpenError> {
        let writer = writer(settings, disk)?;
        let (shared, chain) = (Arc::clone(&writer.shared), writer.journal.chain());
        let directory = writer.directory.path().to_owned();
        let (end, ended) = watch::channel(());
        let last = Last { shared: Arc::clone(&shared), _end: end };
        let spawned = thread::Builder::new().name("buttress-audit".to_owned()).spawn(move || {
            // Dropped when the writer and its lock are gone, whether it ended or panicked.
            let _last = last;
            writer.run();
        });
        let writer = Some(spawned.map_err(OpenError::at(&directory))?);
        Ok(Self(Arc::new(Desk { shared, directory, chain, writer, ended })))
    }
}

/// Opens the directory, and makes what will write to it.
pub(super) fn writer<D: Disk>(settings: Settings, disk: D) -> Result<Writer<D>, OpenError> {
    let directory = Directory::lock(&settings.directory)?;
    let clerk = Clerk::new(settings.clock.clone());
    let journal = open(disk, &directory, clerk.clone(), settings.when_damaged, settings.checkpoints)?;
    let (signatures, damage) = (journal.monitor(), journal.damage().cloned());
    let head = journal.tail().synced_head();
    let facts = Facts { signatures, damage, ..Facts::new(journal.chain(), head) };
    let shared = Arc::new(Shared::new(Parts {
        room: Room::new(settings.queue, settings.shares, NOMINAL_BYTES),
        refusals: settings.refusals,
        policies: settings.policies,
        most_event_bytes: settings.most_event_bytes,
        redactor: settings.redactor,
        clock: settings.clock,
        head,
        facts,
    }));
    for sink in settings.sinks.into_iter().chain(layout::sinks(directory.path())) {
        shared.lock().replicas.register(&sink, 0);
    }
    let (pace, ladder, retention) = (settings.pace, settings.ladder, settings.retention);
    Ok(Writer::new(Plan { shared, journal, clerk, pace, ladder, retention, directory }))
}

impl Recorder for AuditLog {
    type Reservation = Place;
    type Reserving = Reserving;

    fn reserve(&self, class: Class) -> Reserving {
        Reserving::new(Arc::clone(&self.0.shared), class)
    }

    fn fails_closed(&self, class: Class) -> bool {
        self.0.shared.policy(class).when_full == WhenFull::FailRequest
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.shared.begin_to_close();
        if let Some(writer) = self.writer.take() {
            // Its panic was told on its own thread.
            let _panicked = writer.join();
        }
    }
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("directory", &self.0.directory).finish_non_exhaustive()
    }
}

/// Leaves nobody waiting, however the writer ends.
struct Last {
    shared: Arc<Shared>,
    _end: watch::Sender<()>,
}

impl Drop for Last {
    fn drop(&mut self) {
        let mut left = VecDeque::new();
        self.shared.change(|state| {
            state.phase = Phase::Closed;
            left = std::mem::take(&mut state.queue);
            state.room.shut();
            state.room.dismiss()
        });
        // Not by a clock that somebody gave: should that be what panicked, it must not do so again.
        batch::fail(&self.shared, left, Reason::Failed, WallClock::system().now());
        batch::release_replicas(&self.shared);
    }
}
