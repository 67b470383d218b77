//! Runs an operation once however often it is asked for under one key, and gives its answer again.
//!
//! A record has at most one live owner, and an operation that was completed is never run again while its record is kept.
//! A process that dies in the middle leaves an operation of which nobody knows how far it came; it is run again as the
//! next attempt, or refused for good, as the claim says. So what this crate keeps is *at most one at a time, at least
//! once across crashes*. Exactly once it is only where the effect and the record are written in one transaction.
//!
//! # Example
//!
//! ```
//! use buttress_idempotency::{
//!     Claim, Claimed, Fingerprint, HeaderList, MemoryStore, OwnerToken, RecordId, Scope, Step, Stepped, Store,
//!     StoredResponse, WhenAbandoned,
//! };
//! # use std::{sync::Arc, time::Duration};
//! # use buttress_core::Entropy;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let claim = |owner| Claim {
//! #     id: RecordId::from_bytes([1; 32]),
//! #     scope: Scope::from_bits(1),
//! #     fingerprint: Fingerprint::from_bytes([2; 32]),
//! #     owner: OwnerToken::draw(&owner),
//! #     lease: Duration::from_secs(30),
//! #     retain: Duration::from_secs(86_400),
//! #     when_abandoned: WhenAbandoned::TakeOver,
//! # };
//! # let (first, second) = (claim(Entropy::system()), claim(Entropy::system()));
//! let store = MemoryStore::default();
//! let Claimed::Owned(owned) = store.claim(&first).await? else { panic!("somebody else has it") };
//! assert!(matches!(store.claim(&second).await?, Claimed::InFlight { .. }));
//!
//! let response = Arc::new(StoredResponse::new(201, HeaderList::default(), "created".into())?);
//! # let (retain, kept) = (Duration::from_secs(86_400), response.clone());
//! assert_eq!(store.step(&owned.ticket, &Step::Complete { response, retain }).await?, Stepped::Done);
//!
//! let Claimed::Completed(completion) = store.claim(&second).await? else { panic!("it is done") };
//! assert_eq!(completion.response, kept);
//! # Ok(())
//! # }
//! ```
//!
//! # States
//!
//! See [`Record`].
//!
//! # Cancellation
//!
//! Nothing here ends a claim because somebody stopped waiting: a dropped [`Ticket`] does nothing, and a claim whose
//! owner is gone ends with its lease. A claim whose answer was lost can be sent again with the same
//! [`OwnerToken`] and is then owned as before.
//!
//! # Cost
//!
//! One call of the store to claim, and one to complete; in memory each takes one lock of 64, and first claim, completion
//! and removal together about 0.3 to 0.7 microseconds, by how much of the records is in the processor's caches. A replay
//! copies no body. A record in memory takes some 350 bytes beside its response.
//!
//! # When things fail
//!
//! A [`StoreError`] says by its kind whether the call may have happened. Nothing is ever taken for a first claim because
//! a store did not answer or a record could not be read.
//!
//! # Options
//!
//! Lease, retention and what to do about abandoned attempts come with each [`Claim`]; [`MemoryStore`] lists its bounds.
//!
//! # Features
//!
//! `testing` (off): the laws of stores, for those who write one.
//!
//! # Sources
//!
//! The Idempotency-Key HTTP Header Field, draft-ietf-httpapi-idempotency-key-header-07. Fencing tokens: Martin
//! Kleppmann, *How to do distributed locking*, 2016; Gray and Cheriton, *Leases*, SOSP 1989.

mod encoding;
mod handle;
mod headers;
mod ids;
mod memory;
mod record;
mod response;
mod stats;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod time;

pub use encoding::Malformed;
pub use handle::Handle;
pub use headers::{HeaderList, HeaderListBuilder};
pub use ids::{Fingerprint, OwnerToken, RecordId, Scope};
pub use memory::{MemoryStore, MemoryStoreBuilder, Occupancy};
pub use record::{
    After, Claim, Claimed, Completion, Decided, Invalidated, Owned, Phase, Record, State, Step, Stepped,
    Ticket, WhenAbandoned, Write,
};
pub use response::{Checkpoint, StoredResponse, TooLarge};
pub use stats::{Counts, EndpointStats, Event, Stats};
pub use store::{Store, StoreError, StoreErrorKind};
pub use time::Timestamp;
