//! The folder behind the store: an embedded database, written by one thread in the order in which changes come, as many
//! at once as there are.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use axum::http::StatusCode;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::PackageRecord;
use super::shelves::Shelves;
use crate::domain::{Deployment, Incident};
use crate::problem::ApiProblem;

/// Changes that wait for the disk; who comes later waits for a place.
const MAX_WAITING: usize = 256;

/// A folder that is open, and nobody else's until it is closed.
#[derive(Debug)]
pub(super) struct Disk {
    queue: mpsc::Sender<Job>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// The rows that a change leaves.
#[derive(Debug, Default)]
pub(super) struct Rows(Vec<(Key, Vec<u8>)>);

type Key = (Table, Uuid);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Table {
    Packages,
    Deployments,
    Incidents,
}

#[derive(Debug)]
enum Job {
    Write(Rows, oneshot::Sender<()>),
    Close,
}

/// A place in the queue. Whoever has one need not wait while he holds a lock.
pub(super) struct Place<'a>(mpsc::Permit<'a, Job>);

impl Disk {
    pub(super) async fn open(folder: &Path) -> Result<(Shelves, Self), DiskError> {
        let fail = |why: BoxError| DiskError { folder: folder.to_owned(), why };
        let path = folder.to_owned();
        let opened = spawn_blocking(move || Tables::open(&path)).await;
        let (shelves, tables) = opened.map_err(|panic| fail(panic.into()))?.map_err(fail)?;
        let (queue, jobs) = mpsc::channel(MAX_WAITING);
        let writer = thread::Builder::new().name("store".to_owned()).spawn(move || write(&tables, jobs));
        let writer = Mutex::new(Some(writer.map_err(|error| fail(error.into()))?));
        Ok((shelves, Self { queue, writer }))
    }

    /// Whether changes can come to it.
    pub(super) fn is_up(&self) -> bool {
        !self.queue.is_closed()
    }

    /// Waits for a place.
    pub(super) async fn place(&self) -> Result<Place<'_>, ApiProblem> {
        self.queue.reserve().await.map(Place).map_err(|_| failed())
    }

    pub(super) async fn close(&self) {
        // If nobody takes it, the writer has ended by itself.
        let _ = self.queue.send(Job::Close).await;
        let writer = self.writer.lock().take();
        if let Some(writer) = writer {
            // A panic of the writer has been told on standard error.
            let _ = spawn_blocking(|| writer.join()).await;
        }
    }
}

impl Place<'_> {
    /// Takes it. The rows are on the disk when the future completes, and will be if it is dropped.
    pub(super) fn write(self, rows: Rows) -> impl Future<Output = Result<(), ApiProblem>> {
        let (done, written) = oneshot::channel();
        self.0.send(Job::Write(rows, done));
        async { written.await.map_err(|_| failed()) }
    }
}

impl Rows {
    pub(super) fn package(&mut self, record: &PackageRecord) -> Result<(), ApiProblem> {
        self.put(Table::Packages, record.package.id, record)
    }

    pub(super) fn deployment(&mut self, deployment: &Deployment) -> Result<(), ApiProblem> {
        self.put(Table::Deployments, deployment.id, deployment)
    }

    pub(super) fn incident(&mut self, incident: &Incident) -> Result<(), ApiProblem> {
        self.put(Table::Incidents, incident.id, incident)
    }

    fn put(&mut self, table: Table, id: Uuid, row: &impl Serialize) -> Result<(), ApiProblem> {
        let row = serde_json::to_vec(row).map_err(|error| {
            tracing::error!(%error, ?table, %id, "a row cannot be written as JSON");
            failed()
        })?;
        self.0.push(((table, id), row));
        Ok(())
    }
}

/// The database, with one keyspace for each kind of row.
struct Tables {
    database: Database,
    packages: Keyspace,
    deployments: Keyspace,
    incidents: Keyspace,
}

impl Tables {
    fn open(folder: &Path) -> Result<(Shelves, Self), BoxError> {
        let database = Database::builder(folder).open()?;
        let table = |name| database.keyspace(name, KeyspaceCreateOptions::default);
        let (packages, deployments, incidents) =
            (table("packages")?, table("deployments")?, table("incidents")?);
        let mut shelves = Shelves::default();
        read(&packages, |record| shelves.put_package(record))?;
        read(&deployments, |deployment| shelves.put_deployment(deployment))?;
        read(&incidents, |incident| shelves.put_incident(incident))?;
        Ok((shelves, Self { database, packages, deployments, incidents }))
    }

    /// Writes all of them or, if the process dies, none.
    fn commit(&self, rows: BTreeMap<Key, Vec<u8>>) -> fjall::Result<()> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        for ((table, id), row) in rows {
            let table = match table {
                Table::Packages => &self.packages,
                Table::Deployments => &self.deployments,
                Table::Incidents => &self.incidents,
            };
            batch.insert(table, id.as_bytes(), row);
        }
        batch.commit()
    }
}

fn read<T: DeserializeOwned>(table: &Keyspace, mut put: impl FnMut(T)) -> Result<(), BoxError> {
    for row in table.iter() {
        put(serde_json::from_slice(&row.value()?)?);
    }
    Ok(())
}

/// Ends when told to, when nobody is left, and at the first failure: what could not be written is in memory already, so
/// that nothing may follow it. A restart begins with what is on the disk.
fn write(tables: &Tables, mut jobs: mpsc::Receiver<Job>) {
    let mut taken = Vec::new();
    while jobs.blocking_recv_many(&mut taken, MAX_WAITING) > 0 {
        let (mut rows, mut waiting, mut is_last) = (BTreeMap::new(), Vec::new(), false);
        for job in taken.drain(..) {
            match job {
                // Of several changes to one row, a batch may hold the last one only.
                Job::Write(Rows(changed), done) => {
                    rows.extend(changed);
                    waiting.push(done);
                }
                Job::Close => is_last = true,
            }
        }
        if let Err(error) = tables.commit(rows) {
            return tracing::error!(%error, "the store cannot write; it takes no more changes");
        }
        for done in waiting {
            // Nobody waits if the request has been dropped.
            let _ = done.send(());
        }
        if is_last {
            return;
        }
    }
}

fn failed() -> ApiProblem {
    let detail = "the change is not safe on the disk; it may be there after a restart";
    ApiProblem::new(StatusCode::SERVICE_UNAVAILABLE, "storage_failed", detail)
}

type BoxError = Box<dyn Error + Send + Sync>;

/// Why a folder cannot be used.
#[derive(Debug)]
pub struct DiskError {
    folder: PathBuf,
    why: BoxError,
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot use the folder {}: ", self.folder.display())?;
        match self.why.downcast_ref() {
            Some(fjall::Error::Locked) => f.write_str("another process has it open"),
            Some(fjall::Error::Io(error)) => fmt::Display::fmt(error, f),
            Some(fjall::Error::InvalidVersion(_)) => {
                f.write_str("it has a format that this version cannot read")
            }
            _ => fmt::Display::fmt(&self.why, f),
        }
    }
}

impl Error for DiskError {}
