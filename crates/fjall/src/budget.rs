use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use buttress_idempotency::{Scope, StoreError, StoreErrorKind};

/// So many records and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
}

/// What one record takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(crate) scope: Scope,
    pub(crate) bytes: u64,
}

/// What all records may take together, and those of each caller.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: Amount,
    used: Amount,
    scopes: Option<Scopes>,
    gauge: Arc<Gauge>,
}

#[derive(Debug)]
struct Scopes {
    each: Amount,
    used: HashMap<Scope, Amount>,
}

/// What is taken, for those who only look.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    records: AtomicU64,
    bytes: AtomicU64,
}

impl Amount {
    pub(crate) const NONE: Self = Self { records: u64::MAX, bytes: u64::MAX };

    fn exchanged(self, back: Option<Charge>, wanted: Option<Charge>) -> Self {
        let (without, with) = (back.map_or(0, |back| back.bytes), wanted.map_or(0, |wanted| wanted.bytes));
        Self {
            records: self.records.saturating_sub(back.is_some().into()) + u64::from(wanted.is_some()),
            bytes: self.bytes.saturating_sub(without).saturating_add(with),
        }
    }

    /// Whether it has grown out of a limit: what does not grow is never refused.
    const fn outgrows(self, before: Self, limit: Self) -> bool {
        (self.records > before.records && self.records > limit.records)
            || (self.bytes > before.bytes && self.bytes > limit.bytes)
    }
}

impl Budget {
    pub(crate) fn new(limit: Amount, each: Option<Amount>, gauge: Arc<Gauge>) -> Self {
        let scopes = each.map(|each| Scopes { each, used: HashMap::new() });
        Self { limit, used: Amount::default(), scopes, gauge }
    }

    /// Counts a record that is there, whatever the limits are now.
    pub(crate) fn count(&mut self, charge: Charge) {
        self.apply(None, Some(charge));
    }

    /// Gives back what a record took and takes what it takes from now on, or changes nothing if that is too much.
    pub(crate) fn exchange(
        &mut self,
        back: Option<Charge>,
        wanted: Option<Charge>,
    ) -> Result<(), StoreError> {
        if self.used.exchanged(back, wanted).outgrows(self.used, self.limit) {
            return Err(StoreError::new(StoreErrorKind::Full));
        }
        if let (Some(scopes), Some(wanted)) = (&self.scopes, wanted)
            && !scopes.have_room(back, wanted)
        {
            return Err(StoreError::new(StoreErrorKind::ScopeFull));
        }
        self.apply(back, wanted);
        Ok(())
    }

    pub(crate) const fn used(&self) -> Amount {
        self.used
    }

    pub(crate) fn publish(&self) {
        self.gauge.records.store(self.used.records, Ordering::Relaxed);
        self.gauge.bytes.store(self.used.bytes, Ordering::Relaxed);
    }

    fn apply(&mut self, back: Option<Charge>, wanted: Option<Charge>) {
        self.used = self.used.exchanged(back, wanted);
        let Some(Scopes { used, .. }) = &mut self.scopes else { return };
        if let Some(back) = back {
            let left = used.get(&back.scope).copied().unwrap_or_default().exchanged(Some(back), None);
            used.insert(back.scope, left);
        }
        if let Some(wanted) = wanted {
            let more = used.get(&wanted.scope).copied().unwrap_or_default().exchanged(None, Some(wanted));
            used.insert(wanted.scope, more);
        }
        // Only callers with records are remembered, so there are never more of them than records.
        if let Some(back) = back
            && used.get(&back.scope).is_some_and(|left| left.records == 0)
        {
            used.remove(&back.scope);
        }
    }
}

impl Scopes {
    fn have_room(&self, back: Option<Charge>, wanted: Charge) -> bool {
        let before = self.used.get(&wanted.scope).copied().unwrap_or_default();
        let back = back.filter(|back| back.scope == wanted.scope);
        !before.exchanged(back, Some(wanted)).outgrows(before, self.each)
    }
}

impl Gauge {
    pub(crate) fn used(&self) -> Amount {
        Amount { records: self.records.load(Ordering::Relaxed), bytes: self.bytes.load(Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn of(scope: u64, bytes: u64) -> Charge {
        Charge { scope: Scope::from_bits(scope), bytes }
    }

    fn budget(records: u64, bytes: u64, each: Option<Amount>) -> Budget {
        Budget::new(Amount { records, bytes }, each, Arc::default())
    }

    fn kind(result: Result<(), StoreError>) -> Option<StoreErrorKind> {
        result.err().map(|error| error.kind())
    }

    #[test]
    fn what_does_not_grow_is_never_refused() {
        let mut budget = budget(1, 100, None);
        budget.count(of(1, 300));
        budget.count(of(1, 10));
        assert_eq!(kind(budget.exchange(Some(of(1, 300)), Some(of(1, 300)))), None);
        assert_eq!(kind(budget.exchange(Some(of(1, 300)), Some(of(1, 299)))), None);
        assert_eq!(kind(budget.exchange(Some(of(1, 299)), Some(of(1, 300)))), Some(StoreErrorKind::Full));
        assert_eq!(kind(budget.exchange(None, Some(of(1, 0)))), Some(StoreErrorKind::Full), "a third record");
    }

    #[test]
    fn a_refusal_changes_nothing() {
        let each = Amount { records: 2, bytes: 50 };
        let mut budget = budget(3, 100, Some(each));
        assert_eq!(kind(budget.exchange(None, Some(of(1, 50)))), None);
        assert_eq!(kind(budget.exchange(None, Some(of(1, 1)))), Some(StoreErrorKind::ScopeFull));
        assert_eq!(kind(budget.exchange(None, Some(of(2, 51)))), Some(StoreErrorKind::Full));
        assert_eq!(budget.used(), Amount { records: 1, bytes: 50 });
        assert_eq!(kind(budget.exchange(None, Some(of(2, 50)))), None);
    }

    #[test]
    fn a_caller_without_records_is_forgotten() {
        let mut budget = budget(9, 900, Some(Amount { records: 1, bytes: 50 }));
        assert_eq!(kind(budget.exchange(None, Some(of(1, 10)))), None);
        assert_eq!(kind(budget.exchange(Some(of(1, 10)), Some(of(2, 20)))), None, "it changes hands");
        assert_eq!(kind(budget.exchange(Some(of(2, 20)), Some(of(2, 50)))), None);
        assert_eq!(budget.scopes.as_ref().map(|scopes| scopes.used.len()), Some(1));
        assert_eq!(kind(budget.exchange(Some(of(2, 50)), None)), None);
        assert_eq!(budget.scopes.as_ref().map(|scopes| scopes.used.len()), Some(0));
        assert_eq!(budget.used(), Amount::default());
    }
}
