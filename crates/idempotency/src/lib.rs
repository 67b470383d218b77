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
//! # The layer
//!
//! With the feature `http`, `IdempotencyLayer::inbound(store)` builds the layer around HTTP handlers:
//!
//! ```
//! # #[cfg(feature = "http")] {
//! use buttress_idempotency::{IdempotencyLayer, MemoryStore};
//! # #[derive(Clone)] struct Tenant(String);
//! # impl AsRef<[u8]> for Tenant { fn as_ref(&self) -> &[u8] { self.0.as_bytes() } }
//!
//! let layer = IdempotencyLayer::inbound(MemoryStore::default())
//!     .scope(|head| head.extensions.get::<Tenant>().cloned())
//!     .key_required()
//!     .build();
//! assert!(layer.is_ok());
//! assert!(IdempotencyLayer::inbound(MemoryStore::default()).build().is_err(), "whose keys?");
//! # }
//! ```
//!
//! The handler runs in a task of its own to its end, whatever becomes of the client and of timeouts outside; the
//! deadline of the request is taken from it. It finds `Idempotency` in the extensions of the request, and says by an
//! `Ending` in the extensions of its response what is kept. `KeyInjectorLayer` gives keys to outbound calls.
//!
//! # Place in the stack
//!
//! ```text
//! timeout > authentication > body limit > IDEMPOTENCY > bulkhead > handler
//! ```
//!
//! Inside authentication, which knows whose key it is and what the caller may do today; inside compression and CORS,
//! whose work must not be replayed; outside the bulkhead, so that a replay takes no place.
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
//! and removal together about 0.3 to 0.7 microseconds, by how much of the records is in the processor's caches. A record
//! in memory takes some 550 bytes beside its response, of which 384 count against the bound in bytes.
//!
//! In the layer, a request without a key costs the look at its method and header. One with a key costs a boxed future,
//! a SHA-256 each over key, caller and request and two short locks; a run costs a task, one more lock and one copy of its
//! answer, and a replay copies no body. What waits, be it for a body, a store or a handler, costs a timer. A run that is
//! older than a quarter of its lease has a second task, which renews it; in each runtime with runs one more looks after
//! that. Requests that ask the same at the same time in one process make one claim. Bodies of requests and responses are held whole up to their limits, for at most `max_requests`
//! requests at once.
//!
//! # When things fail
//!
//! A [`StoreError`] says by its kind whether the call may have happened. Nothing is ever taken for a first claim because
//! a record could not be read, nor, unless that was chosen, because a store did not answer.
//!
//! | code | status | `Retry-After` | handler reached |
//! |---|---|---|---|
//! | `idempotency_key_missing`, `_empty`, `_too_long`, `_repeated`, `_malformed`, `idempotency_scope_missing`, `idempotency_body_broken` | 400 | none | no |
//! | `idempotency_body_too_large`, `idempotency_body_slow` | 413, 408 | none | no |
//! | `idempotency_in_flight` | 409, at once or after `wait` | 1 s | by another request |
//! | `idempotency_not_retained`, `idempotency_outcome_unknown` | 409 | none | by an earlier one |
//! | `idempotency_key_reused` | 422 | none | no |
//! | `idempotency_scope_full`, `idempotency_scope_busy` | 429 | 1 s | no |
//! | `idempotency_store_unavailable`, `idempotency_full` | 503 | 1 s | no |
//! | `idempotency_handler_panicked`, `idempotency_handler_overdue` | 500, 504 | none | yes |
//!
//! After calls about 5 records without an answer in between a store is sick: requests ask it once a second in all, and otherwise fail at
//! once, until it answers anything. The signals are `store_sick` and `store_well`.
//!
//! A store that fails when the run has ended delays the answer by at most `store_time`; the ending is written again
//! and again, for as long as `longest_run`, with the lease renewed meanwhile. A store or an observer that panics has not
//! answered, or not heard; a run that is dropped is abandoned.
//!
//! # Options
//!
//! Lease, retention and what to do about abandoned attempts come with each [`Claim`]; [`MemoryStore`] lists its bounds.
//! Of the layer:
//!
//! | option | default | range | unit | effect |
//! |---|---|---|---|---|
//! | `scope` or `one_scope_for_all` | none, one is demanded | | | whose keys they are |
//! | `methods` | POST, PATCH | one at least | | whose keys count |
//! | `key_required`, `key_required_when` | optional | | | whether a request without a key is refused |
//! | `key_from` | none | | | a key for callers who send none |
//! | `key_header`, `replayed_header`, `x_headers` | `Idempotency-Key`, `Idempotent-Replayed` | | | names |
//! | `uri`, `endpoint`, `compare_header` | the URI as the layer sees it | | | what else makes two requests the same |
//! | `end_with` | `Ending::of_status` | | | what is kept of which status |
//! | `keep_headers`, `drop_header` | `KeptHeaders::all` | | | which headers are kept |
//! | `retain` | 24 h | 1 s to 366 days | time | how long an answer is kept |
//! | `lease` | 30 s | 100 ms to 1 day | time | how long a silent process counts as alive |
//! | `longest_run` | 15 min | 1 ms to 1 day | time | then the handler is dropped |
//! | `store_time` | 250 ms | 1 ms to 60 s | time | for one call of the store |
//! | `body_time` | 30 s | 1 ms to 1 day | time | for the body of a request |
//! | `request_limit`, `response_limit` | 1 MiB | 0 to 64 MiB, 0 to 16 MiB | bytes | what is compared, what is kept |
//! | `max_requests` | 512 | 1 to 1,000,000 | requests | with a key, at once |
//! | `max_requests_per_scope` | half of `max_requests`; with one scope for all, all | 1 to `max_requests` | requests | of one caller, at once |
//! | `wait` | 0 | 0 to 5 min | time | for the same request that runs, before it is refused |
//! | `max_waiters`, `max_waiters_per_key` | 256, 8 | 1 to below `max_requests`, 1 and more | requests | wait at once |
//! | `when_abandoned` | take over | `WhenAbandoned` | | what follows a run that nobody finished |
//! | `when_store_fails` | refuse | `WhenStoreFails` | | whether a handler runs unprotected |
//! | `secret` | none | 16 bytes at least | | keys the hashes that stores see |
//!
//! Also `name`, to which records belong, `mode`, `observer`, `entropy`, `reject_with`.
//!
//! # Features
//!
//! `http` (on): the layer and the injector. `testing` (off): the laws of stores, for those who write one.
//!
//! # Sources
//!
//! The Idempotency-Key HTTP Header Field, draft-ietf-httpapi-idempotency-key-header-07. Fencing tokens: Martin
//! Kleppmann, *How to do distributed locking*, 2016; Gray and Cheriton, *Leases*, SOSP 1989.

