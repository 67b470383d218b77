//! Everything that is measured.

use std::fmt::Debug;

use crate::Failure;
use crate::experiment::{Experiment, Row};
use crate::subject::{Case, Subject};

mod audit;
mod bare;
mod breaker;
mod bulkhead;
mod correlation;
mod draws;
mod flood;
mod idempotency;
mod limit;
mod limit_http;
mod load;
mod log;
mod machine;
mod redact;
mod refusal;
mod retry;
mod server;
mod shared;
pub(crate) mod sockets;
mod stack;
mod stores;
mod throttle;
mod timeout;

/// Every case, in the order of the page.
pub(crate) const ALL: &[Case] = &[
    machine::MACHINE,
    breaker::CLOSED,
    bulkhead::ROOM,
    bulkhead::HTTP,
    refusal::PLAIN,
    refusal::HTTP,
    retry::PLAIN,
    retry::HTTP,
    timeout::READY,
    timeout::HTTP,
    timeout::WAITS,
    correlation::MINTED,
    correlation::ARRIVED,
    limit::ONE_KEY,
    limit::UNIFORM,
    limit::ZIPF,
    limit_http::SILENT,
    limit_http::FIELDS,
    limit_http::REFUSED,
    log::LINE,
    redact::CLEAN,
    redact::SECRETS,
    redact::SHORT,
    redact::LARGE,
    audit::RECORD,
    throttle::AT_ONCE,
    throttle::HTTP,
    idempotency::FIRST,
    idempotency::REPLAY,
    idempotency::STORE,
    stack::PARTS,
    stack::INBOUND,
    stack::OUTBOUND,
];

/// What has a table and measures itself.
pub(crate) const EXPERIMENTS: &[Experiment] = &[
    flood::FLOOD,
    load::LOAD,
    shared::REDIS,
    stores::STORES,
    stores::DURABLE,
    stores::MEMORY,
    audit::LOG,
    sockets::ADDED,
    sockets::OUTBOUND,
];

pub(crate) fn find(name: &str) -> Result<&'static Case, Failure> {
    let case = ALL.iter().find(|case| case.name == name);
    case.ok_or_else(|| format!("no case is called `{name}`; --list names them all").into())
}

pub(crate) fn subject(case: &str, row: usize) -> Result<&'static Subject, Failure> {
    let subject = find(case)?.subjects().nth(row);
    subject.ok_or_else(|| format!("{case} has no row {row}; --list numbers them").into())
}

pub(crate) fn find_experiment(name: &str) -> Result<&'static Experiment, Failure> {
    let experiment = EXPERIMENTS.iter().find(|experiment| experiment.name == name);
    experiment.ok_or_else(|| format!("no experiment is called `{name}`; --list names them all").into())
}

pub(crate) fn row(experiment: &str, row: usize) -> Result<&'static Row, Failure> {
    let found = find_experiment(experiment)?.rows.get(row);
    found.ok_or_else(|| format!("{experiment} has no row {row}; --list numbers them").into())
}

/// A layer whose settings are right.
#[expect(clippy::expect_used, reason = "settings that are wrong are a mistake in this program")]
fn built<T, E: Debug>(layer: Result<T, E>) -> T {
    layer.expect("the settings of a case are right")
}
