//! What handlers have to say.

use std::time::Duration;

use axum::{Extension, Router, routing::get};
use buttress_audit::{Action, AuditHandle, Changes, Event, Level, Outcome, Resource, Rule, Severity};
use buttress_core::Principal;
use buttress_testkit::{Reply, Strict, message};
use http::{Response, StatusCode};
use serde_json::json;

use super::{Body, Inner, end_of, only, read, recorded, send};

/// Answers with a status, after the handler has spoken.
pub(super) fn says(status: u16, say: impl Fn(&AuditHandle) + Clone + Send + Sync + 'static) -> Inner {
    Strict::handling(move |_, request: http::Request<Body>| {
        let handle = request.extensions().get::<AuditHandle>().unwrap().clone();
        let say = say.clone();
        Reply::run(async move {
            say(&handle);
            Ok(Response::builder().status(status).body(Body::default()).unwrap())
        })
    })
}

#[tokio::test(start_paused = true)]
async fn a_handler_adds_what_it_knows() {
    let (records, layer) = recorded();
    let inner = says(200, |audit| {
        audit.resource(Resource::new("booking", "b-17"));
        audit.changes(Changes::new().with("/status", "asked", "confirmed"));
        audit.detail("nights", 1);
        audit.detail("nights", 2);
        audit.detail("password", "hunter2");
        audit.action(Action::APPROVED);
        audit.severity(Severity::High);
        audit.route("/bookings/{id}");
        audit.message("confirmed by phone");
        audit.actor(Principal::service("desk"));
    });
    send(&layer.build().unwrap(), inner, message::post("/bookings/b-17", "x")).await;
    let record = only(&records);
    assert_eq!(record["resource"], json!({"type": "booking", "id": "b-17"}));
    assert_eq!(record["changes"], json!([{"path": "/status", "from": "asked", "to": "confirmed"}]));
    assert_eq!(record["details"], json!({"nights": 2, "password": "***REDACTED***"}));
    let words = ["action", "category", "severity", "message"].map(|key| record[key].as_str().unwrap());
    assert_eq!(words, ["APPROVED", "financial", "high", "confirmed by phone"]);
    assert_eq!(
        (&record["actor"]["id"], &record["request"]["route"]),
        (&json!("desk"), &json!("/bookings/{id}"))
    );
    assert_eq!(record["redaction"], json!({"names": 1, "values": 0, "truncated": 0}));
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_believed_unless_what_was_seen_outweighs_it() {
    let denied = |audit: &AuditHandle| {
        audit.outcome(Outcome::Denied);
        audit.reason("four_eyes");
    };
    let done = |audit: &AuditHandle| audit.outcome(Outcome::Success);
    let (records, layer) = recorded();
    let layer = layer.build().unwrap();
    send(&layer, says(200, denied), message::get("/")).await;
    send(&layer, says(404, done), message::get("/")).await;
    send(&layer, says(500, done), message::get("/")).await;
    let all = read(&records);
    assert_eq!(end_of(&all[0]), ("denied", Some("four_eyes"), "complete"));
    assert_eq!(end_of(&all[1]), ("success", None, "complete"), "deleting what is gone may be success");
    assert_eq!(end_of(&all[2]), ("failure", Some("status_500"), "complete"));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_spoke_and_was_cancelled_is_not_taken_at_its_word() {
    let (records, layer) = recorded();
    let layer = layer.build().unwrap();
    let inner: Inner = Strict::handling(|_, request: http::Request<Body>| {
        let audit = request.extensions().get::<AuditHandle>().unwrap().clone();
        Reply::run(async move {
            audit.outcome(Outcome::Success);
            audit.detail("step", "begun");
            std::future::pending().await
        })
    });
    {
        let mut call = tokio_test::task::spawn(send(&layer, inner, message::get("/")));
        assert!(call.poll().is_pending());
    }
    let record = only(&records);
    assert_eq!(end_of(&record), ("unknown", Some("cancelled"), "cancelled"));
    assert_eq!(record["details"]["step"], "begun");
}

#[tokio::test(start_paused = true)]
async fn a_handlers_own_event_takes_the_place_of_the_layers_and_keeps_what_the_layer_knows() {
    let (records, layer) = recorded();
    let layer = layer.build().unwrap();
    let inner: Inner = Strict::handling(|_, request: http::Request<Body>| {
        let audit = request.extensions().get::<AuditHandle>().unwrap().clone();
        Reply::run(async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let event = Event::builder(Action::REFUND_ISSUED).outcome(Outcome::Partial).detail("euros", 40);
            audit.replace(event.build());
            audit.detail("desk", 7);
            Ok(Response::new(Body::default()))
        })
    });
    send(&layer, inner, message::get("/refunds/3")).await;
    let record = only(&records);
    assert_eq!((&record["action"], &record["outcome"]), (&json!("REFUND_ISSUED"), &json!("partial")));
    assert_eq!(record["details"], json!({"euros": 40, "desk": 7}));
    assert_eq!(
        (&record["request"]["path"], &record["request"]["status"]),
        (&json!("/refunds/3"), &json!(200))
    );
    assert_eq!(record["duration_us"], 5000);
}

/// Nothing that a handler says is dropped because of a rule.
#[tokio::test(start_paused = true)]
async fn a_handler_speaks_up_on_a_route_of_which_nothing_is_recorded() {
    let (records, layer) = recorded();
    let layer = layer.rule(Rule::any().level(Level::None)).build().unwrap();
    send(&layer, says(200, |_| {}), message::get("/")).await;
    assert_eq!(read(&records).len(), 0);
    send(&layer, says(200, |audit| audit.detail("odd", true)), message::get("/")).await;
    assert_eq!(only(&records)["details"], json!({"odd": true}));
    let hangs: Inner = Strict::handling(|_, request: http::Request<Body>| {
        request.extensions().get::<AuditHandle>().unwrap().detail("left", "early");
        Reply::Hang
    });
    {
        let mut call = tokio_test::task::spawn(send(&layer, hangs, message::get("/")));
        assert!(call.poll().is_pending());
    }
    assert_eq!(end_of(&read(&records)[1]), ("unknown", Some("cancelled"), "cancelled"));
}

#[tokio::test(start_paused = true)]
async fn under_axum_the_handle_is_an_extension() {
    let (records, layer) = recorded();
    let confirm = |Extension(audit): Extension<AuditHandle>| async move {
        audit.resource(Resource::new("booking", "b-1"));
        StatusCode::NO_CONTENT
    };
    let router: Router = Router::new().route("/", get(confirm)).layer(layer.build().unwrap());
    assert_eq!(message::statuses(&router, ["/"]).await, [StatusCode::NO_CONTENT]);
    assert_eq!(only(&records)["resource"]["id"], "b-1");
}
