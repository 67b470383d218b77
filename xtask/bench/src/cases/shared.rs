//! A rate limit that is shared through Redis: what it decides in a second, and how often it has to ask.

use std::sync::Arc;
use std::time::{Duration, Instant};

use buttress_rate_limit::{
    Answer, Claim, Claims, HashKey, KeyHash, Leases, Quota, SharedTier, SharedTierBuilder, Tier,
};
use buttress_redis::RedisStore;
use tokio::runtime;
use tokio::task::JoinSet;

use super::built;
use super::server::{self, Server};
use crate::Failure;
use crate::experiment::{Experiment, Pace, Row};

pub(crate) const REDIS: Experiment = Experiment {
    name: "limit-redis",
    what: "one node over a Redis server on the same machine, tasks that ask all the time",
    heads: &["decisions/s", "round trips per 1,000 decisions", "decisions per round trip", "% admitted"],
    rows: &[
        Row { name: "without leases, one key, 1 task", run: |pace| node(pace, EXACT, 1) },
        Row { name: "without leases, one key, 16 tasks", run: |pace| node(pace, EXACT, 16) },
        Row { name: "without leases, one key, 64 tasks", run: |pace| node(pace, EXACT, 64) },
        Row { name: "with leases, one key, 1 task", run: |pace| node(pace, LEASED, 1) },
        Row { name: "with leases, one key, 16 tasks", run: |pace| node(pace, LEASED, 16) },
        Row { name: "with leases, one key, 64 tasks", run: |pace| node(pace, LEASED, 64) },
        Row { name: "with leases, 1,000 keys in turn, 64 tasks", run: |pace| node(pace, SPREAD, 64) },
        Row {
            name: "with leases, one key that is exhausted, 64 tasks",
            run: |pace| node(pace, EXHAUSTED, 64),
        },
    ],
    floors: &[],
    missing: || (!server::is_installed()).then_some("the program redis-server is not there"),
};

/// What the node is asked for.
#[derive(Clone, Copy)]
struct Load {
    leases: Leases,
    keys: u64,
    quota: Quota,
}

/// As much as a store's clock can tell apart, so that hardly anybody is refused.
const PLENTY: Quota = Quota::per_second(1_000_000).burst(1_000_000_000);

const LEASED: Load = Load { leases: Leases::above(20), keys: 1, quota: PLENTY };
const EXACT: Load = Load { leases: Leases::off(), ..LEASED };
const SPREAD: Load = Load { keys: 1_000, ..LEASED };
const EXHAUSTED: Load = Load { quota: Quota::per_second(100), ..LEASED };

/// Until leases are what the load needs.
const WARM_UP: Duration = Duration::from_millis(500);
const SECRET: &str = "not a secret: the server goes with the process";

fn node(pace: Pace, load: Load, tasks: u64) -> Result<Vec<Option<f64>>, Failure> {
    let server = Server::start()?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = server.connect().await?;
        let tier = Arc::new(patient(SharedTier::builder(store)).leases(load.leases).build()?);
        ask(&tier, load, tasks, WARM_UP).await;
        let before = tier.stats().round_trips;
        let began = Instant::now();
        let answers = ask(&tier, load, tasks, Duration::from_millis(pace.of(3_000))).await;
        let (time, trips) = (began.elapsed(), tier.stats().round_trips - before);
        if tier.stats().degraded > 0 {
            return Err("the server did not answer in time".into());
        }
        let per_second = answers.decided / time.as_secs_f64();
        let admitted = answers.admitted * 100.0 / answers.decided;
        let (per_thousand, per_trip) = (count(trips) * 1e3 / answers.decided, answers.decided / count(trips));
        Ok(vec![Some(per_second), Some(per_thousand), Some(per_trip).filter(|_| trips > 0), Some(admitted)])
    })
}

/// A busy machine is no outage.
fn patient(builder: SharedTierBuilder<RedisStore>) -> SharedTierBuilder<RedisStore> {
    builder.hash_secret(SECRET).nodes(1).time_budget(Duration::from_secs(10))
}

#[derive(Clone, Copy, Default)]
struct Answers {
    decided: f64,
    admitted: f64,
}

async fn ask(tier: &Arc<SharedTier<RedisStore>>, load: Load, tasks: u64, time: Duration) -> Answers {
    let until = Instant::now() + time;
    let mut asking = JoinSet::new();
    for task in 0..tasks {
        asking.spawn(one_task(Arc::clone(tier), load, task, until));
    }
    let answers = asking.join_all().await;
    answers.into_iter().fold(Answers::default(), |all, one| Answers {
        decided: all.decided + one.decided,
        admitted: all.admitted + one.admitted,
    })
}

async fn one_task(tier: Arc<SharedTier<RedisStore>>, load: Load, task: u64, until: Instant) -> Answers {
    let claims: Vec<Claims> = (0..load.keys).map(|key| claims(tier.hash_key(), key, load.quota)).collect();
    let (mut decided, mut admitted) = (0_u64, 0_u64);
    for claims in claims.iter().cycle().skip(usize::try_from(task * load.keys / 64).unwrap_or(0)) {
        let now = tokio::time::Instant::now().into_std();
        if now >= until {
            break;
        }
        let answer = match tier.decide(claims, now) {
            Answer::Now(answer) => answer,
            Answer::Later(answer) => answer.await,
        };
        decided += 1;
        admitted += u64::from(answer.is_ok_and(|verdicts| verdicts.admitted()));
        // As a server does between two requests, so that the tasks of the tier get their turn.
        tokio::task::yield_now().await;
    }
    Answers { decided: count(decided), admitted: count(admitted) }
}

fn claims(hash_key: &HashKey, key: u64, quota: Quota) -> Claims {
    let mut hasher = hash_key.scope("bench");
    hasher.part(&key.to_be_bytes());
    let key: KeyHash = hasher.finish();
    std::iter::once(Claim::new(key, quota, built(quota.rate()), 1)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "the counts are far below the 52 bits of a float")]
fn count(number: u64) -> f64 {
    number as f64
}