#[cfg(feature = "http")]
mod ask;
#[cfg(feature = "http")]
mod builder;
#[cfg(feature = "http")]
mod capture;
#[cfg(feature = "http")]
mod context;
#[cfg(feature = "http")]
mod desk;
mod encoding;
#[cfg(feature = "http")]
mod ending;
#[cfg(feature = "http")]
mod fingerprint;
#[cfg(feature = "http")]
mod future;
#[cfg(feature = "http")]
mod ghost;
mod handle;
mod headers;
#[cfg(feature = "http")]
mod health;
mod ids;
#[cfg(feature = "http")]
mod kept;
#[cfg(feature = "http")]
mod key;
#[cfg(feature = "http")]
mod keyed;
#[cfg(feature = "http")]
mod layer;
#[cfg(feature = "http")]
mod lease;
#[cfg(feature = "http")]
mod marks;
mod memory;
#[cfg(feature = "http")]
mod outbound;
#[cfg(feature = "http")]
mod places;
mod record;
mod rehash;
#[cfg(feature = "http")]
mod rejection;
#[cfg(feature = "http")]
mod renewals;
#[cfg(feature = "http")]
mod replay;
#[cfg(feature = "http")]
mod reply;
mod response;
#[cfg(feature = "http")]
mod run;
#[cfg(feature = "http")]
mod seats;
#[cfg(feature = "http")]
mod service;
mod stats;
mod store;
#[cfg(feature = "http")]
mod terms;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
#[cfg(feature = "http")]
mod unprotected;
#[cfg(feature = "http")]
mod within;
#[cfg(feature = "http")]
mod work;

#[cfg(feature = "http")]
pub use builder::{IdempotencyBuilder, WhenStoreFails};
#[cfg(feature = "http")]
pub use context::{CheckpointError, Idempotency};
pub use encoding::Malformed;
#[cfg(feature = "http")]
pub use ending::Ending;
#[cfg(feature = "http")]
pub use future::ResponseFuture;
pub use handle::Handle;
pub use headers::{HeaderList, HeaderListBuilder};
pub use ids::{Fingerprint, OwnerToken, RecordId, Scope};
#[cfg(feature = "http")]
pub use kept::KeptHeaders;
#[cfg(feature = "http")]
pub use layer::IdempotencyLayer;
pub use memory::{MemoryStore, MemoryStoreBuilder, Occupancy};
#[cfg(feature = "http")]
pub use outbound::{KeyInjector, KeyInjectorLayer};
pub use record::{
    After, Claim, Claimed, Completion, Decided, Invalidated, Owned, Phase, Record, State, Step, Stepped,
    Ticket, WhenAbandoned, Write,
};
#[cfg(feature = "http")]
pub use rejection::Refusal;
#[cfg(feature = "http")]
pub use reply::ReplyBody;
pub use response::{Checkpoint, StoredResponse, TooLarge};
#[cfg(feature = "http")]
pub use service::IdempotencyService;
pub use stats::{Counts, EndpointStats, Event, Stats};
pub use store::{Store, StoreError, StoreErrorKind};
pub use time::Timestamp;
