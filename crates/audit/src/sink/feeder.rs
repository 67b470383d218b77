use std::path::Path;
use std::time::Duration;

use buttress_backoff::{Backoff, Jitter};
use buttress_core::{Checks, ConfigError, Entropy, WallClock};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::cursor::Cursor;
use super::run::Run;
use super::status::Progress;
use super::tail::Tail;
use super::{FeederHandle, Sink, StartError};
use crate::log::AuditLog;

const MOST_RECORDS: usize = 10_000;
const LEAST_BYTES: usize = 1024;
const MOST_BYTES: usize = 64 * 1024 * 1024;
const AN_HOUR: Duration = Duration::from_secs(3_600);

/// Hands the records of a log on to a sink; see the [module](crate::sink).
#[must_use = "a feeder does nothing until it is started"]
#[derive(Clone, Debug)]
pub struct Feeder<K> {
    sink: K,
    settings: Settings,
}

/// What the loop of a feeder goes by.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) batch_records: usize,
    pub(super) batch_bytes: usize,
    pub(super) patience: Duration,
    pub(super) backoff: Backoff,
    pub(super) look_every: Duration,
    pub(super) clock: WallClock,
    pub(super) entropy: Entropy,
}

/// The settings of a [`Feeder`]; see the [options](crate::sink#options).
#[must_use = "a builder does nothing until `build`"]
#[derive(Clone, Debug)]
pub struct FeederBuilder<K> {
    sink: K,
    settings: Settings,
}

impl<K: Sink> Feeder<K> {
    /// A feeder with the default settings.
    pub fn new(sink: K) -> Self {
        let FeederBuilder { sink, settings } = Self::builder(sink);
        Self { sink, settings }
    }

    /// Begins to set a feeder up.
    pub fn builder(sink: K) -> FeederBuilder<K> {
        // From here on a delay is half of what it was drawn from at least, so a sink that is away is not hammered.
        let backoff = Backoff::exponential(Duration::from_millis(100))
            .cap(Duration::from_secs(30))
            .jitter(Jitter::Equal)
            .build()
            .unwrap_or_default();
        let settings = Settings {
            batch_records: 500,
            batch_bytes: 1024 * 1024,
            patience: Duration::from_secs(30),
            backoff,
            look_every: Duration::from_millis(250),
            clock: WallClock::system(),
            entropy: Entropy::system(),
        };
        FeederBuilder { sink, settings }
    }

    /// Starts to feed from a log that this process writes. It runs on the tokio runtime that this is called in.
    ///
    /// The log keeps what the sink does not have yet, whatever its retention says. The feeder has a clone of the log: to
    /// end a program close the log first, and stop its feeders then, which hand on the last records.
    ///
    /// # Errors
    ///
    /// If the sink has no proper name, another feeder of that name is at work, or its cursor cannot be used: it is of
    /// another log, or beyond the end of this one.
    pub async fn start(self, log: &AuditLog) -> Result<FeederHandle, StartError> {
        self.start_at(Tail::of(log)).await
    }

    /// Starts to feed from the directory of a log that another process writes.
    ///
    /// That process may write on meanwhile. Nobody tells when it has, so the directory is looked at every so often.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start) says, and if there is no log.
    pub async fn start_on(self, directory: impl AsRef<Path>) -> Result<FeederHandle, StartError> {
        let tail = Tail::of_directory(directory.as_ref(), self.settings.look_every).await?;
        self.start_at(tail).await
    }

    async fn start_at(self, mut tail: Tail) -> Result<FeederHandle, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let Self { sink, settings } = self;
        let (cursor, place) = Cursor::open(tail.directory(), sink.name(), tail.chain())?;
        tail.seek(place).await.map_err(|error| error.into_start_error(tail.directory(), cursor.path()))?;
        tail.register(sink.name(), place.seq);
        let clock = settings.clock.clone();
        let (stop, stopped) = watch::channel(false);
        let (publish, progress) = watch::channel(Progress::starting(place, clock.now()));
        let end = tail.end();
        let run = Run::new(sink, tail, cursor, place, settings, publish);
        let mut task = JoinSet::new();
        task.spawn_on(run.feed(stopped), &runtime);
        Ok(FeederHandle { task, stop, progress, end, clock })
    }
}

impl<K: Sink> FeederBuilder<K> {
    /// The most records in one batch. Default: 500. 1 to 10,000.
    pub fn batch_records(mut self, records: usize) -> Self {
        self.settings.batch_records = records;
        self
    }

    /// The most bytes in one batch; a record that is larger comes alone. This is what a feeder holds in memory. Default:
    /// 1 MiB. 1 KiB to 64 MiB.
    pub fn batch_bytes(mut self, bytes: usize) -> Self {
        self.settings.batch_bytes = bytes;
        self
    }

    /// How long one answer of the sink may take. Default: 30 s. 10 ms to 1 hour.
    pub fn patience(mut self, limit: Duration) -> Self {
        self.settings.patience = limit;
        self
    }

    /// How long to wait between attempts. Default: 100 ms, doubled up to 30 s, of which a half is drawn.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.settings.backoff = backoff;
        self
    }

    /// How often to look whether another process has written more. Default: 250 ms. 1 ms to 1 hour.
    pub fn look_every(mut self, pause: Duration) -> Self {
        self.settings.look_every = pause;
        self
    }

    /// Where ages are measured. Default: the clock of the machine.
    pub fn clock(mut self, clock: WallClock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Where the jitter comes from. Default: chance.
    pub fn entropy(mut self, entropy: Entropy) -> Self {
        self.settings.entropy = entropy;
        self
    }

    /// The feeder.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range.
    pub fn build(self) -> Result<Feeder<K>, ConfigError> {
        let Self { sink, settings } = self;
        let mut checks = Checks::of("audit sink");
        let (records, bytes) = (settings.batch_records, settings.batch_bytes);
        checks.require((1..=MOST_RECORDS).contains(&records), "batch_records", records, "1 to 10,000");
        let fits = (LEAST_BYTES..=MOST_BYTES).contains(&bytes);
        checks.require(fits, "batch_bytes", bytes, "1 KiB to 64 MiB");
        for (name, time, least, allowed) in [
            ("patience", settings.patience, 10, "10 ms to 1 h"),
            ("look_every", settings.look_every, 1, "1 ms to 1 h"),
        ] {
            let fits = (Duration::from_millis(least)..=AN_HOUR).contains(&time);
            checks.require(fits, name, format_args!("{time:?}"), allowed);
        }
        checks.finish_with(Some(Feeder { sink, settings }))
    }
}
