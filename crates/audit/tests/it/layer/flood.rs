//! Requests that are refused, more of them than anybody would read.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;

use axum::Extension;
use buttress_audit::log::{AuditLog, AuditLogBuilder};
use buttress_audit::{Action, AuditHandle, AuditLayer, Changes, Event, Outcome, Rule};
use buttress_core::{BoxError, Kind, Ratio, Refused};
use buttress_http::{AsProblem, PeerAddr};
use buttress_testkit::{Reply, Strict, message};
use http::{Request, Response};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt};

use super::endings::{No, refuses};
use super::handle::says;
use super::{Body, Inner, answers};

const REQUESTS: u64 = 20;

/// A log that records three refusals of a kind each by itself.
fn builder(directory: &Path) -> AuditLogBuilder {
    let builder = AuditLog::builder(directory).disk_low(Ratio::ZERO, 0).disk_critical(Ratio::ZERO);
    builder.refusals_of_all(3)
}

/// What is in a closed log: how many requests have a record of their own, and how many others are told of.
#[derive(Debug)]
struct Told {
    alone: u64,
    counted: u64,
    summaries: Vec<Value>,
}

async fn told(log: AuditLog) -> Told {
    log.close().await;
    let mut told = Told { alone: 0, counted: 0, summaries: Vec::new() };
    let path = log.directory().join("segment-00000000000000000001.jsonl");
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let mut line: Value = serde_json::from_str(line).unwrap();
        let event = line["event"].take();
        told.alone += u64::from(event["request"].is_object() && event["stage"] != "received");
        if event["action"] == "AUDIT_REFUSALS" {
            told.counted += event["details"]["count"].as_u64().unwrap();
            told.summaries.push(event);
        }
    }
    told
}

/// The records that a flood leaves.
async fn flood(rule: Rule, inner: impl Fn() -> Inner) -> Told {
    let directory = tempfile::tempdir().unwrap();
    let log = builder(directory.path()).open().unwrap();
    let layer = AuditLayer::inbound(log.clone()).rule(rule).build().unwrap();
    for _ in 0..REQUESTS {
        let Ok(_) = layer.layer(inner()).oneshot(message::post("/bookings", "x")).await;
    }
    told(log).await
}

#[tokio::test]
async fn what_was_refused_for_one_of_these_reasons_is_told_together() {
    for (status, reason) in [
        (401, "unauthenticated"),
        (403, "forbidden"),
        (407, "denied"),
        (413, "payload_too_large"),
        (429, "rate_limited"),
        (451, "denied"),
    ] {
        let told = flood(Rule::any(), || answers(status)).await;
        assert_eq!((told.alone, told.counted), (3, REQUESTS - 3), "{status}");
        assert_eq!([&told.summaries[0]["reason"], &told.summaries[0]["outcome"]], [reason, "denied"]);
    }
    for (kind, reason, outcome) in
        [(Kind::RateLimited, "rate_limited", "denied"), (Kind::Overloaded, "overloaded", "failure")]
    {
        let told = flood(Rule::any(), || refuses(kind, "own_word")).await;
        assert_eq!((told.alone, told.counted), (3, REQUESTS - 3), "{kind:?}");
        assert_eq!([&told.summaries[0]["reason"], &told.summaries[0]["outcome"]], [reason, outcome]);
    }
}

#[tokio::test]
async fn what_may_have_been_done_has_a_record_of_its_own_however_often() {
    for status in [200, 207, 304, 400, 404, 409, 500, 503, 504] {
        assert_eq!(flood(Rule::any(), || answers(status)).await.alone, REQUESTS, "{status}");
    }
    for kind in Kind::ALL {
        if !matches!(kind, Kind::RateLimited | Kind::Overloaded) {
            assert_eq!(flood(Rule::any(), || refuses(kind, "own_word")).await.alone, REQUESTS, "{kind:?}");
        }
    }
    // A layer that had called what is behind it.
    let after = |kind| {
        move || {
            let refused = move || AsProblem::default().respond(Refused::new(No::after(kind)));
            Strict::with(move |_, _| Reply::Ok(refused()))
        }
    };
    for kind in [Kind::RateLimited, Kind::Overloaded] {
        assert_eq!(flood(Rule::any(), after(kind)).await.alone, REQUESTS, "{kind:?}");
    }
}

#[tokio::test]
async fn a_handler_that_says_what_was_done_is_believed() {
    let flooded = async |status, say: fn(&AuditHandle)| flood(Rule::any(), || says(status, say)).await.alone;
    let changed = flooded(403, |audit| audit.changes(Changes::new().with("/a", 1, 2))).await;
    assert_eq!(changed, REQUESTS, "something was changed");
    let done = flooded(429, |audit| audit.outcome(Outcome::Partial)).await;
    assert_eq!(done, REQUESTS, "something was done");
    let told = flooded(401, |audit| audit.replace(Event::builder(Action::UPDATE).build())).await;
    assert_eq!(told, REQUESTS, "it has an event of its own");
    let login = flooded(401, |audit| audit.action(Action::LOGIN_FAILED)).await;
    assert_eq!(login, REQUESTS, "nothing of this class may happen unrecorded");
    let denied = flooded(403, |audit| {
        audit.outcome(Outcome::Denied);
        audit.reason("no_such_role");
    });
    assert_eq!(denied.await, 3, "it only says why");
}

#[tokio::test]
async fn a_first_record_is_never_without_its_last_one() {
    let login = Rule::any().action(Action::LOGIN);
    for rule in [login, Rule::any().record_received()] {
        let told = flood(rule, || answers(429)).await;
        assert_eq!((told.alone, told.counted), (REQUESTS, 0));
    }
}

#[tokio::test]
async fn what_others_answer_to_a_client_is_recorded_each_time() {
    let directory = tempfile::tempdir().unwrap();
    let log = builder(directory.path()).open().unwrap();
    let layer = AuditLayer::outbound(log.clone()).build().unwrap();
    for _ in 0..REQUESTS {
        let inner: Strict<Request<Body>, Response<Body>, BoxError> =
            Strict::with(|_, _| Reply::Ok(message::response(http::StatusCode::FORBIDDEN, "")));
        layer.layer(inner).oneshot(message::get("/")).await.unwrap();
    }
    assert_eq!(told(log).await.alone, REQUESTS);
}

/// Who floods takes his own share, and those that are told apart are those that the rate limit tells apart.
#[tokio::test]
async fn one_client_does_not_take_the_records_of_another() {
    let directory = tempfile::tempdir().unwrap();
    let log = builder(directory.path()).refusals_of_all(1_000).refusals_of_one(2).open().unwrap();
    let layer = AuditLayer::inbound(log.clone()).build().unwrap();
    for peer in ["[2001:db8::1]:1", "[2001:db8::2]:1", "192.0.2.1:1", "192.0.2.2:1"] {
        for _ in 0..REQUESTS {
            let peer = PeerAddr(peer.parse::<SocketAddr>().unwrap());
            let service = Extension(peer).layer(layer.layer(answers(429)));
            let Ok::<_, Infallible>(_) = service.oneshot(message::get("/")).await;
        }
    }
    let told = told(log).await;
    assert_eq!((told.alone, told.counted), (6, 4 * REQUESTS - 6));
    let by_address = &told.summaries[0]["details"]["by_address"];
    let (one, both) = (REQUESTS - 2, 2 * REQUESTS - 2);
    assert_eq!(by_address, &json!({ "2001:db8::": both, "192.0.2.1": one, "192.0.2.2": one }));
}
