use std::sync::Arc;
use std::time::{Duration, Instant};

use buttress_core::{Checks, ConfigError};

use crate::epoch::{Epoch, now};
use crate::rejection::LAYER;
use crate::{
    Answer, ChargedBy, Claim, Claims, Fate, HashKey, KeyHash, Occupancy, Position, Rate, Ruling, Table, Tier,
    Verdicts,
};

/// Decides in this process: a [`Table`], a secret of its own, and the process's clock.
///
/// Clones share. Never waits for anybody but for a few instructions of another thread, allocates nothing after
/// construction, and always answers at once.
#[derive(Clone, Debug)]
pub struct LocalTier {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    hash_key: HashKey,
    epoch: Epoch,
    table: Table,
}

impl LocalTier {
    /// Room for `slots` keys, 1 to [`Table::MAX_SLOTS`], rounded up as [`Table::new`] does; hashed under a random
    /// secret.
    ///
    /// # Errors
    ///
    /// If there are too few slots or too many.
    pub fn new(slots: usize) -> Result<Self, ConfigError> {
        let mut checks = Checks::of(LAYER);
        check_slots(slots, &mut checks);
        checks.finish().map(|()| Self::with_slots(slots))
    }

    /// Room for a number of keys that was checked.
    pub(crate) fn with_slots(slots: usize) -> Self {
        let epoch = Epoch::at(tokio::time::Instant::now().into_std());
        let shared = Shared { hash_key: HashKey::random(), epoch, table: Table::new(slots) };
        Self { shared: Arc::new(shared) }
    }

    /// Charges one claim; what [`Tier::decide`] does for a request with one policy.
    #[inline]
    pub fn decide_one(&self, claim: &Claim, now: Instant) -> Position {
        let now = self.ticks(now);
        let ruling = self.shared.table.decide(claim.key, now, claim.rate, claim.cost);
        Position::after(ruling, claim, now)
    }

    /// Charges all claims, or none.
    #[inline]
    pub fn decide_all(&self, claims: &Claims, now: Instant) -> Verdicts {
        let mut verdicts = Verdicts::default();
        if let [claim] = claims.as_slice() {
            verdicts.positions.push(self.decide_one(claim, now));
            return verdicts;
        }
        let now = self.ticks(now);
        self.shared.table.decide_together(claims, now, |claim, ruling, tat| {
            verdicts.positions.push(position(ruling, tat, claim.rate, now));
        });
        verdicts
    }

    /// Where a key stands, without touching it.
    pub fn peek(&self, key: KeyHash, rate: Rate, now: Instant) -> Position {
        let now = self.ticks(now);
        let tat = self.shared.table.tat(key, now);
        position(Ruling::Admit { tat }, tat, rate, now)
    }

    /// How full the table is; a walk over all of it, for a gauge and not for a request.
    pub fn occupancy(&self, now: Instant) -> Occupancy {
        self.shared.table.occupancy(self.ticks(now))
    }

    /// The table, whose ticks are [`ticks`](Self::ticks).
    #[inline]
    pub fn table(&self) -> &Table {
        &self.shared.table
    }

    /// What the table's clock says at an instant: nanoseconds since an epoch of this tier's own.
    #[inline]
    pub fn ticks(&self, now: Instant) -> u64 {
        self.shared.epoch.ticks(now)
    }

    /// What it says now.
    pub(crate) fn ticks_now(&self) -> u64 {
        self.ticks(now())
    }
}

/// Notes if a table cannot have so many slots.
pub(crate) fn check_slots(slots: usize, checks: &mut Checks) {
    let allowed = || format!("1 to {} slots", Table::MAX_SLOTS);
    checks.require((1..=Table::MAX_SLOTS).contains(&slots), "slots", slots, allowed());
}

impl Default for LocalTier {
    /// Room for [`Table::DEFAULT_SLOTS`] keys.
    fn default() -> Self {
        Self::with_slots(Table::DEFAULT_SLOTS)
    }
}

impl Tier for LocalTier {
    fn hash_key(&self) -> &HashKey {
        &self.shared.hash_key
    }

    fn decide(&self, claims: &Claims, now: Instant) -> Answer {
        Answer::Now(Ok(self.decide_all(claims, now)))
    }

    fn refund(&self, claim: &Claim, units: u64, _: ChargedBy, now: Instant) {
        self.shared.table.refund(claim.key, self.ticks(now), claim.rate, units);
    }

    fn charge(&self, claim: &Claim, units: u64, _: ChargedBy, now: Instant) -> u64 {
        self.shared.table.charge(claim.key, self.ticks(now), claim.rate, units)
    }
}

impl Position {
    /// Where a claim stands that was decided by itself.
    #[inline]
    pub(crate) fn after(ruling: Ruling, claim: &Claim, now: u64) -> Self {
        position(ruling, ruling.tat(), claim.rate, now)
    }
}

/// A ruling in a reader's units, with what the key has left at `tat`.
#[inline]
fn position(ruling: Ruling, tat: u64, rate: Rate, now: u64) -> Position {
    let standing = rate.standing(tat, now);
    let fate = match ruling {
        Ruling::Admit { .. } => Fate::Admitted,
        Ruling::Deny { wait, .. } => Fate::Denied { wait: Duration::from_nanos(wait) },
        Ruling::Never { .. } => Fate::Never,
    };
    let (next, full) = (Duration::from_nanos(standing.next), Duration::from_nanos(standing.full));
    Position { fate, remaining: standing.remaining, next, full, charged_by: ChargedBy::Tier }
}
