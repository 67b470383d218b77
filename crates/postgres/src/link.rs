use std::time::Duration;

use buttress_idempotency::{StoreError, StoreErrorKind};
use deadpool_postgres::{Object, Pool};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use crate::error::{Complaint, is_conflict, is_connection_well, pool_error, store_error};
use crate::schema::Schema;
use crate::server::Server;

/// An argument of a statement, with its type: so the server need not be asked for it first.
pub(crate) type Argument<'a> = (&'a (dyn ToSql + Sync), Type);

/// How often a statement is run that came to nothing because of others.
const TRIES: u32 = 4;

/// Asks whether the server takes no writes, over this connection.
const ONLY_READS: &str = "select current_setting('transaction_read_only')::boolean";

/// The way to the server, with the time that a call may take.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) pool: Pool,
    pub(crate) server: Server,
    pub(crate) schema: Schema,
    pub(crate) call_timeout: Duration,
}

impl Link {
    /// One statement that is a transaction of its own and gives one row: one round trip.
    pub(crate) async fn ask(&self, statement: &str, arguments: &[Argument<'_>]) -> Result<Row, StoreError> {
        self.in_time(async {
            let loan = self.borrow().await?;
            let mut answer = loan.client().query_typed(statement, arguments).await;
            for _ in 1..TRIES {
                if answer.as_ref().err().is_none_or(|error| !is_conflict(error)) {
                    break;
                }
                answer = loan.client().query_typed(statement, arguments).await;
            }
            loan.settle(&answer);
            self.one(answer)
        })
        .await
    }

    /// The same, if the server may write and not only read.
    ///
    /// One that only reads may have been the leader, so its connection is given up: a new one finds the successor.
    pub(crate) async fn ask_leader(&self, statement: &str) -> Result<Row, StoreError> {
        self.in_time(async {
            let loan = self.borrow().await?;
            let answer = match loan.client().query_typed(ONLY_READS, &[]).await {
                Ok(rows) if rows.first().is_none_or(|row| row.try_get(0).unwrap_or(true)) => {
                    let only_reads = format!("{} only reads", self.server);
                    return Err(StoreError::with_source(StoreErrorKind::Unfit, only_reads));
                }
                Ok(_) => loan.client().query_typed(statement, &[]).await,
                failed => failed,
            };
            loan.settle(&answer);
            self.one(answer)
        })
        .await
    }

    /// The only row.
    pub(crate) fn one(&self, answer: Result<Vec<Row>, tokio_postgres::Error>) -> Result<Row, StoreError> {
        let rows = answer.map_err(|error| self.store_error(error))?;
        rows.into_iter().next().ok_or_else(|| Complaint::Answer("answer").into_error())
    }

    pub(crate) async fn borrow(&self) -> Result<Loan, StoreError> {
        let object = self.pool.get().await.map_err(|error| pool_error(error, &self.server))?;
        Ok(Loan(Some(object)))
    }

    pub(crate) async fn in_time<A>(
        &self,
        call: impl Future<Output = Result<A, StoreError>>,
    ) -> Result<A, StoreError> {
        self.within(self.call_timeout, call).await
    }

    pub(crate) async fn within<A>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<A, StoreError>>,
    ) -> Result<A, StoreError> {
        let late = || Complaint::Late { server: self.server.clone(), limit }.into_error();
        tokio::time::timeout(limit, call).await.unwrap_or_else(|_| Err(late()))
    }

    pub(crate) fn store_error(&self, error: tokio_postgres::Error) -> StoreError {
        store_error(error, self.schema.name(), &self.server)
    }
}

/// A connection on loan from the pool.
///
/// It goes back when it is settled. Dropped before, it is closed: an answer may be on its way still, and whoever was
/// given the connection next would wait behind it.
#[derive(Debug)]
pub(crate) struct Loan(Option<Object>);

impl Loan {
    #[expect(clippy::expect_used, reason = "it is there until the loan is settled or dropped")]
    pub(crate) fn client(&self) -> &tokio_postgres::Client {
        self.0.as_ref().expect("a loan that was not given back")
    }

    #[expect(clippy::expect_used, reason = "it is there until the loan is settled or dropped")]
    pub(crate) fn client_mut(&mut self) -> &mut tokio_postgres::Client {
        self.0.as_mut().expect("a loan that was not given back")
    }

    /// Gives it back, unless what was answered last says that it is of no use any more.
    pub(crate) fn settle<A>(mut self, answer: &Result<A, tokio_postgres::Error>) {
        if answer.as_ref().err().is_none_or(is_connection_well) {
            self.0 = None;
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}
