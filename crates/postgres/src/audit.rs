use std::error::Error;
use std::fmt;

use buttress_audit::log::{ChainId, Head, Line, OwnedLine};
use buttress_audit::sink::{Seen, Sink, SinkError};
use buttress_idempotency::{StoreError, StoreErrorKind};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use crate::link::Argument;
use crate::{PostgresStore, rows};

/// The records of an audit log, in the table `audit`.
///
/// A batch is one statement and one commit. A record that is there already is not written again, and one that is there
/// and differs stops the feeder: there are two logs with one name then, or one that was changed.
///
/// Up to where the table has a log it is asked before the first batch, so a lost cursor repeats nothing, and what the
/// table has lost comes again.
///
/// The table has the bytes that the hashes cover, so SQL alone can check the chain; `docs/audit-sinks.md` shows how, and
/// which rights the role needs.
#[derive(Clone, Debug)]
pub struct PostgresSink {
    store: PostgresStore,
    name: String,
    put: String,
    seen: String,
}

impl PostgresStore {
    /// Audit records in the same schema, over the same connections; called `postgres` unless it is
    /// [renamed](PostgresSink::named).
    ///
    /// [`call_timeout`](crate::PostgresStoreBuilder::call_timeout) is the limit for a batch.
    pub fn audit_sink(&self) -> PostgresSink {
        let schema = &self.link().schema;
        PostgresSink {
            name: "postgres".to_owned(),
            put: format!("select {schema}.audit_put($1, $2, $3, $4, $5)"),
            seen: format!("select o_seq, o_hash from (select) one left join {schema}.audit_seen($1) on true"),
            store: self.clone(),
        }
    }
}

impl PostgresSink {
    /// Another name, where one log is fed into several databases: 1 to 64 of `a-z`, `0-9`, `_` and `-`.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }
}

impl Sink for PostgresSink {
    fn name(&self) -> &str {
        &self.name
    }

    async fn seen(&mut self, chain: ChainId) -> Result<Seen, SinkError> {
        let chain = chain.to_string();
        let row = self.store.link().ask(&self.seen, &[(&chain, Type::TEXT)]).await.map_err(sink_error)?;
        let place: Option<(i64, Vec<u8>)> = rows::get(&row, "o_seq").ok().zip(rows::get(&row, "o_hash").ok());
        let head = place.and_then(|(seq, hash)| {
            Some(Head { seq: u64::try_from(seq).ok()?, hash: hash.try_into().ok()? })
        });
        Ok(Seen::UpTo(head.unwrap_or(Head::START)))
    }

    async fn deliver(&mut self, batch: &[OwnedLine]) -> Result<(), SinkError> {
        let lines: Option<Vec<_>> = batch.iter().map(|line| Line::parse(line.as_bytes()).ok()).collect();
        let batch = lines.and_then(|lines| Batch::of(&lines)).ok_or_else(|| SinkError::unfit(Unreadable))?;
        self.store.link().ask(&self.put, &batch.arguments()).await.map_err(sink_error)?;
        Ok(())
    }
}

/// The columns of a batch.
struct Batch<'a> {
    chain: String,
    seqs: Vec<i64>,
    prevs: Vec<Vec<u8>>,
    hashes: Vec<Vec<u8>>,
    raws: Vec<&'a str>,
}

impl<'a> Batch<'a> {
    /// Nothing, if a number is larger than what the column holds or an event is not text. No log has such records.
    fn of(lines: &[Line<'a>]) -> Option<Self> {
        Some(Self {
            chain: lines.first()?.chain.to_string(),
            seqs: lines.iter().map(|line| i64::try_from(line.seq).ok()).collect::<Option<_>>()?,
            prevs: lines.iter().map(|line| line.prev.to_vec()).collect(),
            hashes: lines.iter().map(|line| line.hash.to_vec()).collect(),
            raws: lines.iter().map(|line| std::str::from_utf8(line.event).ok()).collect::<Option<_>>()?,
        })
    }

    fn arguments(&self) -> [Argument<'_>; 5] {
        [
            (&self.chain, Type::TEXT),
            (&self.seqs, Type::INT8_ARRAY),
            (&self.prevs, Type::BYTEA_ARRAY),
            (&self.hashes, Type::BYTEA_ARRAY),
            (&self.raws, Type::TEXT_ARRAY),
        ]
    }
}

/// What can be done about a failure.
fn sink_error(error: StoreError) -> SinkError {
    let code = error.source().and_then(|cause| cause.downcast_ref::<tokio_postgres::Error>()?.code());
    let is_other_record = code == Some(&SqlState::UNIQUE_VIOLATION);
    let kind = error.kind();
    let failed = Failed(error);
    match kind {
        _ if is_other_record => SinkError::fatal(failed),
        StoreErrorKind::Unreachable => SinkError::retry(failed),
        _ => SinkError::unfit(failed),
    }
}

/// A failure in the words of audit; its cause is that of the failure.
#[derive(Debug)]
struct Failed(StoreError);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.kind() {
            StoreErrorKind::Unreachable => "the database gave no usable answer",
            StoreErrorKind::Full => "the database has no room",
            StoreErrorKind::Corrupt => "the database refused a record",
            _ => "the database is not fit for audit records",
        })
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

#[derive(Debug)]
struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the log has a record that is none")
    }
}

impl Error for Unreadable {}
