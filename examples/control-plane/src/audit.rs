//! What is written down for good: who asked for what, what the gates said, what the connectors were told to do.

mod rules;
mod strangers;

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use buttress::audit::log::{
    AuditLog, Checkpoints, FileAnchor, KeyError, OpenError, Page, Query, ReadError, SigningKey, Status,
};
use buttress::audit::sink::{Feeder, FeederHandle, FeederStatus};
use buttress::audit::{
    Action, Counted, Event, NotRecorded, Receipt, Recorder, Reservation as _, Statistics, StatisticsSnapshot,
};
use buttress::core::BoxError;
use buttress::idempotency::StoreError;
use buttress::postgres::PostgresStore;
use buttress::redact::Redactor;
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::connectors::Secret;

pub(crate) use self::rules::{exception_granted, explained, recorded};
pub(crate) use self::strangers::{Strangers, turned_away};

/// Where administrators read it.
pub(crate) const LOG: &str = "/api/v1/audit";

/// What the log takes at the most, so that strangers whom it records cannot fill the disk: the oldest files go first.
const KEEP_BYTES: u64 = 1 << 30;

/// How long the copy may take at the end to catch up; what it has not then, it gets after the next start.
const CATCH_UP: Duration = Duration::from_secs(2);

/// The audit log, and what was counted of it. Clones share.
#[derive(Clone, Debug)]
pub(crate) struct Audit {
    recorder: Counted<AuditLog>,
    folder: Arc<Folder>,
}

/// Room for one event.
pub(crate) type Room = <Counted<AuditLog> as Recorder>::Reservation;

/// Where the log is.
#[derive(Debug)]
struct Folder {
    log: PathBuf,
    /// What copies each record to PostgreSQL, if that was asked for.
    copy: Mutex<Option<FeederHandle>>,
    /// Removed with the last handle, if nobody has said where to keep the log.
    _temporary: Option<TempDir>,
}

impl Audit {
    /// Opens the log in a folder, or in one that is removed at the end. The key that signs it and the anchor that shows
    /// whether its end was cut off are beside the folder; to be worth something against an intruder, they belong on
    /// another machine.
    ///
    /// Each record is copied to the PostgreSQL, if there is one; that is not waited for, and goes on after a restart.
    pub(crate) async fn open(folder: Option<PathBuf>, copy_to: Option<&Secret>) -> Result<Self, AuditError> {
        let opened = spawn_blocking(|| Self::open_blocking(folder)).await;
        let audit = opened.unwrap_or_else(|error| Err(AuditError::Folder(io::Error::other(error))))?;
        if let Some(url) = copy_to {
            let copy = copy_to_postgres(audit.recorder.get_ref(), url).await.map_err(AuditError::Copy)?;
            *audit.folder.copy.lock() = Some(copy);
        }
        Ok(audit)
    }

    fn open_blocking(folder: Option<PathBuf>) -> Result<Self, AuditError> {
        let (log, temporary) = if let Some(folder) = folder {
            (folder, None)
        } else {
            let temporary = TempDir::with_prefix("control-plane-audit-").map_err(AuditError::Folder)?;
            (temporary.path().join("audit"), Some(temporary))
        };
        if let Some(parent) = log.parent() {
            std::fs::create_dir_all(parent).map_err(AuditError::Folder)?;
        }
        let (key, anchor) = (beside(&log, "key"), beside(&log, "anchor"));
        let key = SigningKey::load_or_create(key).map_err(AuditError::Key)?;
        let checkpoints = Checkpoints::signed_by(key).anchor(FileAnchor::new(anchor));
        let opened = AuditLog::builder(&log)
            .checkpoints(checkpoints)
            .keep_bytes(KEEP_BYTES)
            .open()
            .map_err(AuditError::Log)?;
        let recorder = Statistics::new().count_in(opened);
        Ok(Self { recorder, folder: Arc::new(Folder { log, copy: Mutex::default(), _temporary: temporary }) })
    }

    /// Where to record.
    pub(crate) fn recorder(&self) -> &Counted<AuditLog> {
        &self.recorder
    }

