//! Several policies on one request.

use std::time::Duration;

use buttress_core::{Left, Verdict};
use buttress_http::refused_in;
use buttress_rate_limit::{Fields, Http, Policy, Quota, RateLimitBuilder, RateLimitLayer, RateLimited, key};
use buttress_testkit::clock::advance;
use buttress_testkit::{Recorder, message};
use http::HeaderName;
use serde_json::json;
use tower::{Layer, ServiceExt};

use crate::web::{document, fine, from, in_all, limited, lines, per_address, statuses, with};

/// A request that the second policy refuses must not have been charged to the first.
#[tokio::test(start_paused = true)]
async fn what_one_policy_refuses_costs_nothing_in_another_l8_r13() {
    for turned in [false, true] {
        let mut policies = vec![per_address(Quota::per_hour(10)), in_all(Quota::per_second(1))];
        if turned {
            policies.reverse();
        }
        let service = limited(policies);
        assert_eq!(statuses(&service, ["::1"; 6].map(from)).await, [200, 429, 429, 429, 429, 429]);
        advance(Duration::from_secs(1)).await;
        let answer = message::send(&service, from("::1")).await;
        let told = lines(&answer, "ratelimit")[0];
        assert!(told.contains(r#""per-address";r=8"#), "turned {turned}: {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_does_not_push_the_time_of_the_next_admission_away() {
    let service = limited([in_all(Quota::per_minute(1))]);
    assert_eq!(
        statuses(&service, (0..200).map(|_| from("::1")))
            .await
            .iter()
            .filter(|status| **status == 200)
            .count(),
        1
    );
    advance(Duration::from_secs(60)).await;
    assert_eq!(statuses(&service, [from("::1")]).await, [200]);
}

#[tokio::test(start_paused = true)]
async fn every_policy_that_is_violated_is_named_and_the_longest_wait_counts() {
    let recorder = Recorder::new();
    let builder =
        RateLimitLayer::inbound().observer(recorder.clone()).policy(per_address(Quota::per_second(1)));
    let builder = builder.policy(in_all(Quota::per_minute(1)));
    let idle = Policy::named("idle").key(key::everyone()).quota(Quota::per_day(100));
    let service = builder.policy(idle).build().unwrap().layer(fine());
    assert_eq!(statuses(&service, [from("::1")]).await, [200]);
    let response = service.clone().oneshot(from("::1")).await.unwrap();
    let limited = refused_in(&response).unwrap().downcast_ref::<RateLimited>().unwrap().clone();
    assert_eq!(limited.violated().collect::<Vec<_>>(), ["per-address", "in-all"]);
    assert_eq!(limited.wait(), Some(Duration::from_secs(60)));
    let answer = message::send(&service, from("::1")).await;
    assert_eq!(document(&answer)["violated-policies"], json!(["per-address", "in-all"]));
    assert_eq!(answer.header("retry-after"), Some("60"));
    let entry = recorder.entries()[0].clone();
    assert_eq!((&*entry.instance, entry.verdict, entry.code), ("in-all", Verdict::Refused, "rate_limited"));
    assert_eq!(
        entry.left,
        Some(Left::Time(Duration::from_secs(60))),
        "the policy that keeps waiting for longest"
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_key_under_two_policies_is_two_counts() {
    let other = Policy::named("also-per-address").key(key::client_addr()).quota(Quota::per_hour(3));
    let service = limited([per_address(Quota::per_hour(3)), other]);
    assert_eq!(statuses(&service, ["::1"; 4].map(from)).await, [200, 200, 200, 429]);
}

#[tokio::test(start_paused = true)]
async fn a_request_costs_what_its_policy_says() {
    let by_header = |head: &buttress_rate_limit::Head<'_>| {
        head.headers().get("x-cost").map_or(1, |cost| cost.to_str().unwrap().parse().unwrap())
    };
    let service = limited([in_all(Quota::per_hour(10)).cost_by(by_header)]);
    let ask = |cost| with(from("::1"), "x-cost", cost);
    assert_eq!(statuses(&service, ["4", "7", "6", "1", "0"].map(ask)).await, [200, 429, 200, 429, 200]);

    let service = limited([in_all(Quota::per_hour(10)).cost(5)]);
    assert_eq!(statuses(&service, ["::1"; 3].map(from)).await, [200, 200, 429]);

    let per_kilobyte = std::num::NonZeroU64::new(1_000).unwrap();
    let service = limited([in_all(Quota::per_hour(10)).cost_by_content_length(per_kilobyte)]);
    let ask = |length| with(from("::1"), "content-length", length);
    let asked = ["0", "1000", "1001", "6000", "1", "0"].map(ask);
    assert_eq!(statuses(&service, asked).await, [200, 200, 200, 200, 429, 429]);
    assert_eq!(
        statuses(&limited([in_all(Quota::per_hour(1)).cost_by_content_length(per_kilobyte)]), [from("::1")])
            .await,
        [200]
    );
}

#[tokio::test(start_paused = true)]
async fn eight_policies_are_decided_together() {
    let names: Vec<String> = (0..8).map(|number| format!("policy-{number}")).collect();
    let policies = names.iter().map(|name| {
        Policy::named(name.as_str())
            .key(key::header(HeaderName::from_static("x-key")))
            .quota(Quota::per_hour(2))
    });
    let service = limited(policies);
    let ask = || with(from("::1"), "x-key", "one");
    assert_eq!(statuses(&service, [ask(), ask(), ask()]).await, [200, 200, 429]);
    let answer = message::send(&service, ask()).await;
    assert_eq!(document(&answer)["violated-policies"], json!(names));
    assert_eq!(lines(&answer, "ratelimit")[0].split(", ").count(), 8);
}

#[tokio::test(start_paused = true)]
async fn the_longest_wait_counts_wherever_its_policy_stands() {
    let told = |policies: Vec<Policy<Http>>| async move {
        let builder = policies.into_iter().fold(RateLimitLayer::inbound(), RateLimitBuilder::policy);
        let service = builder.fields(Fields::tightest().with_legacy()).build().unwrap().layer(fine());
        message::send(&service, from("::1")).await;
        let answer = message::send(&service, from("::1")).await;
        let of = |name: &str| answer.header(name).unwrap_or("none").to_owned();
        [of("retry-after"), of("x-ratelimit-limit"), of("ratelimit")]
    };
    let (short, long) = (|| per_address(Quota::per_second(2)).cost(2), || in_all(Quota::per_minute(1)));
    let expected = ["60", "1", r#""in-all";r=0;t=60"#];
    assert_eq!(told(vec![short(), long()]).await, expected);
    assert_eq!(told(vec![long(), short()]).await, expected);
    let never = || Policy::named("never").key(key::everyone()).quota(Quota::per_second(3)).cost_by(|_| 4);
    let expected = ["none", "3", r#""never";r=3"#];
    assert_eq!(told(vec![short().cost_by(|_| 3), never()]).await[0], expected[0]);
    for policies in [vec![long(), never()], vec![never(), long()]] {
        assert_eq!(told(policies).await, expected, "of these, one does not end");
    }
}
