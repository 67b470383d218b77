//! Idempotency over each of its stores: what a layer answers in a second, and how often it asks its store.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, process};

use axum::body::Body;
use buttress_core::Entropy;
use buttress_fjall::FjallStore;
use buttress_idempotency::{
    Claim, Claimed, HeaderList, IdempotencyLayer, Invalidated, MemoryStore, RecordId, Step, Stepped, Store,
    StoreError, StoredResponse, Ticket,
};
use buttress_postgres::PostgresStore;
use buttress_redis::RedisRecords;
use http::{Request, StatusCode};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tower::{Layer, Service, ServiceExt};

use super::built;
use super::flood::resident;
use super::idempotency::{DAY, Orders, claim, fresh, order};
use super::server::{self, Postgres, Server};
use crate::Failure;
use crate::experiment::{Experiment, Pace, Row};

pub(crate) const STORES: Experiment = Experiment {
    name: "idempotency-stores",
    what: "the layer over each store, servers on the same machine, 64 clients that ask all the time",
    heads: &["new keys/s", "calls of the store for each", "known keys/s", "calls of the store for each"],
    rows: &[
        Row { name: "in memory", run: in_memory },
        Row { name: "fjall, durable", run: in_a_folder },
        Row { name: "Redis, not durable", run: in_redis },
        Row { name: "PostgreSQL, durable", run: in_postgres },
    ],
    floors: &[],
    missing: || (!server::is_installed()).then_some("the program redis-server is not there"),
};

pub(crate) const DURABLE: Experiment = Experiment {
    name: "idempotency-durable",
    what: "the fjall store alone: claims and completions that are on disk, answers of 100 bytes",
    heads: &["completions/s", "syncs/s of the disk", "claims and completions for each of those syncs"],
    rows: &[
        Row { name: "1 at once", run: |pace| durable(pace, 1) },
        Row { name: "16 at once", run: |pace| durable(pace, 16) },
        Row { name: "256 at once", run: |pace| durable(pace, 256) },
    ],
    floors: &[],
    missing: || None,
};

pub(crate) const MEMORY: Experiment = Experiment {
    name: "idempotency-memory",
    what: "a million records in memory",
    heads: &["bytes for each", "counted against the bound"],
    rows: &[
        Row { name: "an answer of 100 bytes", run: |pace| weigh(pace, 100) },
        Row { name: "an answer of 1,000 bytes", run: |pace| weigh(pace, 1_000) },
    ],
    floors: &[],
    missing: || {
        fs::metadata("/proc/self/status").is_err().then_some("the memory of a process is read from /proc")
    },
};

const CLIENTS: u64 = 64;
/// A busy machine is no outage.
const PATIENCE: Duration = Duration::from_secs(10);

fn in_memory(pace: Pace) -> Result<Vec<Option<f64>>, Failure> {
    let store = MemoryStore::builder().max_records(10_000_000).max_bytes(8 << 30).build()?;
    over(pace, &runtime()?, store)
}

fn in_a_folder(pace: Pace) -> Result<Vec<Option<f64>>, Failure> {
    let folder = Folder::new()?;
    over(pace, &runtime()?, FjallStore::open(&folder.0)?)
}

fn in_redis(pace: Pace) -> Result<Vec<Option<f64>>, Failure> {
    let (server, runtime) = (Server::start()?, runtime()?);
    let store = runtime.block_on(server.answering(RedisRecords::connect))?;
    over(pace, &runtime, store)
}

fn in_postgres(pace: Pace) -> Result<Vec<Option<f64>>, Failure> {
    let (server, runtime) = (Postgres::start()?, runtime()?);
    let store = PostgresStore::builder(server.url.as_str()).connections(16).build()?;
    runtime.block_on(store.migrate())?;
    over(pace, &runtime, store)
}

/// As many requests as the layer answers: first with keys of their own, then with keys that are known.
fn over<T: Store>(pace: Pace, runtime: &Runtime, store: T) -> Result<Vec<Option<f64>>, Failure> {
    let store = Arc::new(Counting { store, calls: AtomicU64::new(0) });
    let builder =
        IdempotencyLayer::<Counting<T>>::inbound(Arc::clone(&store)).one_scope_for_all().store_time(PATIENCE);
    let service = builder.build()?.layer(Orders);
    let mut figures = Vec::new();
    for _ in 0..100 {
        let Ok(_) = runtime.block_on(service.clone().oneshot(known()));
    }
    for request in [fresh, known as fn() -> Request<Body>] {
        let before = store.calls.load(Ordering::Relaxed);
        let (answers, time) =
            runtime.block_on(ask(&service, request, Duration::from_millis(pace.of(3_000))))?;
        let calls = store.calls.load(Ordering::Relaxed) - before;
        figures.extend([count(answers) / time.as_secs_f64(), count(calls) / count(answers)].map(Some));
    }
    Ok(figures)
}

/// One of a hundred keys in turn.
fn known() -> Request<Body> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    order(&format!("known-{:03}", NEXT.fetch_add(1, Ordering::Relaxed) % 100))
}

