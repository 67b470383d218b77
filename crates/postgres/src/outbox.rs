use std::collections::HashSet;

use buttress_idempotency::StoreError;
use bytes::Bytes;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Row, Transaction};

use crate::{PostgresStore, rows};

/// Something to be sent if, and only if, a transaction is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft<'a> {
    /// Where to: what senders choose by. At most 255 bytes.
    pub topic: &'a str,
    /// Messages of one topic and key are sent in the order in which they were committed. At most 255 bytes.
    pub key: Option<&'a str>,
    /// What to send.
    pub payload: &'a [u8],
}

/// Something to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number, the same each time it is sent, so that whoever receives it can tell a duplicate.
    pub position: i64,
    /// Where to.
    pub topic: String,
    /// What it is in order with.
    pub key: Option<String>,
    /// What to send.
    pub payload: Bytes,
    /// How often sending it has failed.
    pub failures: u32,
}

/// What became of a batch of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered<E> {
    /// How many were sent and are removed.
    pub sent: usize,
    /// Why others were not; they stay, and are due again later.
    pub failures: Vec<E>,
}

/// What became of messages so far.
struct Batch<'a, E> {
    sent: Vec<i64>,
    failed: Vec<i64>,
    failures: Vec<E>,
    blocked: HashSet<(&'a str, &'a str)>,
}

impl PostgresStore {
    /// Puts a message into the outbox, within the transaction of what it is about, and says its position.
    ///
    /// Another transaction that has a message with the same topic and key is waited for, since the order is that of the
    /// commits. So put messages in last, and those of several keys in the order of their keys.
    ///
    /// # Errors
    ///
    /// If the database did not do it. The transaction cannot go on then.
    pub async fn put_message(
        &self,
        transaction: &Transaction<'_>,
        draft: &Draft<'_>,
    ) -> Result<i64, StoreError> {
        let arguments = [
            (&draft.topic as &(dyn ToSql + Sync), Type::TEXT),
            (&draft.key, Type::TEXT),
            (&draft.payload, Type::BYTEA),
        ];
        let answer = transaction.query_typed(&self.statements().put_message, &arguments).await;
        rows::first(&self.link().one(answer)?)
    }

    /// Takes up to `limit` messages that are due, of one topic or of all, gives them to `send` one after the other, and
    /// removes those that were sent.
    ///
    /// Each is sent at least once: if this is dropped, or the process dies, those of the batch are sent again. Messages
    /// of one key are sent in their order, by whichever process: one that fails keeps those behind it back, and is due
    /// again after 1 s, 2 s, 4 s and so on up to 5 minutes. Several processes may do this at once, and share the work.
    ///
    /// A transaction and a connection of the store are held for as long as all of `send` takes; so bound that, and the
    /// number of messages.
    ///
    /// # Errors
    ///
    /// If the database did not do it. All messages of the batch are sent again then.
    pub async fn deliver<E>(
        &self,
        topic: Option<&str>,
        limit: u32,
        mut send: impl AsyncFnMut(&Message) -> Result<(), E>,
    ) -> Result<Delivered<E>, StoreError> {
        let link = self.link();
        let mut loan = link.in_time(link.borrow()).await?;
        let transaction = loan.client_mut().transaction();
        let transaction =
            link.in_time(async { transaction.await.map_err(|error| link.store_error(error)) }).await?;
        let messages = link.in_time(self.take(&transaction, topic, limit)).await?;
        let mut batch = Batch::new();
        for message in &messages {
            if !batch.is_blocked(message) {
                batch.note(message, send(message).await);
            }
        }
        link.in_time(self.settle(&transaction, &batch.sent, &batch.failed)).await?;
        link.in_time(async { transaction.commit().await.map_err(|error| link.store_error(error)) }).await?;
        loan.settle(&Ok(()));
        Ok(Delivered { sent: batch.sent.len(), failures: batch.failures })
    }

    async fn take(
        &self,
        transaction: &Transaction<'_>,
        topic: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let arguments = [(&topic as &(dyn ToSql + Sync), Type::TEXT), (&limit, Type::INT4)];
        let rows = transaction.query_typed(&self.statements().take_messages, &arguments).await;
        rows.map_err(|error| self.link().store_error(error))?.iter().map(message).collect()
    }

    async fn settle(
        &self,
        transaction: &Transaction<'_>,
        sent: &[i64],
        failed: &[i64],
    ) -> Result<(), StoreError> {
        let arguments = [(&sent as &(dyn ToSql + Sync), Type::INT8_ARRAY), (&failed, Type::INT8_ARRAY)];
        let answer = transaction.query_typed(&self.statements().settle_messages, &arguments).await;
        self.link().one(answer).map(drop)
    }
}

impl<'a, E> Batch<'a, E> {
    fn new() -> Self {
        Self { sent: Vec::new(), failed: Vec::new(), failures: Vec::new(), blocked: HashSet::new() }
    }

    /// Whether one before it, of the same key, has failed.
    fn is_blocked(&self, message: &'a Message) -> bool {
        message.line().is_some_and(|line| self.blocked.contains(&line))
    }

    fn note(&mut self, message: &'a Message, outcome: Result<(), E>) {
        match outcome {
            Ok(()) => self.sent.push(message.position),
            Err(failure) => {
                self.failed.push(message.position);
                self.failures.push(failure);
                self.blocked.extend(message.line());
            }
        }
    }
}

impl Message {
    /// What it is in order with.
    fn line(&self) -> Option<(&str, &str)> {
        self.key.as_deref().map(|key| (&*self.topic, key))
    }
}

fn message(row: &Row) -> Result<Message, StoreError> {
    Ok(Message {
        position: rows::get(row, "o_position")?,
        topic: rows::get(row, "o_topic")?,
        key: rows::get(row, "o_key")?,
        payload: Bytes::copy_from_slice(rows::get(row, "o_payload")?),
        failures: u32::try_from(rows::get::<i32>(row, "o_failures")?).unwrap_or(0),
    })
}
