//! Where nothing may happen that is not recorded.

use std::time::Duration;

use buttress_audit::{Action, NotRecorded, Reason, Rule, Stage};
use buttress_core::Mode;
use buttress_http::refused_in;
use buttress_testkit::{Recorder, Reply, Strict, message};
use http::Response;
use http_body_util::BodyExt;

use super::{Body, Inner, answers, end_of, only, read, recorded, send};

fn login() -> Rule {
    Rule::path("/login").action(Action::LOGIN)
}

#[tokio::test(start_paused = true)]
async fn a_request_that_must_be_recorded_has_a_record_before_it_is_handled() {
    let (records, layer) = recorded();
    let layer = layer.rule(login()).build().unwrap();
    let seen = records.clone();
    let inner: Inner = Strict::handling(move |_, _| {
        let before = seen.events();
        assert_eq!(before.len(), 1, "the handler runs behind the first record");
        assert_eq!(before[0].stage(), Stage::Received);
        Reply::Ok(Response::new(Body::default()))
    });
    send(&layer, inner, message::post("/login", "x")).await;
    let all = read(&records);
    assert_eq!(end_of(&all[0]), ("unknown", None, "received"));
    assert_eq!(end_of(&all[1]), ("success", None, "complete"));
    assert_eq!(all[1]["intent_id"], all[0]["id"], "the last record names the first");
    assert_ne!(all[0]["id"], all[1]["id"]);
}

#[tokio::test(start_paused = true)]
async fn a_rule_can_ask_for_the_first_record_of_any_request() {
    let (records, layer) = recorded();
    let layer = layer.rule(Rule::any().record_received()).build().unwrap();
    send(&layer, answers(200), message::get("/")).await;
    let stages: Vec<_> = records.events().iter().map(buttress_audit::Event::stage).collect();
    assert_eq!(stages, [Stage::Received, Stage::Complete]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_recorded_is_not_begun_and_may_be_tried_again() {
    let (records, layer) = recorded();
    let heard = Recorder::new();
    let layer = layer.rule(login()).observer(heard.clone()).build().unwrap();
    let why = NotRecorded::new(Reason::DiskFull).retry_after(Duration::from_millis(1500));
    records.refuse_with(Some(why));
    let inner = answers(200);
    let probe = inner.probe();
    let response = send(&layer, inner, message::post("/login", "x")).await;
    assert_eq!(probe.calls(), 0);
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (503, &"2".parse().unwrap())
    );
    let refused = refused_in(&response).unwrap();
    assert_eq!((refused.code(), refused.reached_inner()), ("audit_unavailable", false));
    assert_eq!(heard.codes(), ["audit_unavailable"]);
    records.refuse(false);
    assert_eq!(send(&layer, answers(200), message::post("/login", "x")).await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_class_that_fails_open_is_also_refused_if_the_log_says_so_and_goes_on_if_it_sheds() {
    let (records, layer) = recorded();
    let heard = Recorder::new();
    let layer = layer.observer(heard.clone()).build().unwrap();
    records.refuse_with(Some(NotRecorded::new(Reason::QueueFull)));
    assert_eq!(send(&layer, answers(200), message::get("/")).await.status(), 503);
    records.refuse_with(Some(NotRecorded::new(Reason::QueueFull).shed()));
    assert_eq!(send(&layer, answers(200), message::get("/")).await.status(), 200);
    assert_eq!(heard.codes(), ["audit_unavailable", "audit_lost"]);
    assert_eq!(read(&records).len(), 0);
}

/// An answer that a client has seen is backed by a record: a token must not be handed out of which no log knows.
#[tokio::test(start_paused = true)]
async fn an_answer_whose_record_failed_is_kept_back_and_must_not_be_asked_for_again() {
    let (records, layer) = recorded();
    let heard = Recorder::new();
    let layer = layer.rule(login()).observer(heard.clone()).build().unwrap();
    let broken = records.clone();
    let inner: Inner = Strict::handling(move |_, _| {
        broken.fail_with(Some(NotRecorded::new(Reason::Failed)));
        Reply::Ok(message::response(http::StatusCode::OK, "the token"))
    });
    let response = send(&layer, inner, message::post("/login", "x")).await;
    assert_eq!(response.status(), 500);
    assert_eq!(response.headers()["x-should-retry"], "false");
    assert!(response.headers().get("retry-after").is_none());
    let refused = refused_in(&response).unwrap();
    assert_eq!((refused.code(), refused.reached_inner()), ("audit_incomplete", true));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(!String::from_utf8_lossy(&body).contains("token"));
    assert_eq!(heard.codes(), ["audit_incomplete"]);
    assert_eq!(end_of(&only(&records)).2, "received", "the first record is what remains");
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_a_class_that_fails_open_goes_out_without_its_record() {
    let (records, layer) = recorded();
    let heard = Recorder::new();
    let layer = layer.observer(heard.clone()).build().unwrap();
    records.fail_with(Some(NotRecorded::new(Reason::Failed)));
    assert_eq!(send(&layer, answers(200), message::get("/")).await.status(), 200);
    assert_eq!(heard.codes(), ["audit_lost"]);
}

#[tokio::test(start_paused = true)]
async fn where_the_first_record_fails_there_is_no_call() {
    let (records, layer) = recorded();
    let layer = layer.rule(login()).build().unwrap();
    records.fail_with(Some(NotRecorded::new(Reason::Failed)));
    let inner = answers(200);
    let probe = inner.probe();
    let response = send(&layer, inner, message::post("/login", "x")).await;
    assert_eq!((response.status().as_u16(), probe.calls()), (503, 0));
    assert_eq!(records.reserved(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_observes_records_and_lets_everything_through() {
    let (records, layer) = recorded();
    let heard = Recorder::new();
    let layer = layer.rule(login()).mode(Mode::Observe).observer(heard.clone()).build().unwrap();
    send(&layer, answers(200), message::post("/login", "x")).await;
    assert_eq!(read(&records).len(), 2);
    records.refuse(true);
    assert_eq!(send(&layer, answers(200), message::post("/login", "x")).await.status(), 200);
    records.refuse(false);
    records.fail_with(Some(NotRecorded::new(Reason::Failed)));
    assert_eq!(send(&layer, answers(200), message::post("/login", "x")).await.status(), 200);
    assert_eq!(heard.codes(), ["audit_unavailable", "audit_unavailable", "audit_incomplete"]);
    layer.mode().set(Mode::Off);
    records.fail_with(None);
    send(&layer, answers(200), message::post("/login", "x")).await;
    assert_eq!(read(&records).len(), 2, "off records nothing");
}
