use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::Occupancy;
use crate::{Scope, StoreError, StoreErrorKind};

/// So many records and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) records: u64,
    pub(super) bytes: u64,
}

impl Bounds {
    pub(super) const NONE: Self = Self { records: u64::MAX, bytes: u64::MAX };
}

impl Default for Bounds {
    fn default() -> Self {
        Self { records: 100_000, bytes: 64 << 20 }
    }
}

/// What all shards together may hold, and each caller.
///
/// Whoever takes holds the lock of the record's shard; each number is bounded on its own, so a taker who finds room for
/// the record and not for its bytes gives the record back, and another may be refused in between who would have fitted.
#[derive(Debug)]
pub(super) struct Budget {
    records: Meter,
    bytes: Meter,
    scopes: Option<Scopes>,
}

/// A number that never exceeds its limit.
#[derive(Debug)]
struct Meter {
    used: AtomicU64,
    limit: u64,
}

#[derive(Debug)]
struct Scopes {
    each: Bounds,
    used: Mutex<HashMap<Scope, Bounds>>,
}

impl Budget {
    pub(super) fn new(all: Bounds, each: Option<Bounds>) -> Self {
        Self {
            records: Meter::new(all.records),
            bytes: Meter::new(all.bytes),
            scopes: each.map(|each| Scopes { each, used: Mutex::default() }),
        }
    }

    pub(super) fn take(&self, scope: Scope, wanted: Bounds) -> Result<(), StoreError> {
        if !self.records.take(wanted.records) {
            return Err(StoreError::new(StoreErrorKind::Full));
        }
        if !self.bytes.take(wanted.bytes) {
            self.records.give(wanted.records);
            return Err(StoreError::new(StoreErrorKind::Full));
        }
        if self.scopes.as_ref().is_some_and(|scopes| !scopes.take(scope, wanted)) {
            self.records.give(wanted.records);
            self.bytes.give(wanted.bytes);
            return Err(StoreError::new(StoreErrorKind::ScopeFull));
        }
        Ok(())
    }

    pub(super) fn give(&self, scope: Scope, back: Bounds) {
        self.records.give(back.records);
        self.bytes.give(back.bytes);
        if let Some(scopes) = &self.scopes {
            scopes.give(scope, back);
        }
    }

    pub(super) fn occupancy(&self) -> Occupancy {
        Occupancy {
            records: self.records.used.load(Ordering::Relaxed),
            bytes: self.bytes.used.load(Ordering::Relaxed),
            max_records: self.records.limit,
            max_bytes: self.bytes.limit,
        }
    }
}

impl Meter {
    const fn new(limit: u64) -> Self {
        Self { used: AtomicU64::new(0), limit }
    }

    fn take(&self, wanted: u64) -> bool {
        let add = |used: u64| used.checked_add(wanted).filter(|sum| *sum <= self.limit);
        wanted == 0 || self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }

    fn give(&self, back: u64) {
        if back != 0 {
            self.used.fetch_sub(back, Ordering::Relaxed);
        }
    }
}

impl Scopes {
    fn take(&self, scope: Scope, wanted: Bounds) -> bool {
        let mut all = self.used.lock();
        let used = all.get(&scope).copied().unwrap_or(Bounds { records: 0, bytes: 0 });
        let (records, bytes) =
            (used.records.saturating_add(wanted.records), used.bytes.saturating_add(wanted.bytes));
        let fits = records <= self.each.records && bytes <= self.each.bytes;
        if fits {
            all.insert(scope, Bounds { records, bytes });
        }
        fits
    }

    fn give(&self, scope: Scope, back: Bounds) {
        let mut all = self.used.lock();
        let Entry::Occupied(mut entry) = all.entry(scope) else { return };
        let used = entry.get_mut();
        used.records = used.records.saturating_sub(back.records);
        used.bytes = used.bytes.saturating_sub(back.bytes);
        if used.records == 0 {
            entry.remove();
        }
    }
}
