//! The audit log: what one record costs, and how many a log takes beside what its disk takes.

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use buttress_audit::log::{AuditLog, ChainId, Head, Policy, Then, WhenFull, seal};
use buttress_audit::{Action, Category, Durability, Event, NotRecorded, Outcome, Resource};
use buttress_core::Principal;
use buttress_redact::Redactor;
use tokio::task::JoinSet;

use super::stores::{Folder, count, runtime, syncs};
use crate::Failure;
use crate::budget::Budget;
use crate::drive::operation;
use crate::experiment::{Experiment, Pace, Row};
use crate::subject::{Case, Shared, Subject};

pub(crate) const RECORD: Case = Case {
    name: "audit-record",
    what: "an event of a request: who, what, on which resource, from where, with one detail",
    bare: Subject::bare("made", || operation(|| |_| drop(black_box(event())))),
    rows: &[
        Subject::ours("made, redacted, written as JSON and chained", || records(true))
            .within(Budget::instructions(12_000)),
        Subject::yardstick("of this, without the chain", || records(false)),
    ],
};

pub(crate) const LOG: Experiment = Experiment {
    name: "audit-log",
    what: "events that have their receipt, each caller with one at a time; the disk alone beside it",
    heads: &["events/s", "receipt, median, µs", "receipt, p99, µs", "the disk alone/s", "events for each"],
    rows: &[
        Row { name: "written, 1 at once", run: |pace| record(pace, Durability::Written, 1) },
        Row { name: "written, 64 at once", run: |pace| record(pace, Durability::Written, 64) },
        Row { name: "synced, 1 at once", run: |pace| record(pace, Durability::Synced, 1) },
        Row { name: "synced, 64 at once", run: |pace| record(pace, Durability::Synced, 64) },
        Row { name: "synced, 1,024 at once", run: |pace| record(pace, Durability::Synced, 1_024) },
        Row { name: "tracing-appender, lines handed over, nothing told of them", run: append },
    ],
    floors: &[],
    missing: || None,
};

fn event() -> Event {
    Event::builder(Action::UPDATE)
        .actor(Principal::user("6ba7b810").with_tenant("acme"))
        .resource(Resource::new("deployment", "d-1748"))
        .outcome(Outcome::Success)
        .route("/api/v1/deployments/{id}")
        .path("/api/v1/deployments/d-1748")
        .user_agent("fleetctl/2.4.1")
        .detail("ring", "canary")
        .build()
}

fn records(is_chained: bool) -> Shared {
    operation(move || {
        let (redactor, chain) = (Redactor::default(), ChainId::from_bytes([7; 16]));
        let (mut head, mut line, mut encoded) = (Head::START, Vec::new(), Vec::new());
        move |_| {
            line.clear();
            encoded.clear();
            event().encode(&redactor, &mut encoded);
            if is_chained {
                head = seal(chain, head, &encoded, &mut line);
            }
            black_box((&line, &encoded));
        }
    })
}

/// So many callers record one event after the other.
fn record(pace: Pace, durability: Durability, callers: u64) -> Result<Vec<Option<f64>>, Failure> {
    let (folder, time) = (Folder::new()?, Duration::from_millis(pace.of(3_000)));
    let limit = match durability {
        Durability::Written => writes(&folder.0, time)?,
        _ => syncs(&folder.0, time)?,
    };
    let patient = WhenFull::Block { limit: Duration::from_secs(60), then: Then::FailRequest };
    let builder = AuditLog::builder(folder.0.join("log"));
    let log = builder.policy(Category::Data, Policy::new(durability, patient)).open()?;
    let (mut waits, took) = runtime()?.block_on(run(&log, callers, time))?;
    waits.sort_unstable();
    let at = |share: usize| waits.get((waits.len() * share / 100).min(waits.len().saturating_sub(1)));
    let micros = |share: usize| at(share).map(|wait| wait.as_secs_f64() * 1e6);
    let events = count(u64::try_from(waits.len())?) / took.as_secs_f64();
    Ok(vec![Some(events), micros(50), micros(99), Some(limit), Some(events / limit)])
}

async fn run(log: &AuditLog, callers: u64, time: Duration) -> Result<(Vec<Duration>, Duration), Failure> {
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let log = log.clone();
        tasks.spawn(async move {
            let mut waits = Vec::new();
            while began.elapsed() < time {
                let asked = Instant::now();
                log.record(event()).await?;
                waits.push(asked.elapsed());
            }
            Ok::<_, NotRecorded>(waits)
        });
    }
    let waits = tasks.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    Ok((waits, began.elapsed()))
}

/// A line as long as a record.
fn line() -> Vec<u8> {
    let (mut encoded, mut line) = (Vec::new(), Vec::new());
    event().encode(&Redactor::default(), &mut encoded);
    seal(ChainId::from_bytes([7; 16]), Head::START, &encoded, &mut line);
    line
}

/// How often in a second the operating system takes a line.
fn writes(folder: &Path, time: Duration) -> Result<f64, Failure> {
    let (mut file, line) = (File::create(folder.join("writes"))?, line());
    let (began, mut writes) = (Instant::now(), 0);
    while began.elapsed() < time {
        file.write_all(&line)?;
        writes += 1;
        if writes % 100_000 == 0 {
            // Memory and disk are not to fill up.
            file = File::create(folder.join("writes"))?;
        }
    }
    Ok(count(writes) / began.elapsed().as_secs_f64())
}

/// Events written as JSON and handed to the writer that logs use, until all are in the file.
fn append(pace: Pace) -> Result<Vec<Option<f64>>, Failure> {
    let (folder, time) = (Folder::new()?, Duration::from_millis(pace.of(3_000)));
    let limit = writes(&folder.0, time)?;
    let builder = tracing_appender::non_blocking::NonBlockingBuilder::default().lossy(false);
    let (mut writer, guard) = builder.finish(File::create(folder.0.join("lines"))?);
    let redactor = Redactor::default();
    let (began, mut lines, mut encoded) = (Instant::now(), 0, Vec::new());
    while began.elapsed() < time {
        encoded.clear();
        event().encode(&redactor, &mut encoded);
        encoded.push(b'\n');
        writer.write_all(&encoded)?;
        lines += 1;
    }
    drop(guard);
    let lines = count(lines) / began.elapsed().as_secs_f64();
    Ok(vec![Some(lines), None, None, Some(limit), Some(lines / limit)])
}
