use std::path::{Path, PathBuf};
use std::sync::Arc;

use buttress_core::Checks;
use buttress_idempotency::Timestamp;

use crate::budget::{Amount, Budget, Gauge};
use crate::clock::{Clock, Given};
use crate::folder::Folder;
use crate::ledger::Ledger;
use crate::tables::{Failure, Tables};
use crate::writer::Writer;
use crate::{FjallStore, OpenError};

const LEAST_BYTES: u64 = 64 << 10;
const LEAST_BYTES_PER_SCOPE: u64 = 4 << 10;

/// The settings of a [`FjallStore`]; see the [options](crate#options).
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `open`"]
pub struct FjallStoreBuilder {
    folder: PathBuf,
    settings: Settings,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) all: Amount,
    each: Option<Amount>,
    clock: Option<Given>,
}

impl FjallStoreBuilder {
    pub(crate) const fn new(folder: PathBuf) -> Self {
        let all = Amount { records: 1_000_000, bytes: 1 << 30 };
        Self { folder, settings: Settings { all, each: None, clock: None } }
    }

    /// How many records it holds. Default: 1,000,000, which is 11 new keys a second kept for a day.
    pub fn max_records(mut self, records: u64) -> Self {
        self.settings.all.records = records;
        self
    }

    /// How many bytes they take, [`FjallStore::RECORD_BYTES`] for each and its content. Default: 1 GiB, about 1 KiB for
    /// each of the default's records.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.settings.all.bytes = bytes;
        self
    }

    /// How many records one caller may have, so that nobody fills the store alone. Default: no bound.
    pub fn max_records_per_scope(mut self, records: u64) -> Self {
        self.settings.each.get_or_insert(Amount::NONE).records = records;
        self
    }

    /// How many bytes the records of one caller take. Default: no bound.
    pub fn max_bytes_per_scope(mut self, bytes: u64) -> Self {
        self.settings.each.get_or_insert(Amount::NONE).bytes = bytes;
        self
    }

    /// What time it is, for tests. Default: calendar time at the start, and from then on time that nobody sets. Either
    /// way the store's time never goes back.
    pub fn clock(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.settings.clock = Some(Given(Arc::new(now)));
        self
    }

    /// Opens the folder, makes it if there is none, and gives up whatever was in flight in it.
    ///
    /// Blocks while the database is read, for about a second per million records. Where that matters, call it before
    /// the program serves anybody.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range; or else why the folder cannot be used.
    pub fn open(self) -> Result<FjallStore, OpenError> {
        self.settings.check()?;
        FjallStore::start(self.folder, self.settings)
    }
}

impl Settings {
    fn check(&self) -> Result<(), OpenError> {
        let mut checks = Checks::of("fjall");
        let Amount { records, bytes } = self.all;
        checks.require(records >= 1, "max_records", records, "1 or more");
        let holds = bytes >= LEAST_BYTES;
        checks.require(holds, "max_bytes", format_args!("{bytes} bytes"), "65536 bytes or more");
        let Amount { records, bytes } = self.each.unwrap_or(Amount::NONE);
        checks.require(records >= 1, "max_records_per_scope", records, "1 or more");
        let holds = bytes >= LEAST_BYTES_PER_SCOPE;
        checks.require(holds, "max_bytes_per_scope", format_args!("{bytes} bytes"), "4096 bytes or more");
        Ok(checks.finish()?)
    }

    /// Opens the database, on the thread that will have it.
    pub(crate) fn open(self, folder: &Path, gauge: Arc<Gauge>) -> Result<Writer, OpenError> {
        let folder = Folder::lock(folder)?;
        let path = folder.path().to_owned();
        let damaged = |source: Failure| OpenError::of_database(path.clone(), source);
        folder.create(|new| Tables::create(new).map_err(|error| damaged(error.into())))?;
        let tables = Tables::open(&folder.database()).map_err(|error| damaged(error.into()))?;
        let mut clock = Clock::new(self.clock, tables.time().map_err(damaged)?);
        let budget = Budget::new(self.all, self.each, gauge);
        let ledger = Ledger::open(tables, budget, clock.now()).map_err(damaged)?;
        Ok(Writer::new(folder, ledger, clock))
    }
}
