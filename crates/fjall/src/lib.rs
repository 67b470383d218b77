//! Idempotency records in an embedded database, durable on one machine without a server.

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
pub use store::FjallStore;

/// How full a [`FjallStore`] is.
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
