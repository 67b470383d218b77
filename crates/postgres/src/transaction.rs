use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_idempotency::{Claim, Claimed, Completion, Owned, Stepped, StoreError, StoredResponse, Ticket};
use tokio_postgres::{IsolationLevel, Transaction};

use crate::arguments::{ClaimArguments, StepArguments, Within};
use crate::link::{Link, Loan};
use crate::{PostgresStore, rows};

/// What became of a [`transaction`](PostgresStore::transaction).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transacted {
    /// It ran, and what it did is committed together with its response.
    Committed(Arc<StoredResponse>),
    /// It did not run: somebody else runs it, it is done, or was asked for with another payload. Never
    /// [`Claimed::Owned`].
    Refused(Claimed),
}

/// Why nothing of a [`transaction`](PostgresStore::transaction) is there.
#[derive(Clone, Debug)]
pub enum TransactionError<E> {
    /// The handler said no. All is rolled back.
    Handler(E),
    /// The record was taken away while the handler ran. All is rolled back.
    Lost,
    /// The database did not do it. If the error [may have happened](StoreError::may_have_happened), the same claim sent
    /// again tells: it is completed, or runs.
    Store(StoreError),
}

/// Why a completion is not part of a transaction, which must be rolled back then: drop it.
#[derive(Clone, Debug)]
pub enum CompleteError {
    /// Somebody else owns the record, or it has ended, and so it answered if it was about the same.
    Fenced(Option<Completion>),
    /// There is no such record any more.
    Gone,
    /// The database did not do it.
    Store(StoreError),
}

impl PostgresStore {
    /// Claims, runs, and commits, all in one transaction: what `run` writes through the transaction it is given is there
    /// if, and only if, the response is there, and so exactly once.
    ///
    /// If `run` fails, panics or is dropped, nothing is left, not even the count of the attempt. While it runs, whoever
    /// asks for the same hears at once that it is in flight; no lease ends it, only the transaction does.
    ///
    /// The transaction is `read committed`. It takes a connection of the store's pool for as long as `run` takes, and the
    /// server's limits for statements and locks are those of the store. For another isolation level or another pool:
    /// [`claim_in`](Self::claim_in).
    ///
    /// # Errors
    ///
    /// What `run` said, or that the database did not do it.
    pub async fn transaction<E>(
        &self,
        claim: &Claim,
        run: impl AsyncFnOnce(&Transaction<'_>, &Owned) -> Result<Arc<StoredResponse>, E>,
    ) -> Result<Transacted, TransactionError<E>> {
        let link = self.link();
        let mut loan = link.in_time(link.borrow()).await?;
        let transaction = link.in_time(begin(link, &mut loan)).await?;
        let owned = match link.in_time(self.claim_in(&transaction, claim)).await? {
            Claimed::Owned(owned) => owned,
            refused => {
                let ended = link.in_time(end(link, transaction.rollback())).await;
                settle(loan, ended.is_ok());
                return Ok(Transacted::Refused(refused));
            }
        };
        match run(&transaction, &owned).await {
            Ok(response) => {
                let complete = self.complete_in(&transaction, &owned.ticket, &response, claim.retain);
                link.in_time(async { Ok(complete.await) }).await??;
                link.in_time(end(link, transaction.commit())).await?;
                settle(loan, true);
                Ok(Transacted::Committed(response))
            }
            Err(error) => {
                let ended = link.in_time(end(link, transaction.rollback())).await;
                settle(loan, ended.is_ok());
                Err(TransactionError::Handler(error))
            }
        }
    }

    /// Claims within a transaction of yours. Whoever asks for the same until its end hears at once that it is in flight.
    ///
    /// Before the commit comes [`complete_in`](Self::complete_in). If the answer is not [`Claimed::Owned`], roll back. In
    /// an isolation above `read committed` a duplicate can fail with a serialization failure, and is to be sent again.
    ///
    /// # Errors
    ///
    /// If the database did not do it. The transaction cannot go on then.
    pub async fn claim_in(
        &self,
        transaction: &Transaction<'_>,
        claim: &Claim,
    ) -> Result<Claimed, StoreError> {
        let arguments = ClaimArguments::new(&self.link().schema, claim, Within::ATransaction);
        let answer = transaction.query_typed(&self.statements().claim, &arguments.list()).await;
        rows::claimed(&self.link().one(answer)?, claim)
    }

    /// Completes within a transaction of yours what was claimed there, or before it by the layer around a handler: the
    /// response is kept if, and only if, the transaction is committed. To be called last: until the end of the
    /// transaction nobody can renew or take over.
    ///
    /// If the record has another owner by now, this fails, so that what the transaction has done is rolled back with it.
    /// It fails too if the run was completed before: whoever does not know whether a commit happened may do all of it
    /// again, and is given the response if it did. When the layer completes the run afterwards, the response given here
    /// stays.
    ///
    /// A renewal of the lease since a transaction above `read committed` began is a conflict (40001), so such a transaction
    /// must be over before the layer renews, at a third of the lease.
    ///
    /// # Errors
    ///
    /// If it is not completed. Roll back.
    pub async fn complete_in(
        &self,
        transaction: &Transaction<'_>,
        ticket: &Ticket,
        response: &StoredResponse,
        retain: Duration,
    ) -> Result<(), CompleteError> {
        let arguments = StepArguments::completion(&self.link().schema, ticket, response, retain);
        let answer = transaction.query_typed(&self.statements().step, &arguments.list()).await;
        match rows::stepped(&self.link().one(answer)?)? {
            Stepped::Done | Stepped::StatusOnly => Ok(()),
            Stepped::Fenced(completion) => Err(CompleteError::Fenced(completion)),
            Stepped::Gone => Err(CompleteError::Gone),
        }
    }
}

async fn begin<'a>(link: &Link, loan: &'a mut Loan) -> Result<Transaction<'a>, StoreError> {
    let builder = loan.client_mut().build_transaction().isolation_level(IsolationLevel::ReadCommitted);
    builder.start().await.map_err(|error| link.store_error(error))
}

async fn end(
    link: &Link,
    ending: impl Future<Output = Result<(), tokio_postgres::Error>>,
) -> Result<(), StoreError> {
    ending.await.map_err(|error| link.store_error(error))
}

fn settle(loan: Loan, is_well: bool) {
    if is_well {
        loan.settle(&Ok(()));
    }
}

impl<E> From<StoreError> for TransactionError<E> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<E> From<CompleteError> for TransactionError<E> {
    fn from(error: CompleteError) -> Self {
        match error {
            CompleteError::Fenced(_) | CompleteError::Gone => Self::Lost,
            CompleteError::Store(error) => Self::Store(error),
        }
    }
}

impl From<StoreError> for CompleteError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<E> fmt::Display for TransactionError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handler(_) => "the handler failed, and its transaction was rolled back",
            Self::Lost => "the transaction was rolled back, because its record was taken away",
            Self::Store(_) => "the transaction was not committed, as far as is known",
        })
    }
}

impl<E: Error + 'static> Error for TransactionError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Handler(error) => Some(error),
            Self::Lost => None,
            Self::Store(error) => Some(error),
        }
    }
}

impl fmt::Display for CompleteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fenced(_) => "the operation was not completed: it has another owner, or has ended",
            Self::Gone => "the operation was not completed: its record is gone",
            Self::Store(_) => "the operation was not completed",
        })
    }
}

impl Error for CompleteError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Fenced(_) | Self::Gone => None,
            Self::Store(error) => Some(error),
        }
    }
}
