//! Idempotency records in PostgreSQL, by lease or in the transaction of your own writes.
//!
//! By lease, a record has at most one live owner, and an operation whose process died runs again. In a transaction,
//! claim, effect, messages and response are committed together or not at all: what the operation does to that database
//! happens exactly once. `docs/postgres.md` says what to choose.
//!
//! # Example
//!
//! ```no_run
//! use buttress_postgres::{Draft, PostgresStore, Transacted};
//! # use buttress_idempotency::{Claim, StoredResponse};
//! # use std::sync::Arc;
//! # async fn pay(claim: Claim, response: Arc<StoredResponse>) -> Result<(), Box<dyn std::error::Error>> {
//! let store = PostgresStore::builder("postgres://shop@localhost/shop").build()?;
//! store.migrate().await?;
//! let _pruner = store.start_pruner()?;
//!
//! let paid = store.transaction(&claim, async |transaction, _owned| {
//!     transaction.execute("update accounts set cents = cents - 100 where id = 7", &[]).await?;
//!     let receipt = Draft { topic: "receipts", key: Some("7"), payload: b"100" };
//!     store.put_message(transaction, &receipt).await?;
//!     Ok::<_, Box<dyn std::error::Error>>(response)
//! });
//! assert!(matches!(paid.await, Ok(Transacted::Committed(_))), "and nobody pays twice");
//! # Ok(())
//! # }
//! ```
//!
//! # Place in the stack
//!
//! ```text
//! IdempotencyLayer > handler            PostgresStore is the layer's store, by lease
//!        |             |
//!        v             v
//!   PostgresStore   complete_in         the handler's own transaction, with the layer's ticket
//! ```
//!
//! Behind the layer a handler finds `Idempotency` in the extensions of its request. It opens a transaction, does its work
//! there, calls [`complete_in`](PostgresStore::complete_in) with `ticket()` and `retain()`, and commits. The layer's own
//! completion afterwards finds that it is done. Without the layer, for a queue or a job,
//! [`transaction`](PostgresStore::transaction) does all of that.
//!
//! # States
//!
//! Those of [`Record`](buttress_idempotency::Record). Functions in the database make the same decisions as that machine
//! does; a test runs both side by side.
//!
//! # Cancellation
//!
//! A call that is dropped may have happened; the same claim sent again tells. Its connection is closed and not used
//! again. A transaction that is dropped is rolled back, and so is one whose process dies.
//!
//! # Cost
//!
//! A claim is one round trip and a step is one, from the first call of a connection on: a single message calls a
//! function, and nothing is prepared. A duplicate and a replay write nothing. A first claim and its completion write and
//! commit once each; the row is updated in place, without touching an index. In a transaction: `begin`, claim, complete
//! and `commit` are four round trips and one commit. No table is ever counted, so callers are bounded by rate limits and
//! not here: there is no limit per [`Scope`](buttress_idempotency::Scope).
//!
//! # When things fail
//!
//! | what happened | kind | what comes next |
//! |---|---|---|
//! | nobody answers, no connection is free, a limit of time is over, the server restarts | [`Unreachable`] | new connections are made when they are needed |
//! | a conflict with others (40001, 40P01) | none | a call of its own is sent again, three times at most; then `Unreachable` |
//! | the schema is missing or too old, the role may not, the server only reads | [`Unfit`] | the text says which files to run |
//! | the disk is full | [`Full`] | a completion is kept without its body, if there is room for that |
//! | a record cannot be read, a name is too long | [`Corrupt`] | the record stays |
//! | the server's clock goes back | none | a lease lasts no longer than from then on; epochs still grow |
//! | the server's clock goes forward | none | leases end early, and who is overtaken is fenced |
//!
//! Where no connection can be had, or no answer comes over it, a cause of the error names the server by host and port,
//! never with a password; with a pool of your own it names none.
//!
//! What was answered is as safe as PostgreSQL's `synchronous_commit` and replicas make it. After a failover that lost
//! the last commits, what was lost can run again.
//!
//! [`Unreachable`]: buttress_idempotency::StoreErrorKind::Unreachable
//! [`Unfit`]: buttress_idempotency::StoreErrorKind::Unfit
//! [`Full`]: buttress_idempotency::StoreErrorKind::Full
//! [`Corrupt`]: buttress_idempotency::StoreErrorKind::Corrupt
//!
//! # Options
//!
//! | option | default | range | unit | effect |
//! |---|---|---|---|---|
//! | [database](Database) | must be given | address, `tokio_postgres::Config`, pool | | where the records are |
//! | [`schema`](PostgresStoreBuilder::schema) | `buttress` | a name of 1 to 63 of `a-z`, `0-9`, `_` | | one store each |
//! | [`connections`](PostgresStoreBuilder::connections) | 8 | 1 to 10,000 | | at most; not for a pool |
//! | [`call_timeout`](PostgresStoreBuilder::call_timeout) | 1 s | 10 ms to 60 s | time | for a call, connecting included |
//! | [`statement_timeout`](PostgresStoreBuilder::statement_timeout) | 5 s | 10 ms to 1 day | time | by the server; not for a pool |
//! | [`lock_timeout`](PostgresStoreBuilder::lock_timeout) | 500 ms | 10 ms to 1 day | time | by the server; not for a pool |
//! | [`without_session_settings`](PostgresStoreBuilder::without_session_settings) | sent | | | for poolers |
//! | [`prune_every`](PostgresStoreBuilder::prune_every) | 60 s | 10 ms to 1 day | time | between looks of the pruner |
//! | [`prune_batch`](PostgresStoreBuilder::prune_batch) | 1,000 | 1 to 100,000 | records | in one statement |
//!
//! # Features
//!
//! `audit` (off): `PostgresStore::audit_sink`, which puts audit records into the same schema; `docs/audit-sinks.md`.
//!
//! For TLS, hand over a pool with a connector. Needs PostgreSQL 12 or later; tested with 15.
//!
//! # Sources
//!
//! [PostgreSQL: transaction isolation](https://www.postgresql.org/docs/current/transaction-iso.html) and
//! [explicit locking](https://www.postgresql.org/docs/current/explicit-locking.html); Brandur Leach, *Transactionally
//! Staged Job Drains in Postgres*, 2017; [heap-only tuples](https://www.postgresql.org/docs/current/storage-hot.html).

mod arguments;
#[cfg(feature = "audit")]
mod audit;
mod builder;
mod error;
mod link;
mod migrate;
mod outbox;
mod pruner;
mod rows;
mod schema;
mod server;
mod store;
mod transaction;

#[cfg(feature = "audit")]
pub use audit::PostgresSink;
pub use builder::{Database, PostgresStoreBuilder};
pub use outbox::{Delivered, Draft, Message};
pub use pruner::Pruner;
pub use schema::{MIGRATIONS, Migration};
pub use store::PostgresStore;
pub use transaction::{CompleteError, Transacted, TransactionError};