async fn ask<S>(
    service: &S,
    request: fn() -> Request<Body>,
    time: Duration,
) -> Result<(u64, Duration), Failure>
where
    S: Service<Request<Body>, Response: Send, Error = Infallible, Future: Send> + Clone + Send + 'static,
    S::Response: Answered,
{
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let service = service.clone();
        clients.spawn(async move {
            let mut answers = 0_u64;
            while began.elapsed() < time {
                let Ok(answer) = service.clone().oneshot(request()).await;
                // Two who bring one key at the same moment: the second is told that the first is under way.
                if !matches!(answer.status(), StatusCode::CREATED | StatusCode::CONFLICT) {
                    return Err(answer.status().to_string());
                }
                answers += 1;
            }
            Ok(answers)
        });
    }
    let answers = clients.join_all().await.into_iter().sum::<Result<u64, String>>()?;
    Ok((answers, began.elapsed()))
}

/// A response of any body.
trait Answered {
    fn status(&self) -> StatusCode;
}

impl<B> Answered for http::Response<B> {
    fn status(&self) -> StatusCode {
        http::Response::status(self)
    }
}

/// Counts what is asked of a store; each call is one round trip for those that have to travel.
#[derive(Debug)]
struct Counting<T> {
    store: T,
    calls: AtomicU64,
}

impl<T> Counting<T> {
    fn counted(&self) -> &T {
        self.calls.fetch_add(1, Ordering::Relaxed);
        &self.store
    }
}

impl<T: Store> Store for Counting<T> {
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.counted().claim(claim).await
    }

    async fn step(&self, ticket: &Ticket, step: &Step) -> Result<Stepped, StoreError> {
        self.counted().step(ticket, step).await
    }

    async fn invalidate(&self, id: RecordId) -> Result<Invalidated, StoreError> {
        self.counted().invalidate(id).await
    }

    async fn clear(&self) -> Result<u64, StoreError> {
        self.counted().clear().await
    }
}

fn durable(pace: Pace, at_once: u64) -> Result<Vec<Option<f64>>, Failure> {
    let (folder, time) = (Folder::new()?, Duration::from_millis(pace.of(3_000)));
    let syncs = syncs(&folder.0, time)?;
    let store = FjallStore::open(folder.0.join("records"))?;
    let (completions, time) = runtime()?.block_on(complete(&store, at_once, time))?;
    let completions = count(completions) / time.as_secs_f64();
    Ok([completions, syncs, 2.0 * completions / syncs].map(Some).into())
}

/// How often in a second the disk itself takes 4 KiB for good.
pub(super) fn syncs(folder: &Path, time: Duration) -> Result<f64, Failure> {
    let mut file = File::create(folder.join("syncs"))?;
    let (began, mut syncs) = (Instant::now(), 0);
    while began.elapsed() < time {
        file.write_all(&[7; 4_096])?;
        file.sync_data()?;
        syncs += 1;
    }
    Ok(count(syncs) / began.elapsed().as_secs_f64())
}

async fn complete(store: &FjallStore, at_once: u64, time: Duration) -> Result<(u64, Duration), Failure> {
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..at_once {
        let store = store.clone();
        clients.spawn(async move {
            let mut completions = 0_u64;
            while began.elapsed() < time {
                run(&store, 100).await?;
                completions += 1;
            }
            Ok::<_, StoreError>(completions)
        });
    }
    let completions = clients.join_all().await.into_iter().sum::<Result<u64, StoreError>>()?;
    Ok((completions, began.elapsed()))
}

/// Claims a key of its own and completes it.
async fn run(store: &impl Store, bytes: usize) -> Result<(), StoreError> {
    let entropy = Entropy::system();
    let Claimed::Owned(owned) = store.claim(&claim(&entropy)).await? else { return Ok(()) };
    let response = built(StoredResponse::new(201, HeaderList::default(), vec![b'd'; bytes].into()));
    let step = Step::Complete { response: Arc::new(response), retain: DAY };
    store.step(&owned.ticket, &step).await?;
    Ok(())
}

fn weigh(pace: Pace, bytes: usize) -> Result<Vec<Option<f64>>, Failure> {
    let (store, records) =
        (MemoryStore::builder().max_records(2_000_000).max_bytes(8 << 30).build()?, pace.of(1_000_000));
    let before = resident()?;
    runtime()?.block_on(async {
        for _ in 0..records {
            run(&store, bytes).await?;
        }
        Ok::<_, StoreError>(())
    })?;
    let after = resident()?;
    Ok([(after - before) * 1e6 / count(records), count(store.occupancy().bytes) / count(records)]
        .map(Some)
        .into())
}

pub(super) fn runtime() -> Result<Runtime, Failure> {
    Ok(Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// A folder that goes when this is dropped.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Result<Self, Failure> {
        let path = env::temp_dir().join(format!("buttress-bench-{}", process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left of it lies among other things that nobody misses.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[expect(clippy::cast_precision_loss, reason = "the counts are far below the 52 bits of a float")]
pub(super) fn count(number: u64) -> f64 {
    number as f64
}
