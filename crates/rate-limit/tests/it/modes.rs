//! Enforce, observe, off.

use buttress_core::{Mode, ModeSwitch, Verdict};
use buttress_rate_limit::{Missing, Policy, Quota, RateLimitLayer, key};
use buttress_testkit::{Recorder, message};
use http::HeaderName;
use tower::Layer;

use crate::web::{fine, from, in_all, lines, per_address, statuses};

#[tokio::test(start_paused = true)]
async fn a_layer_that_observes_counts_reports_and_lets_through() {
    let (recorder, mode) = (Recorder::new(), ModeSwitch::new(Mode::Observe));
    let builder = RateLimitLayer::inbound().policy(in_all(Quota::per_hour(2))).mode(mode.clone());
    let layer = builder.observer(recorder.clone()).build().unwrap();
    let service = layer.layer(fine());
    assert_eq!(statuses(&service, ["::1"; 4].map(from)).await, [200; 4]);
    assert_eq!(recorder.verdicts(), [(Verdict::WouldRefuse, "rate_limited"); 2]);
    assert!(message::send(&service, from("::1")).await.headers.is_empty(), "an observer says nothing");
    mode.set(Mode::Enforce);
    assert_eq!(statuses(&service, [from("::1")]).await, [429], "it has counted");
    layer.mode().set(Mode::Off);
    recorder.clear();
    assert_eq!(statuses(&service, ["::1"; 3].map(from)).await, [200; 3]);
    assert!(recorder.entries().is_empty());
    assert_eq!(message::send(&service, from("::1")).await.header("ratelimit"), None);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_observes_neither_refuses_nor_keeps_the_others_from_it() {
    let recorder = Recorder::new();
    let builder = RateLimitLayer::inbound().policy(in_all(Quota::per_hour(1)).mode(Mode::Observe));
    let layer = builder.policy(per_address(Quota::per_hour(3))).observer(recorder.clone()).build().unwrap();
    let service = layer.layer(fine());
    assert_eq!(statuses(&service, ["::1"; 4].map(from)).await, [200, 200, 200, 429]);
    let seen: Vec<_> =
        recorder.entries().iter().map(|entry| (entry.verdict, entry.instance.to_string())).collect();
    let (would, in_all) = (Verdict::WouldRefuse, "in-all".to_owned());
    assert_eq!(
        seen,
        [(would, in_all.clone()), (would, in_all), (Verdict::Refused, "per-address".to_owned())]
    );
    let answer = message::send(&service, from("2001:db8::1")).await;
    assert_eq!(
        lines(&answer, "ratelimit"),
        [r#""per-address";r=2;t=1200"#],
        "the one that observes is not told"
    );
    assert_eq!(lines(&answer, "ratelimit-policy"), [r#""per-address";q=3;w=3600"#]);
}

#[test]
fn another_quota_is_told_once_and_the_same_one_not_at_all() {
    let recorder = Recorder::new();
    let builder = RateLimitLayer::inbound().policy(in_all(Quota::per_hour(1)));
    let policy = builder.observer(recorder.clone()).build().unwrap().policy("in-all").unwrap();
    policy.set_quota(Quota::per_hour(1)).unwrap();
    assert!(policy.set_quota(Quota::per_hour(0)).is_err());
    assert!(recorder.entries().is_empty());
    policy.set_quota(Quota::per_hour(2)).unwrap();
    policy.set_quota(Quota::per_hour(2)).unwrap();
    let told: Vec<_> = recorder
        .entries()
        .iter()
        .map(|entry| (entry.verdict, entry.code, entry.instance.to_string()))
        .collect();
    assert_eq!(told, [(Verdict::Changed, "rate_limit_quota_changed", "in-all".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_policy_can_be_switched_while_requests_come() {
    let layer = RateLimitLayer::inbound().policy(in_all(Quota::per_hour(1))).build().unwrap();
    let service = layer.layer(fine());
    let mode = layer.policy("in-all").unwrap().mode().clone();
    assert_eq!(statuses(&service, ["::1"; 2].map(from)).await, [200, 429]);
    mode.set(Mode::Off);
    assert_eq!(statuses(&service, ["::1"; 2].map(from)).await, [200, 200]);
    mode.set(Mode::Enforce);
    layer.mode().set(Mode::Observe);
    assert_eq!(statuses(&service, [from("::1")]).await, [200], "the layer does less, and has its way");
}

#[tokio::test(start_paused = true)]
async fn a_missing_key_is_only_reported_where_nothing_is_enforced() {
    let recorder = Recorder::new();
    let policy = Policy::named("per-key").key(key::header(HeaderName::from_static("x-api-key")));
    let policy = policy.quota(Quota::per_hour(1)).missing(Missing::RejectAs(401)).mode(Mode::Observe);
    let layer = RateLimitLayer::inbound().policy(policy).observer(recorder.clone()).build().unwrap();
    assert_eq!(statuses(&layer.layer(fine()), [from("::1")]).await, [200]);
    assert_eq!(recorder.verdicts(), [(Verdict::WouldRefuse, "rate_limit_key_missing")]);
}

/// A signal says which policy it was, so that metrics can tell them apart.
#[tokio::test(start_paused = true)]
async fn a_request_that_passes_says_nothing() {
    let recorder = Recorder::new();
    let layer = RateLimitLayer::inbound()
        .policy(in_all(Quota::per_hour(9)))
        .observer(recorder.clone())
        .build()
        .unwrap();
    assert_eq!(statuses(&layer.layer(fine()), ["::1"; 9].map(from)).await, [200; 9]);
    assert!(recorder.entries().is_empty());
}
