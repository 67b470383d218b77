use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::error::{PlaceFault, StartError};
use crate::log::{AuditLog, ChainId, Head, Line, OwnedLine, ReadError, Reader};

/// The log as a feeder sees it: what is behind a place, and when there is more.
pub(super) struct Tail {
    directory: PathBuf,
    chain: ChainId,
    /// None until the first seek.
    reader: Option<Reader>,
    writer: Writer,
}

/// Who writes the log.
enum Writer {
    /// This process.
    Here { log: AuditLog, end: watch::Receiver<Head> },
    /// Another process, or nobody.
    Elsewhere { look_every: Duration },
}

/// Why there is nothing to hand on.
#[derive(Debug)]
pub(super) enum TailError {
    Read(ReadError),
    /// The log is not the one that was handed on before.
    Fault(PlaceFault),
    /// A thread could not be had, or came to nothing.
    Io(io::Error),
}

impl Tail {
    /// A log that this process writes.
    pub(super) fn of(log: &AuditLog) -> Self {
        let writer = Writer::Here { log: log.clone(), end: log.watch() };
        Self { directory: log.directory().to_owned(), chain: log.chain(), reader: None, writer }
    }

    /// The log in a directory.
    pub(super) async fn of_directory(directory: &Path, look_every: Duration) -> Result<Self, StartError> {
        let path = directory.to_owned();
        let oldest = blocking(move || Ok(Reader::open(path)?.next_batch(1, 1)?)).await;
        let oldest = oldest.map_err(|error| error.into_start_error(directory, directory))?;
        let Some(oldest) = oldest.first() else { return Err(StartError::NoLog(directory.to_owned())) };
        let (directory, chain) = (directory.to_owned(), oldest.chain());
        Ok(Self { directory, chain, reader: None, writer: Writer::Elsewhere { look_every } })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) const fn chain(&self) -> ChainId {
        self.chain
    }

    /// Where the log ends, if this process knows.
    pub(super) fn end(&self) -> Option<watch::Receiver<Head>> {
        match &self.writer {
            Writer::Here { end, .. } => Some(end.clone()),
            Writer::Elsewhere { .. } => None,
        }
    }

    /// Goes to the record behind a place, after a look whether the place is in this log; how many records between them
    /// are no longer kept.
    pub(super) async fn seek(&mut self, place: Head) -> Result<u64, TailError> {
        let (directory, limit) = (self.directory.clone(), self.limit());
        let (reader, missed) = blocking(move || seek(&directory, limit, place)).await?;
        self.reader = Some(reader);
        Ok(missed)
    }

    /// The next records; none if there are none yet.
    pub(super) async fn next(&mut self, records: usize, bytes: usize) -> Result<Vec<OwnedLine>, TailError> {
        let limit = self.limit();
        let reader = self.reader.take();
        let mut reader = reader.ok_or_else(|| TailError::Io(io::Error::other("the log is not open")))?;
        let (reader, batch) = blocking(move || {
            reader.set_limit(limit);
            let batch = reader.next_batch(records, bytes)?;
            Ok((reader, batch))
        })
        .await?;
        self.reader = Some(reader);
        Ok(batch)
    }

    /// Waits until there may be more.
    pub(super) async fn changed(&mut self) {
        let next = self.reader.as_ref().and_then(Reader::next_seq).unwrap_or(1);
        match &mut self.writer {
            // It lives as long as this does, so there is no end to wait for.
            Writer::Here { end, .. } => drop(end.wait_for(|end| end.seq >= next).await),
            Writer::Elsewhere { look_every } => tokio::time::sleep(*look_every).await,
        }
    }

    /// Tells the writer that there is a sink, and what it has.
    pub(super) fn register(&self, sink: &str, seq: u64) {
        if let Writer::Here { log, .. } = &self.writer {
            log.register(sink, seq);
        }
    }

    /// Tells the writer that a sink has everything up to a record.
    pub(super) fn confirm(&self, sink: &str, seq: u64) {
        if let Writer::Here { log, .. } = &self.writer {
            log.confirm(sink, seq);
        }
    }

    /// The last record that will not be taken back.
    fn limit(&self) -> u64 {
        match &self.writer {
            Writer::Here { end, .. } => end.borrow().seq,
            Writer::Elsewhere { .. } => u64::MAX,
        }
    }
}

fn seek(directory: &Path, limit: u64, place: Head) -> Result<(Reader, u64), TailError> {
    let mut reader = Reader::open(directory)?.from_seq(place.seq);
    reader.set_limit(limit);
    match reader.next_batch(1, 1) {
        Ok(_) if place == Head::START => Ok((reader.from_seq(1), 0)),
        Ok(found) => match found.first().map(OwnedLine::head) {
            None => Err(TailError::Fault(PlaceFault::Beyond { seq: place.seq })),
            Some(head) if head != place => Err(TailError::Fault(PlaceFault::OtherRecord { seq: place.seq })),
            Some(_) => Ok((reader, 0)),
        },
        Err(ReadError::Pruned { first, .. }) => {
            let mut reader = reader.from_seq(first);
            check_behind(place, &reader.next_batch(1, 1)?)?;
            Ok((reader.from_seq(first), first - place.next_seq()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Where the oldest record that is kept comes right behind a place, whether it says so too.
fn check_behind(place: Head, oldest: &[OwnedLine]) -> Result<(), TailError> {
    let oldest = oldest.first().and_then(|line| Line::parse(line.as_bytes()).ok());
    let is_other = |line: Line<'_>| line.seq == place.next_seq() && line.prev != place.hash;
    if oldest.is_some_and(is_other) {
        return Err(TailError::Fault(PlaceFault::OtherRecord { seq: place.seq }));
    }
    Ok(())
}

/// Reads files on a thread that may wait for them.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, TailError> + Send + 'static,
) -> Result<T, TailError> {
    spawn_blocking(read).await.unwrap_or_else(|gone| Err(TailError::Io(gone.into())))
}

impl TailError {
    /// Whether it will be the same next time, whatever anybody does.
    pub(super) const fn is_fatal(&self) -> bool {
        matches!(self, Self::Fault(_))
    }

    /// Whether somebody has to do something before it can be otherwise.
    pub(super) const fn is_lasting(&self) -> bool {
        !matches!(self, Self::Io(_) | Self::Read(ReadError::Io { .. } | ReadError::Pruned { .. }))
    }

    pub(super) fn into_start_error(self, directory: &Path, cursor: &Path) -> StartError {
        match self {
            Self::Read(source) => StartError::Log(source),
            Self::Fault(fault) => StartError::Cursor { path: cursor.to_owned(), fault },
            Self::Io(source) => StartError::Io { path: directory.to_owned(), source },
        }
    }
}

impl From<ReadError> for TailError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl fmt::Display for TailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Fault(fault) => write!(f, "the sink has records that are not those of the log: {fault}"),
            Self::Io(_) => f.write_str("the log could not be read"),
        }
    }
}

impl Error for TailError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read(error) => error.source(),
            Self::Io(error) => Some(error),
            Self::Fault(_) => None,
        }
    }
}
