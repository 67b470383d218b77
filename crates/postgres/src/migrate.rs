use std::time::Duration;

use buttress_idempotency::StoreError;
use tokio_postgres::types::Type;
use tokio_postgres::{Error, Transaction};

use crate::PostgresStore;
use crate::error::Complaint;
use crate::link::Link;
use crate::schema::{MIGRATIONS, Migration, NEWEST};

/// How long all of it may take, waiting for others who do the same included.
const LONGEST: Duration = Duration::from_secs(60);

impl PostgresStore {
    /// Brings the schema to the version that this crate works with, and says how many [files](crate::MIGRATIONS) it ran:
    /// all or none, in one transaction.
    ///
    /// Processes that call it at once wait for one another, and all but the first find nothing to do. The role needs to
    /// be allowed to create a schema, or to create tables and functions in one that is there.
    ///
    /// # Errors
    ///
    /// If the server does not answer, the role may not do it, or the schema is newer than this crate knows.
    pub async fn migrate(&self) -> Result<usize, StoreError> {
        let link = self.link();
        let mut loan = link.in_time(link.borrow()).await?;
        let work = async {
            let transaction =
                loan.client_mut().transaction().await.map_err(|error| link.store_error(error))?;
            let ran = run(link, &transaction).await?;
            transaction.commit().await.map_err(|error| link.store_error(error))?;
            Ok(ran)
        };
        let ran = link.within(LONGEST, work).await?;
        loan.settle(&Ok(()));
        Ok(ran)
    }
}

async fn run(link: &Link, transaction: &Transaction<'_>) -> Result<usize, StoreError> {
    let found = begin(link, transaction).await.map_err(|error| link.store_error(error))?;
    let is_known = |found| found <= NEWEST;
    let Some(version) = u32::try_from(found).ok().filter(|found| is_known(*found)) else {
        let name = link.schema.name().to_owned();
        return Err(Complaint::Newer { name, found, known: NEWEST }.into_error());
    };
    let wanted: Vec<&Migration> =
        MIGRATIONS.iter().filter(|migration| migration.version() > version).collect();
    for migration in &wanted {
        let done = transaction.batch_execute(&migration.sql_for(&link.schema)).await;
        done.map_err(|error| link.store_error(error))?;
    }
    Ok(wanted.len())
}

/// Waits until nobody else migrates, and says which version is there; 0 if there is none.
async fn begin(link: &Link, transaction: &Transaction<'_>) -> Result<i32, Error> {
    // What is right for a claim is too short for this.
    let limit = LONGEST.as_millis();
    transaction
        .batch_execute(&format!("set local statement_timeout = {limit}; set local lock_timeout = {limit}"))
        .await?;
    let lock = link.schema.lock("migrate");
    transaction.query_typed("select pg_advisory_xact_lock($1)", &[(&lock, Type::INT8)]).await?;
    let table = format!("{}.migrations", link.schema);
    let statement = "select to_regclass($1) is not null";
    let there = transaction.query_typed(statement, &[(&table, Type::TEXT)]).await?;
    if !there.first().is_some_and(|row| row.get(0)) {
        return Ok(0);
    }
    let statement = format!("select coalesce(max(version), 0) from {table}");
    let found = transaction.query_typed(&statement, &[]).await?;
    Ok(found.first().map_or(0, |row| row.get(0)))
}
