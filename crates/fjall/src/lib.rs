//! Keeps idempotency records in a folder of this machine, so that they outlive the process without any server.
//!
//! # Example
//!
//! ```
//! use buttress_fjall::FjallStore;
//! use buttress_idempotency::testing::{claim, response};
//! use buttress_idempotency::{Claimed, Step, Store};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?; // in a service: a folder of its own on a disk that stays
//! let (claim, body) = (claim(), "deployed");
//!
//! let store = FjallStore::open(&folder)?;
//! let Claimed::Owned(owned) = store.claim(&claim).await? else { panic!("it is the first") };
//! let complete = Step::Complete { response: response(body), retain: claim.retain };
//! store.step(&owned.ticket, &complete).await?;
//! drop(store); // or the process dies
//!
//! let store = FjallStore::open(&folder)?;
//! let Claimed::Completed(done) = store.claim(&claim).await? else { panic!("it is done") };
//! assert_eq!(done.response.body().map(|bytes| &bytes[..]), Some(body.as_bytes()));
//! # Ok(())
//! # }
//! ```
//!
//! # Place in the stack
//!
//! ```text
//! IdempotencyLayer > FjallStore > one folder, one process
//! ```
//!
//! The layer takes it where it takes any [`Store`](buttress_idempotency::Store). A service of several processes that
//! share callers needs a store that they share too.
//!
//! # How it works
//!
//! ```text
//! callers --> a line of at most 1,024 --> one thread: decide all that has come > write > sync once > answer
//! ```
//!
//! One thread has the database and decides every call, so calls about the same record are decided one after the other.
//! What came while the disk was busy is decided together, written as one batch that is there as a whole or not at all,
//! and synced once. Nobody is answered before what his answer rests on is on disk; a replay rests on what is there
//! already, and waits for no sync. Expired records leave by a list in the order of their expiry, a few with each
//! request and the rest while nobody asks. Nothing blocks a thread of the runtime but [opening](FjallStore::open) and
//! dropping the last handle.
//!
//! `docs/fjall.md` has the rules.
//!
//! # Cancellation
//!
//! A call that is dropped has happened or has not. A claim that still stands in line is not decided any more; one that
//! was decided is answered in the same way if the same claim is sent again. A step that stands in line is done.
//!
//! Dropping the last handle blocks until what stands in line is written and synced, and the folder is unlocked; a
//! store that is just giving space back finishes that first, which takes seconds at a gibibyte.
//!
//! # Cost
//!
//! A request with a new key is two calls, and each waits for one sync of the disk, which it shares with all who came at
//! the same time. The middle of seven runs on two processors and a disk that others were using too, so that it synced
//! between 185 and 606 times a second:
//!
//! | at once | claims and completions a second, each durable | for each sync that the disk did just before |
//! |---:|---:|---:|
//! | 1 | 446 | 1.8 |
//! | 16 | 3,058 | 9.9 |
//! | 256 | 25,977 | 83 |
//!
//! `cargo run --release -p buttress-fjall --example durable` measures yours. Nothing is kept in memory per record, unless
//! callers are bounded, and then a few bytes per caller: a process that had filled a store with a million records had
//! needed 136 MiB at most. On disk they took what they are charged, and at most about twice that and 64 MiB; journals
//! take up to 256 MiB more. A million records were opened in one second.
//!
//! # When things fail
//!
//! | what happened | the call | what comes next |
//! |---|---|---|
//! | the process dies | | opening the folder gives up what was in flight: its next claim takes over at once, as the next attempt |
//! | the machine loses its power | | the same; what was acknowledged is there, and a batch that was torn is gone as a whole |
//! | no room for a new record | `Full`, or `ScopeFull` for one caller | what is there goes on; a completion keeps its status alone |
//! | a write or a sync fails, or the disk is full | those that wait: `Unreachable` | all others: `Unfit`, until the store is dropped and opened again |
//! | the writing thread dies | those that wait: `Unreachable` | all others: `Unfit` |
//! | a record is damaged | `Corrupt` | other records are not concerned |
//! | the clock is set, forward or back | | nothing; time goes on as before |
//! | the clock went back while it was closed | | time goes on where it was |
//! | the clock went forward while it was closed | | that time has passed, and what expired in it is gone |
//! | the folder cannot be used | [`OpenError`] | nothing in it was changed |
//!
//! # Options
//!
//! | option | default | range | effect |
//! |---|---|---|---|
//! | folder | must be given | its own, on a local disk | made if it is not there |
//! | [`max_records`](FjallStoreBuilder::max_records) | 1,000,000 | 1 or more | records, expired ones that have not left included; 11 new ones a second, kept for a day |
//! | [`max_bytes`](FjallStoreBuilder::max_bytes) | 1 GiB | 64 KiB or more | what records take, with [`RECORD_BYTES`](FjallStore::RECORD_BYTES) for each beside its content |
//! | [`max_records_per_scope`](FjallStoreBuilder::max_records_per_scope) | no bound | 1 or more | records of one caller |
//! | [`max_bytes_per_scope`](FjallStoreBuilder::max_bytes_per_scope) | no bound | 4 KiB or more | what the records of one caller take |
//! | [`clock`](FjallStoreBuilder::clock) | the machine's, never going back | any | what time it is |
//!
//! # Features
//!
//! None.
//!
//! # Sources
//!
//! [fjall](https://docs.rs/fjall), the database, a log-structured merge tree with a journal; Rebello and others, "Can
//! Applications Recover from fsync Failures?", USENIX ATC 2020, for why a sync that failed is final.

mod budget;
mod builder;
mod clock;
mod error;
mod folder;
mod layout;
mod ledger;
mod reclaim;
mod request;
mod round;
mod store;
mod tables;
mod writer;

pub use builder::FjallStoreBuilder;
pub use error::OpenError;
pub use store::{FjallStore, Occupancy};
