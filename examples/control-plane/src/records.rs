//! Where it is kept what became of a request with a key, so that the same one again has the same answer.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use axum::extract::MatchedPath;
use axum::http::request::Parts;
use buttress::core::{Signal, Verdict};
use buttress::fjall::FjallStore;
use buttress::idempotency::{
    Claim, Claimed, IdempotencyBuilder, Invalidated, MemoryStore, RecordId, Step, Stepped, Store, StoreError,
    Ticket,
};
use buttress::postgres::{PostgresStore, Pruner};
use buttress::redis::RedisRecords;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use crate::callers::Caller;
use crate::connectors::Secret;
use crate::settings::RecordsIn;

/// How long a store may take for an answer. On the disk, an answer waits for those of others.
const STORE_TIME: Duration = Duration::from_secs(1);

/// How old the news about the store may be.
const PULSE: Duration = Duration::from_secs(1);

/// The store that was chosen.
#[derive(Debug)]
pub(crate) enum Records {
    Memory(MemoryStore),
    Folder(FjallStore),
    Redis(RedisRecords),
    /// With the task that removes what has expired; it ends with the store.
    Postgres(PostgresStore, #[expect(dead_code, reason = "it is there to be dropped")] Pruner),
}

/// The same with each of them.
macro_rules! each {
    ($records:expr, $store:ident => $call:expr) => {
        match $records {
            Records::Memory($store) => $call,
            Records::Folder($store) => $call,
            Records::Redis($store) => $call,
            Records::Postgres($store, _) => $call,
        }
    };
}

impl Store for Records {
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        told(each!(self, store => store.claim(claim).await))
    }

    async fn step(&self, ticket: &Ticket, step: &Step) -> Result<Stepped, StoreError> {
        told(each!(self, store => store.step(ticket, step).await))
    }

    async fn invalidate(&self, id: RecordId) -> Result<Invalidated, StoreError> {
        each!(self, store => store.invalidate(id).await)
    }

    async fn clear(&self) -> Result<u64, StoreError> {
        each!(self, store => store.clear().await)
    }
}

/// A caller reads only that the store has failed; why is for the log.
fn told<T>(answer: Result<T, StoreError>) -> Result<T, StoreError> {
    answer.inspect_err(|error| {
        tracing::error!(error = error as &dyn Error, "an idempotency record cannot be read or kept");
    })
}

impl Records {
    /// Opens the store. A server has to be there: better not to start than to refuse everything later.
    pub(crate) async fn open(place: &RecordsIn) -> Result<Self, RecordsError> {
        let opened = match place {
            RecordsIn::Memory => Ok(Self::Memory(MemoryStore::default())),
            RecordsIn::Folder(folder) => open_folder(folder).await,
            RecordsIn::Redis(url) => connect_redis(url).await,
            RecordsIn::Postgres(url) => connect_postgres(url).await,
        };
        opened.map_err(|why| RecordsError { place: place.clone(), why })
    }

    /// Whether it takes claims now; nothing if it is in memory.
    pub(crate) async fn ask(&self) -> Option<bool> {
        let answer = async {
            match self {
                Self::Memory(_) => None,
                Self::Folder(store) => Some(store.check().await.is_ok()),
                Self::Redis(store) => Some(store.check().await.is_ok()),
                Self::Postgres(store, _) => Some(store.check().await.is_ok()),
            }
        };
        timeout(STORE_TIME, answer).await.unwrap_or(Some(false))
    }
}

async fn open_folder(folder: &Path) -> Result<Records, BoxError> {
    let folder = folder.to_owned();
    Ok(Records::Folder(spawn_blocking(move || FjallStore::open(folder)).await??))
}

async fn connect_redis(url: &Secret) -> Result<Records, BoxError> {
    let store = RedisRecords::builder(url.expose()).prefix("control-plane").connect().await?;
    Ok(Records::Redis(store))
}

async fn connect_postgres(url: &Secret) -> Result<Records, BoxError> {
    let store = PostgresStore::builder(url.expose()).schema("control_plane").build()?;
    store.migrate().await?;
    let pruner = store.start_pruner()?;
    Ok(Records::Postgres(store, pruner))
}

/// Whether records can be kept, as it was within the last second: whoever asks for our health, and
/// however often, does not load it.
#[derive(Debug, Default)]
pub(crate) struct Pulse(Mutex<Option<(Instant, Option<bool>)>>);

impl Pulse {
    pub(crate) async fn is_up(&self, records: &Records) -> Option<bool> {
        // Held while it asks, so that of many who come at once one does.
        let mut latest = self.0.lock().await;
        if let Some((at, is_up)) = *latest
            && at.elapsed() < PULSE
        {
            return is_up;
        }
        let is_up = records.ask().await;
        *latest = Some((Instant::now(), is_up));
        is_up
    }
}

/// Each POST needs a key, and the key belongs to its caller.
pub(crate) fn keys(
    layer: IdempotencyBuilder<Records>,
    max_body_bytes: u64,
    hash_secret: Option<&Secret>,
) -> IdempotencyBuilder<Records> {
    let layer = layer
        .scope(|head| head.extensions.get::<Caller>().copied())
        .key_required()
        .request_limit(max_body_bytes)
        .store_time(STORE_TIME)
        .observer(hear)
        .endpoint(endpoint);
    match hash_secret {
        Some(secret) => layer.secret(secret.expose()),
        None => layer,
    }
}

/// Notes that the store no longer answers in time, and that it does again.
fn hear(signal: &Signal<'_>) {
    if signal.verdict == Verdict::Changed {
        tracing::warn!(state = signal.code, "the store of the idempotency records has changed");
    }
}

/// The method and the pattern of the route, not the path, which a stranger chooses.
fn endpoint(head: &Parts) -> String {
    let route = head.extensions.get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    format!("{} {route}", head.method)
}

type BoxError = Box<dyn Error + Send + Sync>;

/// Why records cannot be kept where they should be.
#[derive(Debug)]
pub struct RecordsError {
    place: RecordsIn,
    why: BoxError,
}

impl fmt::Display for RecordsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot keep idempotency records in {}: {}", self.place, self.why)?;
        let causes = std::iter::successors(self.why.source(), |&cause| cause.source());
        causes.into_iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl Error for RecordsError {}
