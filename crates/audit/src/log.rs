//! A log that loses nothing it acknowledged: segment files of JSON lines, each line chained to the one before.
//!
//! ```
//! use buttress_audit::log::AuditLog;
//! use buttress_audit::{Action, Durability, Event, Resource};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let directory = tempfile::tempdir()?;
//! let log = AuditLog::open(&directory)?;
//! let event = Event::builder(Action::LOGIN).resource(Resource::new("session", "s-1")).build();
//! let receipt = log.record(event).await?;
//! assert_eq!(receipt.durability, Durability::Synced);
//! assert_eq!(log.close().await.synced.seq, receipt.seq.unwrap_or(0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Cost
//!
//! Whoever records encodes and redacts his event; one short lock for the place, one for handing it over. One thread
//! chains, writes and syncs for all that wait. Two allocations for each event, its bytes and its receipt. No timer
//! before something waits.
//!
//! # Cancellation
//!
//! A dropped [`Reserving`] gives up its turn, a dropped [`Place`] is given back. A dropped [`Recording`] takes nothing
//! back: the event is recorded, and nobody is told.
//!
//! # When things fail
//!
//! | reason | when | `shed` |
//! |---|---|---|
//! | `queue_full` | as many events wait as may, or of those that may be lost or can wait, and the policy does not wait longer | as the policy says |
//! | `disk_full` | there is no room on the disk, or so little that what may be lost is lost | as the policy says |
//! | `failed` | writing or syncing failed, in this file and the next | as the policy says |
//! | `too_large` | the event has more bytes than it may | as the policy says |
//! | `closed` | the log was closed | no |
//!
//! The log tries again by itself every second, and tells of all losses in `AUDIT_GAP` records. The whole of it, fault by
//! fault, is in `docs/audit-log.md`.
//!
//! # Options
//!
//! | option | default | range | effect |
//! |---|---|---|---|
//! | `policy` | [`Policy::default_for`] | waits of 1 ms to 60 s | what a receipt promises, and what happens without room |
//! | `queue_events` | 8,192 | 1 to 1,000,000 | events that wait, and places given |
//! | `queue_bytes` | 16 MiB | 64 KiB to 1 GiB | bytes that wait |
//! | `shed_share` | 75 % | 1 % to 100 % | how much of the queue is for what may be lost |
//! | `wait_share` | 90 % | 1 % to 100 %, at least `shed_share` | how much of it is for that and what can wait |
//! | `max_event_bytes` | 256 KiB | 1 KiB to 1 MiB | larger events are not recorded |
//! | `sync_within` | 1 s | 1 ms to 60 s | when what nobody wants synced is synced |
//! | `segment_bytes` | 64 MiB | 64 KiB to 16 GiB | when a file is followed by the next |
//! | `segment_age` | 24 h | 1 s to 366 days | the same |
//! | `keep_for` | for ever | 1 s or more | how long sealed files are kept |
//! | `keep_bytes` | no bound | 64 KiB or more | how many bytes are kept |
//! | `keep_segments` | no bound | 1 or more | how many files are kept |
//! | `refusals_of_one` | 300 | 1 to 1,000,000 | refused requests of one client and kind that are recorded each by itself in a window; the others are told together |
//! | `refusals_of_all` | 1,000 | 1 to 1,000,000 | the same for all clients together |
//! | `refusal_window` | 60 s | 1 s to 1 h | how long a window is, and with it when others are told of at the latest |
//! | `every_refusal` | no | | records each refused request by itself, however many there are |
//! | `sinks` | those with a cursor | any names | who must have confirmed what is deleted |
//! | `disk_low` | 10 %, 1 GiB | any share and size, the larger counts | when it warns |
//! | `disk_critical` | 3 % | up to `disk_low` | when what may be lost is not recorded |
//! | `checkpoints` | none | | signatures and anchors, see [`Checkpoints`] |
//! | its `every_records` | 1,000 | 1 or more | after how many records one is signed |
//! | its `every` | 10 s | 1 ms to 366 days | after how long since a record that none covers one is signed |
//! | `redactor` | [`Redactor::default`](buttress_redact::Redactor) | | what is hidden |
//! | `clock` | the machine's | | calendar time, for tests |
//! | `when_damaged` | refuse | refuse, go on, begin a new chain | what to do with a log that somebody has changed, or of which files are missing |

mod anchor;
mod ballast;
mod batch;
mod borders;
mod builder;
mod chain;
mod checkpoint;
mod counts;
mod damage;
mod directory;
mod directory_entry;
mod disk;
mod error;
mod facts;
mod gap;
mod handle;
mod health;
mod hex;
mod journal;
mod key;
mod ladder;
mod layout;
mod line;
mod merkle;
mod note;
mod open;
mod place;
mod policy;
mod query;
mod reader;
mod recovery;
mod refusals;
mod regular;
mod replicas;
mod reserving;
mod retention;
mod room;
mod scan;
mod segment;
mod settings;
mod shared;
mod status;
mod system;
mod tail;
mod told;
mod writer;

pub use anchor::{Anchor, AnchorError, AnchorStatus, FileAnchor, StepsBack, check_step};
pub use builder::{AuditLogBuilder, WhenDamaged};
pub use chain::{ChainId, Fault, Head, NotAChainId};
pub use checkpoint::{CheckpointStatus, Checkpoints, MadeAnew, Proof, ResumeError};
pub use counts::ClassCounts;
pub use damage::Damage;
pub use disk::Space;
pub use error::OpenError;
pub use handle::AuditLog;
pub use key::{KeyError, NotAKey, SigningKey, VerifyingKey};
pub use ladder::DiskLevel;
pub use line::{BadLine, Line, MAX_ENVELOPE, MAX_EVENT, is_event, seal};
pub use note::{BadNote, Checkpoint, Note};
pub use place::{Place, Recording};
pub use policy::{Policy, Then, WhenFull};
pub use query::{InvalidFilter, Page, Query};
pub use reader::{OwnedLine, ReadError, Reader};
pub use reserving::Reserving;
pub use status::Status;

pub(crate) use checkpoint::{KEYS, NOTES, NoteLine};
pub(crate) use directory::check_format;
pub(crate) use merkle::{Tree, leaf};
pub(crate) use reader::{FailedAt, Lines, Next, Segment, segments};
pub(crate) use regular::{check as check_regular, open as open_regular};

#[cfg(test)]
pub(crate) use {checkpoint::Checkpointer, reader::segment_name};

#[cfg(test)]
mod tests;
