/// The calls and retries of the last ticks.
///
/// Calls are counted elsewhere, as one number that only grows; the ledger finds out how many are new whenever
/// somebody looks.
#[derive(Debug)]
pub(crate) struct Ledger {
    buckets: Box<[Bucket]>,
    /// The latest tick that anybody looked at.
    tick: u64,
    /// All calls until then.
    calls: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    tick: u64,
    calls: u64,
    spent: u64,
}

impl Ledger {
    /// A ledger that remembers so many ticks, the current one included.
    pub(crate) fn new(ticks: u32) -> Self {
        let buckets = (0..ticks.max(1)).map(|_| Bucket::default()).collect();
        Self { buckets, tick: 0, calls: 0 }
    }

    /// Brings the ledger up to `tick`, when there have been `calls` in all.
    ///
    /// New calls are entered under the tick of the look before this one, the earliest at which they can have been
    /// made: they may be forgotten too early and are never remembered too long. A tick that was passed already is
    /// taken as the latest.
    pub(crate) fn look(&mut self, tick: u64, calls: u64) {
        let new = calls.saturating_sub(self.calls);
        self.calls = self.calls.max(calls);
        self.current().calls += new;
        self.tick = self.tick.max(tick);
    }

    /// Enters a retry under the latest tick.
    pub(crate) fn spend(&mut self) {
        self.current().spent += 1;
    }

    /// The calls and the retries that are still remembered.
    pub(crate) fn totals(&self) -> (u64, u64) {
        let remembered = self.buckets.len() as u64;
        let live = self.buckets.iter().filter(|bucket| self.tick - bucket.tick < remembered);
        live.fold((0, 0), |(calls, spent), bucket| (calls + bucket.calls, spent + bucket.spent))
    }

    /// The bucket of the latest tick, emptied if it still holds an earlier one.
    fn current(&mut self) -> &mut Bucket {
        // The remainder is below the number of buckets, so the conversion cannot fail.
        let place = usize::try_from(self.tick % self.buckets.len() as u64).unwrap_or_default();
        let bucket = &mut self.buckets[place];
        if bucket.tick != self.tick {
            *bucket = Bucket { tick: self.tick, ..Bucket::default() };
        }
        bucket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_between_two_looks_are_dated_by_the_first() {
        let mut ledger = Ledger::new(10);
        ledger.look(3, 0);
        ledger.look(12, 5);
        assert_eq!(ledger.totals(), (5, 0));
        ledger.look(13, 5);
        assert_eq!(ledger.totals(), (0, 0));
    }

    #[test]
    fn a_bucket_is_emptied_before_it_serves_again() {
        let mut ledger = Ledger::new(2);
        for tick in 0..100 {
            ledger.look(tick, tick);
            ledger.spend();
            let (calls, spent) = ledger.totals();
            assert!(calls <= 2 && spent <= 2, "{calls} calls and {spent} retries in two ticks");
        }
    }

    #[test]
    fn neither_time_nor_the_count_of_calls_runs_backwards() {
        let mut ledger = Ledger::new(10);
        ledger.look(20, 7);
        ledger.look(5, 3);
        ledger.spend();
        ledger.look(20, 8);
        assert_eq!(ledger.totals(), (1, 1), "seven calls were made before tick 20 and have been forgotten");
    }
}
