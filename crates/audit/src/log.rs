//! The log: segment files of chained JSON lines.

mod anchor;
mod ballast;
mod batch;
mod builder;
mod chain;
mod checkpoint;
mod counts;
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
mod writer;

pub use anchor::{Anchor, AnchorError, AnchorStatus, FileAnchor, StepsBack, check_step};
pub use builder::{AuditLogBuilder, WhenDamaged};
pub use chain::{ChainId, Fault, Head, NotAChainId};
pub use checkpoint::{CheckpointStatus, Checkpoints, ResumeError};
pub use counts::ClassCounts;
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

#[cfg(test)]
pub(crate) use {checkpoint::Checkpointer, reader::segment_name};

#[cfg(test)]
mod tests;