    /// Takes room for an event before it is known what it will say.
    pub(crate) async fn room(&self, action: &Action) -> Result<Room, NotRecorded> {
        told(self.recorder.reserve(action.class()).await)
    }

    /// Records an event; one that gets lost is told in the log of the program, and by the audit log itself.
    pub(crate) async fn record(room: Room, event: Event) -> Result<Receipt, NotRecorded> {
        told(room.record(event).await)
    }

    /// How the log is.
    pub(crate) fn status(&self) -> Status {
        self.recorder.get_ref().status()
    }

    /// What was counted since the start.
    pub(crate) fn statistics(&self) -> StatisticsSnapshot {
        self.recorder.statistics().snapshot(&Redactor::default())
    }

    /// The newest records that a query asks for, of those before a number.
    pub(crate) async fn page(
        &self,
        query: Query,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page, ReadError> {
        let folder = self.folder.log.clone();
        let read = spawn_blocking(move || query.page(&folder, before, limit)).await;
        read.unwrap_or_else(|error| {
            let path = self.folder.log.clone();
            Err(ReadError::Io { path, source: io::Error::other(error) })
        })
    }

    /// Records something that nobody has asked for, such as a start; if it is lost, that is told already.
    pub(crate) async fn note(&self, event: Event) -> Result<Receipt, NotRecorded> {
        told(self.recorder.record(event).await)
    }

    /// Where the log is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder.log
    }

    /// How far the copy has come, if there is one.
    pub(crate) fn copied(&self) -> Option<FeederStatus> {
        self.folder.copy.lock().as_ref().map(FeederHandle::status)
    }

    /// Brings everything to the disk, lets the copy catch up for a moment, and lets go of the folder.
    pub(crate) async fn close(&self) {
        self.recorder.get_ref().close().await;
        let copy = self.folder.copy.lock().take();
        if let Some(copy) = copy {
            copy.stop(CATCH_UP).await;
        }
    }
}

async fn copy_to_postgres(log: &AuditLog, url: &Secret) -> Result<FeederHandle, BoxError> {
    let store = PostgresStore::builder(url.expose()).schema("control_plane").build()?;
    store.migrate().await?;
    Ok(Feeder::new(store.audit_sink()).start(log).await?)
}

fn told<T>(recorded: Result<T, NotRecorded>) -> Result<T, NotRecorded> {
    recorded.inspect_err(|lost| tracing::error!(error = %lost, "audit event lost"))
}

/// The path beside the log with this after its name.
fn beside(log: &Path, what: &str) -> PathBuf {
    let mut name = log.file_name().unwrap_or("audit".as_ref()).to_owned();
    name.push("-");
    name.push(what);
    log.with_file_name(name)
}

/// Why an answer is no success, for the record of its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code {
    /// The word that the problem document has.
    pub(crate) word: &'static str,
    /// Whether it is a rule that says no, and not a failure.
    pub(crate) is_denial: bool,
}

/// Why there is no audit log.
#[derive(Debug)]
#[non_exhaustive]
pub enum AuditError {
    /// The folder cannot be made.
    Folder(io::Error),
    /// The key that signs the log cannot be used.
    Key(KeyError),
    /// The log cannot be opened.
    Log(OpenError),
    /// Its records cannot be copied to PostgreSQL.
    Copy(BoxError),
}

impl fmt::Display for AuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, error): (_, &dyn Error) = match self {
            Self::Folder(error) => ("keep an audit log", error),
            Self::Key(error) => ("keep an audit log", error),
            Self::Log(error) => ("keep an audit log", error),
            Self::Copy(error) => ("copy the audit log to PostgreSQL", &**error),
        };
        write!(f, "cannot {what}")?;
        let chain = std::iter::successors(Some(error), |&cause| cause.source());
        // The adapter is made for idempotency records, and speaks of those; why it fails stands behind that.
        let of_something_else = error.is::<StoreError>() && error.source().is_some();
        chain.skip(usize::from(of_something_else)).try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl Error for AuditError {}
