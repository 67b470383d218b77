//! The layer and the log of this crate together.

use std::path::Path;

use buttress_audit::log::{AuditLog, Head, Line};
use buttress_audit::{Action, AuditLayer, Event, Outcome, Rule, Statistics};
use buttress_core::Ratio;
use buttress_redact::Redactor;
use buttress_testkit::{Reply, Strict, message};
use serde_json::Value;
use tower::{Layer, ServiceExt};

use super::{Inner, answers};

fn open(directory: &Path) -> AuditLog {
    AuditLog::builder(directory).disk_low(Ratio::ZERO, 0).disk_critical(Ratio::ZERO).open().unwrap()
}

/// The events in a log, after every line was checked to continue the one before it.
fn events(directory: &Path) -> Vec<Value> {
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let [segment] = &names.filter(|path| path.to_string_lossy().contains("segment-")).collect::<Vec<_>>()[..]
    else {
        panic!("one segment")
    };
    let text = std::fs::read(segment).unwrap();
    let (mut head, mut events) = (Head::START, Vec::new());
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let line = Line::parse(line).unwrap();
        head = line.follows(&head, line.chain).unwrap();
        events.push(serde_json::from_slice(line.event).unwrap());
    }
    events
}

fn words<'a>(events: &'a [Value], key: &str) -> Vec<&'a str> {
    events.iter().map(|event| event[key].as_str().unwrap()).collect()
}

/// What a client has seen stands on the disk, and the chain holds; so does what it did not stay for.
#[tokio::test]
async fn whatever_became_of_a_request_is_in_the_log_before_anybody_can_know() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let statistics = Statistics::new();
    let login = Rule::path("/login").action(Action::LOGIN);
    let layer = AuditLayer::inbound(statistics.count_in(log.clone())).rule(login).build().unwrap();
    let Ok(_) = layer.clone().layer(answers(401)).oneshot(message::post("/login", "x")).await;
    let on_disk = events(directory.path());
    assert_eq!(words(&on_disk, "action"), ["AUDIT_SEGMENT_OPENED", "LOGIN", "LOGIN"]);
    assert_eq!(words(&on_disk[1..], "outcome"), ["unknown", "denied"]);

    let hangs: Inner = Strict::with(|_, _| Reply::Hang);
    {
        let mut call = tokio_test::task::spawn(layer.layer(hangs).oneshot(message::get("/slow")));
        assert!(call.poll().is_pending());
    }
    log.record(Event::builder(Action::LOGOUT).build()).await.unwrap();
    let on_disk = events(directory.path());
    assert_eq!(words(&on_disk[3..], "action"), ["READ", "LOGOUT"], "in the order in which it happened");
    assert_eq!(words(&on_disk[3..], "stage"), ["cancelled", "complete"]);
    let seen = statistics.snapshot(&Redactor::default());
    assert_eq!((seen.recorded, seen.outcome(Outcome::Denied)), (2, 1));
    log.close().await;
}

#[tokio::test]
async fn a_log_that_is_closed_lets_no_request_in_that_must_be_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let layer = AuditLayer::inbound(log.clone()).rule(Rule::any().action(Action::ADMIN)).build().unwrap();
    log.close().await;
    let inner = answers(200);
    let probe = inner.probe();
    let Ok(response) = layer.layer(inner).oneshot(message::get("/")).await;
    assert_eq!((response.status().as_u16(), probe.calls()), (503, 0));
}
