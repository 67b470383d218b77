use std::sync::Arc;

use buttress_core::{Checks, ConfigError};

use super::MemoryStore;
use super::budget::{Bounds, Budget};
use super::clock::Clock;
use super::shard::Shards;
use crate::Timestamp;

/// Builds a [`MemoryStore`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct MemoryStoreBuilder {
    all: Bounds,
    each: Option<Bounds>,
    clock: Option<Clock>,
}

const LEAST_BYTES: u64 = 64 << 10;
const LEAST_BYTES_PER_SCOPE: u64 = 4 << 10;

impl MemoryStoreBuilder {
    /// How many records it holds. Default: 100,000.
    pub fn max_records(mut self, records: u64) -> Self {
        self.all.records = records;
        self
    }

    /// How many bytes they take, [`MemoryStore::RECORD_BYTES`] for each and its content. Default: 64 MiB.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.all.bytes = bytes;
        self
    }

    /// How many records one caller may have, so that nobody fills the store alone. Default: no bound.
    pub fn max_records_per_scope(mut self, records: u64) -> Self {
        self.each.get_or_insert(Bounds::NONE).records = records;
        self
    }

    /// How many bytes the records of one caller take. Default: no bound.
    pub fn max_bytes_per_scope(mut self, bytes: u64) -> Self {
        self.each.get_or_insert(Bounds::NONE).bytes = bytes;
        self
    }

    /// What time it is, for tests. Default: calendar time at the start, and from then on time that never goes back, by
    /// tokio's clock.
    pub fn clock(self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { clock: Some(Clock::Given(Arc::new(now))), ..self }
    }

    /// Builds the store.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range, with its value and the range.
    pub fn build(self) -> Result<MemoryStore, ConfigError> {
        let mut checks = Checks::of("idempotency store");
        let Bounds { records, bytes } = self.all;
        checks.require(records >= 1, "max_records", records, "1 or more");
        let bytes_hold = bytes >= LEAST_BYTES;
        checks.require(bytes_hold, "max_bytes", format_args!("{bytes} bytes"), "65536 bytes or more");
        let each = self.each.unwrap_or(Bounds::NONE);
        checks.require(each.records >= 1, "max_records_per_scope", each.records, "1 or more");
        let bytes_hold = each.bytes >= LEAST_BYTES_PER_SCOPE;
        let bytes = format_args!("{} bytes", each.bytes);
        checks.require(bytes_hold, "max_bytes_per_scope", bytes, "4096 bytes or more");
        checks.finish()?;
        Ok(self.assemble())
    }

    pub(super) fn assemble(self) -> MemoryStore {
        let Self { all, each, clock } = self;
        MemoryStore::new(Shards::new(), Budget::new(all, each), clock.unwrap_or_else(Clock::steady))
    }
}
