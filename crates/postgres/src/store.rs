use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_idempotency::{
    Claim, Claimed, Invalidated, RecordId, Step, Stepped, Store, StoreError, StoreErrorKind, StoredResponse,
    Ticket,
};
use deadpool_postgres::Pool;
use tokio_postgres::types::Type;

use crate::arguments::{ClaimArguments, StepArguments, Within};
use crate::builder::{Database, PostgresStoreBuilder};
use crate::error::Complaint;
use crate::link::Link;
use crate::rows;
use crate::schema::{NEWEST, Statements};

/// How many records are cleared by one statement.
const PAGE: i32 = 1_000;

/// A store of idempotency records in PostgreSQL.
///
/// As a [`Store`] each call is a transaction of its own. With [`transaction`](Self::transaction), or with
/// [`claim_in`](Self::claim_in) and [`complete_in`](Self::complete_in), records are written in the transaction of what
/// was done. Clones share the connections.
#[derive(Clone)]
pub struct PostgresStore(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) link: Link,
    pub(crate) statements: Statements,
    pub(crate) prune_every: Duration,
    pub(crate) prune_batch: u32,
}

impl PostgresStore {
    /// The settings of a store; see the [options](crate#options).
    pub fn builder(database: impl Into<Database>) -> PostgresStoreBuilder {
        PostgresStoreBuilder::new(database.into())
    }

    pub(crate) fn new(link: Link, prune_every: Duration, prune_batch: u32) -> Self {
        let statements = Statements::new(&link.schema);
        Self(Arc::new(Shared { link, statements, prune_every, prune_batch }))
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0
    }

    pub(crate) fn link(&self) -> &Link {
        &self.0.link
    }

    pub(crate) fn statements(&self) -> &Statements {
        &self.0.statements
    }

    /// The connections. Whoever takes one for long takes it from the store.
    pub fn pool(&self) -> &Pool {
        &self.0.link.pool
    }

    /// The name of the schema.
    pub fn schema(&self) -> &str {
        self.0.link.schema.name()
    }

    /// Asks the server whether it may be written to, and the schema is there and new enough: at the start, and for a
    /// readiness probe.
    ///
    /// # Errors
    ///
    /// If it does not answer or only reads, or the schema must be [migrated](Self::migrate). A newer schema than this crate knows is
    /// no error, so that programs can be replaced one after the other.
    pub async fn check(&self) -> Result<(), StoreError> {
        let row = self.link().ask_leader(&self.statements().version).await?;
        let version = u32::try_from(rows::first::<i32>(&row)?).unwrap_or(0);
        if version < NEWEST {
            let name = self.schema().to_owned();
            return Err(Complaint::Schema { name, source: None }.into_error());
        }
        Ok(())
    }

    async fn step_once(&self, ticket: &Ticket, step: &Step) -> Result<Stepped, StoreError> {
        let arguments = StepArguments::new(ticket, step);
        let row = self.link().ask(&self.statements().step, &arguments.list()).await?;
        rows::stepped(&row)
    }
}

impl Store for PostgresStore {
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let arguments = ClaimArguments::new(&self.link().schema, claim, Within::Itself);
        let row = self.link().ask(&self.statements().claim, &arguments.list()).await?;
        rows::claimed(&row, claim)
    }

    async fn step(&self, ticket: &Ticket, step: &Step) -> Result<Stepped, StoreError> {
        let stepped = self.step_once(ticket, step).await;
        match (&stepped, step) {
            (Err(error), Step::Complete { response, retain }) if error.kind() == StoreErrorKind::Full => {
                // That it is done must be kept rather than how it answered.
                let (status, headers) = (response.status(), response.headers().clone());
                let response = Arc::new(StoredResponse::without_body(status, headers));
                let stepped = self.step_once(ticket, &Step::Complete { response, retain: *retain }).await?;
                Ok(if stepped == Stepped::Done { Stepped::StatusOnly } else { stepped })
            }
            _ => stepped,
        }
    }

    async fn invalidate(&self, id: RecordId) -> Result<Invalidated, StoreError> {
        let id = &id.as_bytes()[..];
        let row = self.link().ask(&self.statements().invalidate, &[(&id, Type::BYTEA)]).await?;
        rows::invalidated(&row)
    }

    /// A page of records at a time, so that no transaction is long.
    async fn clear(&self) -> Result<u64, StoreError> {
        let (mut after, mut removed) = (Vec::new(), 0);
        loop {
            let arguments =
                [(&after as &(dyn tokio_postgres::types::ToSql + Sync), Type::BYTEA), (&PAGE, Type::INT4)];
            let row = self.link().ask(&self.statements().clear, &arguments).await?;
            removed += u64::try_from(rows::get::<i64>(&row, "o_removed")?).unwrap_or(0);
            match rows::get::<Option<Vec<u8>>>(&row, "o_last")? {
                Some(last) => after = last,
                None => return Ok(removed),
            }
        }
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.pool().status();
        f.debug_struct("PostgresStore")
            .field("schema", &self.schema())
            .field("connections", &status.size)
            .field("available", &status.available)
            .finish_non_exhaustive()
    }
}
