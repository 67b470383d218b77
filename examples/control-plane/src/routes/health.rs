use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use buttress::audit::Reason;
use buttress::audit::log::DiskLevel;
use buttress::circuit_breaker::{Snapshot, State};
use buttress::idempotency::{Counts, Event};
use serde::Serialize;
use serde_json::{Value, json};

use super::Shared;
use crate::problem::millis;

/// Alive is a process that answers at all.
pub(super) async fn live() -> Json<Value> {
    Json(json!({ "status": "live" }))
}

/// Ready is a process that can do its work. A connector that is out does not change that: the other one goes on, calls
/// through this one fail at once, and another instance would fare no better. So it is listed, and no reason to take
/// this instance out of the balance. The same holds for the servers that all instances share.
///
/// Not ready is one that would refuse what must be recorded: its audit log is its own, and another instance may have
/// one that works.
pub(super) async fn ready(app: Shared) -> (StatusCode, Json<Value>) {
    let audit = app.audit.status();
    let snapshots = app.connectors.breakers.snapshots();
    let connectors = snapshots.iter().map(|breaker| (breaker.name(), breaker.is_healthy()));
    // Without Redis each instance goes on with its share of the limits.
    let redis = app.shared_limits.iter().map(|limits| ("redis", !limits.stats().down));
    let disk = app.store.is_up().map(|is_up| ("disk", is_up));
    // Without its records, what only reads goes on.
    let records = app.records_server.is_up(app.records.store()).await.map(|is_up| ("idempotency", is_up));
    let is_recorded = audit.refusing.is_none() && !audit.hangs() && audit.level < DiskLevel::Critical;
    let recorded = [("audit", is_recorded)];
    let health: BTreeMap<_, _> = connectors.chain(redis).chain(disk).chain(records).chain(recorded).collect();
    let status = match health.values().all(|&is_up| is_up) {
        true => "ready",
        false if audit.is_ready() => "degraded",
        false => "not_ready",
    };
    let code = if audit.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let dependencies: BTreeMap<_, _> =
        health.into_iter().map(|(name, is_up)| (name, if is_up { "up" } else { "out" })).collect();
    (code, Json(json!({ "status": status, "dependencies": dependencies })))
}

/// How the audit log is, without saying what is in it.
pub(super) async fn audit(app: Shared) -> Json<Value> {
    let status = app.audit.status();
    let totals = status.totals();
    let signed = status.checkpoints.as_ref().map(|checkpoints| checkpoints.signed);
    let made_anew = status.checkpoints.iter().flat_map(|checkpoints| &checkpoints.made_anew);
    let made_anew: Vec<_> = made_anew.map(|made| made.what.as_str()).collect();
    let not_ready: Vec<_> = status.not_ready().iter().map(|category| category.as_str()).collect();
    Json(json!({
        "chain": status.chain.to_string(),
        "head": status.head.seq,
        "synced": status.synced.seq,
        "signed": signed,
        "made_anew": made_anew,
        "queued": status.queued,
        "segments": status.segments,
        "bytes": status.bytes,
        "disk": format!("{:?}", status.level).to_lowercase(),
        "refusing": status.refusing.map(Reason::as_str),
        "not_ready": not_ready,
        "success_rate": app.audit.statistics().success_rate(),
        "events": {
            "emitted": totals.emitted,
            "acknowledged": totals.acknowledged,
            "summarised": totals.summarised,
            "shed": totals.shed,
            "failed": totals.failed,
        },
        "copy": app.audit.copied().map(|copy| json!({
            "state": format!("{:?}", copy.state).to_lowercase(),
            "confirmed": copy.confirmed,
            "lag": copy.lag,
        })),
    }))
}

pub(super) async fn circuit_breakers(app: Shared) -> Json<Breakers> {
    let snapshots = app.connectors.breakers.snapshots();
    Json(Breakers {
        all_healthy: snapshots.iter().all(Snapshot::is_healthy),
        breakers: snapshots
            .iter()
            .map(|breaker| (breaker.name().to_owned(), Breaker::from(breaker)))
            .collect(),
    })
}

/// What became of requests with keys since the start, in all and for each route.
pub(super) async fn idempotency(app: Shared) -> Json<Value> {
    let stats = app.records.stats();
    let endpoints = stats.endpoints();
    let endpoints: BTreeMap<_, _> =
        endpoints.iter().map(|(route, counts)| (&**route, numbers(counts))).collect();
    let totals = stats.totals();
    Json(json!({
        "in_flight": totals.in_flight(),
        "replay_rate": totals.replay_rate(),
        "totals": numbers(&totals),
        "endpoints": endpoints,
    }))
}

/// Each event that has happened, with how often.
fn numbers(counts: &Counts) -> BTreeMap<&'static str, u64> {
    let all = Event::ALL.into_iter().map(|event| (event.name(), counts[event]));
    all.filter(|(_, number)| *number > 0).collect()
}

#[derive(Serialize)]
pub(super) struct Breakers {
    #[serde(flatten)]
    breakers: BTreeMap<String, Breaker>,
    all_healthy: bool,
}

#[derive(Serialize)]
struct Breaker {
    state: &'static str,
    fail_counter: u32,
    fail_max: Option<u32>,
    opened: bool,
    /// In seconds.
    reset_timeout: f64,
    retry_after_ms: Option<u64>,
    times_opened: u64,
    rejected: u64,
    in_flight: usize,
}

impl From<&Snapshot> for Breaker {
    fn from(breaker: &Snapshot) -> Self {
        let counted = breaker.counts().consecutive_failures();
        let fail_max = breaker.consecutive_failures_threshold();
        Self {
            state: breaker.state().as_str(),
            // Opening starts the count anew; here it shows what opened the breaker.
            fail_counter: fail_max.filter(|_| breaker.state() == State::Open).unwrap_or(counted),
            fail_max,
            opened: matches!(breaker.state(), State::Open | State::ForcedOpen),
            reset_timeout: breaker.open_time().as_secs_f64(),
            retry_after_ms: breaker.retry_in().map(millis),
            times_opened: breaker.opened(),
            rejected: breaker.rejected(),
            in_flight: breaker.in_flight(),
        }
    }
}
