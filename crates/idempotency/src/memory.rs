use std::fmt;
use std::sync::Arc;

use crate::{
    Claim, Claimed, HeaderList, Invalidated, RecordId, Step, Stepped, Store, StoreError, StoredResponse,
    Ticket, Timestamp,
};

mod budget;
mod builder;
mod clock;
mod due;
mod shard;

use budget::Budget;
pub use builder::MemoryStoreBuilder;
use clock::Clock;
use shard::Shards;

/// A store in this process: bounded, and gone with the process.
///
/// It never forgets what is in flight or has not expired. When it is full it refuses claims of new records with
/// [`StoreErrorKind::Full`](crate::StoreErrorKind::Full), and goes on with the records it has. Expired records leave as
/// new ones come, a few at each claim; there is no task in the background.
///
/// Its clock starts with the calendar and then never goes back. Each call is decided at once, under the lock of one of
/// 64 shards. Clones share.
///
/// | option | default | range | effect |
/// |---|---|---|---|
/// | [`max_records`](MemoryStoreBuilder::max_records) | 100,000 | 1 or more | records, expired ones that have not left included |
/// | [`max_bytes`](MemoryStoreBuilder::max_bytes) | 64 MiB | 64 KiB or more | what records take, with [`RECORD_BYTES`](Self::RECORD_BYTES) for each beside its content |
/// | [`max_records_per_scope`](MemoryStoreBuilder::max_records_per_scope) | no bound | 1 or more | records of one caller |
/// | [`max_bytes_per_scope`](MemoryStoreBuilder::max_bytes_per_scope) | no bound | 4 KiB or more | what the records of one caller take |
/// | [`clock`](MemoryStoreBuilder::clock) | the machine's, never going back | any | what time it is |
#[derive(Clone)]
pub struct MemoryStore(Arc<Memory>);

pub(crate) struct Memory {
    shards: Shards,
    budget: Budget,
    clock: Clock,
}

/// How full a [`MemoryStore`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Occupancy {
    /// Records, those included that have expired and not left yet.
    pub records: u64,
    /// What they take, in bytes.
    pub bytes: u64,
    /// Records there is room for.
    pub max_records: u64,
    /// Bytes there is room for.
    pub max_bytes: u64,
}

impl MemoryStore {
    /// What is charged for a record beside its headers, body and checkpoint, in bytes.
    pub const RECORD_BYTES: u64 = 384;

    /// A store of a chosen size.
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder::default()
    }

    /// How full it is.
    pub fn occupancy(&self) -> Occupancy {
        self.0.budget.occupancy()
    }

    /// Lets everything leave that has expired, and says how many. Nobody needs to call this; it gives memory back early
    /// in a process that gets few keys.
    pub fn sweep(&self) -> u64 {
        self.0.shards.sweep_all(self.now(), &self.0.budget)
    }

    fn new(shards: Shards, budget: Budget, clock: Clock) -> Self {
        Self(Arc::new(Memory { shards, budget, clock }))
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    fn claim_now(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.with_room(|memory, now| memory.shards.of(claim.id).lock().claim(claim, now, &memory.budget))
    }

    fn step_now(&self, ticket: &Ticket, step: &Step) -> Result<Stepped, StoreError> {
        let take = |step: &Step| {
            self.with_room(|memory, now| {
                memory.shards.of(ticket.id).lock().step(ticket, step, now, &memory.budget)
            })
        };
        match (take(step), step) {
            (Err(_), Step::Complete { response, retain }) => {
                let response = StoredResponse::without_body(response.status(), HeaderList::default());
                match take(&Step::Complete { response: Arc::new(response), retain: *retain })? {
                    Stepped::Done => Ok(Stepped::StatusOnly),
                    otherwise => Ok(otherwise),
                }
            }
            (stepped, _) => stepped,
        }
    }

    /// Decides, and once more if there was no room and what has expired elsewhere has made some.
    fn with_room<A>(
        &self,
        decide: impl Fn(&Memory, Timestamp) -> Result<A, StoreError>,
    ) -> Result<A, StoreError> {
        let now = self.now();
        match decide(&self.0, now) {
            Err(_) if self.0.shards.sweep_all(now, &self.0.budget) > 0 => decide(&self.0, now),
            decided => decided,
        }
    }
}

impl Default for MemoryStore {
    /// A store with the default bounds.
    fn default() -> Self {
        MemoryStoreBuilder::default().assemble()
    }
}

impl Store for MemoryStore {
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.claim_now(claim)
    }

    async fn step(&self, ticket: &Ticket, step: &Step) -> Result<Stepped, StoreError> {
        self.step_now(ticket, step)
    }

    async fn invalidate(&self, id: RecordId) -> Result<Invalidated, StoreError> {
        let Memory { shards, budget, .. } = &*self.0;
        let now = self.now();
        Ok(shards.of(id).lock().invalidate(id, now, budget))
    }

    async fn clear(&self) -> Result<u64, StoreError> {
        Ok(self.0.shards.clear(self.now(), &self.0.budget))
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("occupancy", &self.occupancy()).finish_non_exhaustive()
    }
}
