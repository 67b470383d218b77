//! Idempotency records in PostgreSQL, by lease or in the transaction of your own writes.

mod arguments;
mod builder;
mod error;
mod link;
mod migrate;
mod outbox;
mod pruner;
mod rows;
mod schema;
mod store;
mod transaction;

pub use builder::{Database, PostgresStoreBuilder};
pub use outbox::{Delivered, Draft, Message};
pub use pruner::Pruner;
pub use schema::{MIGRATIONS, Migration};
pub use store::PostgresStore;
pub use transaction::{CompleteError, Transacted, TransactionError};
