//! What responses say about limits.

use std::time::{Duration, SystemTime};

use buttress_core::{Kind, WallClock};
use buttress_http::AsProblem;
use buttress_rate_limit::{Fields, Http, Policy, Quota, RateLimitBuilder, RateLimitLayer, key};
use buttress_testkit::clock::advance;
use buttress_testkit::message::{self, Answer};
use buttress_testkit::{Reply, Strict};
use http::{HeaderName, StatusCode};
use proptest::prelude::*;
use serde_json::json;
use tower::Layer;

use crate::web::{
    Inner, answering, document, fine, from, in_all, limited, lines, per_address, statuses, with,
};

const SECOND: Duration = Duration::from_secs(1);

fn told(answer: &Answer) -> (Vec<&str>, Vec<&str>) {
    (lines(answer, "ratelimit-policy"), lines(answer, "ratelimit"))
}

#[tokio::test(start_paused = true)]
async fn every_answer_says_what_is_left_and_when_there_is_more() {
    let service = limited([per_address(Quota::per_minute(3))]);
    let policy = vec![r#""per-address";q=3;w=60"#];
    let table = [
        (0, 200, r#""per-address";r=2;t=20"#),
        (0, 200, r#""per-address";r=1;t=20"#),
        (5, 200, r#""per-address";r=0;t=15"#),
        (0, 429, r#""per-address";r=0;t=15"#),
        (14, 429, r#""per-address";r=0;t=1"#),
        (1, 200, r#""per-address";r=0;t=20"#),
    ];
    for (later, status, limit) in table {
        advance(later * SECOND).await;
        let answer = message::send(&service, from("::1")).await;
        assert_eq!((answer.status.as_u16(), told(&answer)), (status, (policy.clone(), vec![limit])));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_spends_nothing_is_told_no_time() {
    let service = limited([in_all(Quota::per_minute(3)).cost(0)]);
    let answer = message::send(&service, from("::1")).await;
    assert_eq!(told(&answer).1, [r#""in-all";r=3"#]);
}

#[tokio::test(start_paused = true)]
async fn windows_are_told_in_whole_seconds_and_bursts_that_differ_are_told() {
    let table = [
        (Quota::per(10, SECOND / 10), r#""in-all";q=100;w=1;buttress-burst=10"#),
        (Quota::per(10, SECOND * 3 / 2), r#""in-all";q=20;w=3;buttress-burst=10"#),
        (Quota::per_hour(50).burst(5), r#""in-all";q=50;w=3600;buttress-burst=5"#),
        (Quota::per_day(7), r#""in-all";q=7;w=86400"#),
    ];
    for (quota, policy) in table {
        let answer = message::send(&limited([in_all(quota)]), from("::1")).await;
        assert_eq!(told(&answer).0, [policy]);
    }
}

/// Truncated, the shortest waits become no wait at all, and every client comes back at once.
#[tokio::test(start_paused = true)]
async fn retry_after_is_rounded_up_and_never_zero_r7_l3() {
    let table = [(1, "1"), (999, "1"), (1_000, "1"), (1_001, "2"), (59_999, "60")];
    for (millis, seconds) in table {
        let service = limited([in_all(Quota::per(1, Duration::from_millis(millis)))]);
        assert_eq!(statuses(&service, [from("::1")]).await, [200]);
        let answer = message::send(&service, from("::1")).await;
        assert_eq!(answer.header("retry-after"), Some(seconds), "{millis} ms");
        assert!(told(&answer).1[0].ends_with(&format!(";t={seconds}")), "{millis} ms");
        advance(Duration::from_millis(millis)).await;
        assert_eq!(statuses(&service, [from("::1")]).await, [200], "the exact wait was enough");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_never_earlier_than_a_time_in_the_field() {
    let service = limited([per_address(Quota::per_second(1)), in_all(Quota::per_hour(5))]);
    assert_eq!(statuses(&service, [from("::1")]).await, [200]);
    let answer = message::send(&service, from("::1")).await;
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(told(&answer).1, [r#""per-address";r=0;t=1, "in-all";r=4"#]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_problem_of_the_registered_type() {
    let service = limited([in_all(Quota::per_minute(1))]);
    statuses(&service, [from("::1")]).await;
    let answer = message::send(&service, from("::1")).await;
    let expected = json!({
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Request cannot be satisfied as assigned quota has been exceeded",
        "status": 429,
        "detail": "too many requests, slow down",
        "code": "rate_limited",
        "retry_after_ms": 60_000,
        "violated-policies": ["in-all"],
    });
    assert_eq!(document(&answer), expected);
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, Some("60")));
    assert_eq!(answer.header("x-should-retry"), None);
}

#[tokio::test(start_paused = true)]
async fn a_cost_beyond_the_burst_is_refused_without_a_time_to_come_back() {
    let service = limited([in_all(Quota::per_minute(10)).cost_by(|_| 11), per_address(Quota::per_minute(5))]);
    let answer = message::send(&service, from("::1")).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, None));
    assert_eq!(answer.header("x-should-retry"), Some("false"));
    let document = document(&answer);
    assert_eq!((&document["retryable"], &document["retry_after_ms"]), (&json!(false), &json!(null)));
    assert_eq!(told(&answer).1, [r#""in-all";r=10, "per-address";r=5"#], "nothing was charged");
}

#[tokio::test(start_paused = true)]
async fn what_the_service_behind_says_of_its_own_limits_is_kept() {
    let inner: Inner = Strict::with(|_, _| {
        let mut response = message::response(StatusCode::OK, "");
        for (name, value) in [
            ("ratelimit", r#""theirs";r=7"#),
            ("ratelimit-policy", r#""theirs";q=9;w=1"#),
            ("x-ratelimit-remaining", "7"),
        ] {
            response.headers_mut().insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        Reply::Ok(response)
    });
    let builder =
        RateLimitLayer::inbound().policy(in_all(Quota::per_minute(3))).fields(Fields::all().with_legacy());
    let layer = builder.build().unwrap();
    let answer = message::send(&layer.layer(inner), from("::1")).await;
    let policies = vec![r#""theirs";q=9;w=1"#, r#""in-all";q=3;w=60"#];
    assert_eq!(told(&answer), (policies, vec![r#""theirs";r=7"#, r#""in-all";r=2;t=20"#]));
    assert_eq!(lines(&answer, "x-ratelimit-remaining"), ["7"]);
    assert_eq!((answer.header("x-ratelimit-limit"), answer.header("x-ratelimit-reset")), (None, None));
}

#[tokio::test(start_paused = true)]
async fn the_older_fields_come_on_request_with_a_unix_time() {
    let wall = WallClock::from_fn(|| SystemTime::UNIX_EPOCH + Duration::from_millis(1_704_067_200_400));
    let builder = RateLimitLayer::inbound().policy(in_all(Quota::per_minute(3)));
    let layer = builder.fields(Fields::none().with_legacy_by(wall)).build().unwrap();
    let service = layer.layer(fine());
    let mut seen = Vec::new();
    for _ in 0..4 {
        let answer = message::send(&service, from("::1")).await;
        let header = |name: &str| answer.header(name).unwrap().to_owned();
        seen.push(
            ["limit", "remaining", "reset"].map(|name| header(&format!("x-ratelimit-{name}"))).join(" "),
        );
        assert_eq!(told(&answer), (vec![], vec![]));
    }
    assert_eq!(seen, ["3 2 1704067221", "3 1 1704067241", "3 0 1704067261", "3 0 1704067261"]);
}

#[tokio::test(start_paused = true)]
async fn only_the_tightest_policy_is_told_where_that_is_asked_for() {
    let policies = [per_address(Quota::per_minute(10)), in_all(Quota::per_hour(2))];
    let builder = policies.into_iter().fold(RateLimitLayer::inbound(), RateLimitBuilder::policy);
    let service = builder.fields(Fields::tightest().with_legacy()).build().unwrap().layer(fine());
    let answer = message::send(&service, from("::1")).await;
    assert_eq!(told(&answer).1, [r#""in-all";r=1;t=1800"#]);
    assert_eq!(answer.header("x-ratelimit-limit"), Some("2"));
    assert_eq!(told(&answer).0, [r#""per-address";q=10;w=60, "in-all";q=2;w=3600"#]);
}

#[tokio::test(start_paused = true)]
async fn a_redirect_with_nothing_left_is_not_told_so() {
    let layer = RateLimitLayer::inbound().policy(in_all(Quota::per_minute(2))).build().unwrap();
    let service = layer.layer(answering(StatusCode::FOUND));
    assert_eq!(told(&message::send(&service, from("::1")).await).1, [r#""in-all";r=1;t=30"#]);
    let answer = message::send(&service, from("::1")).await;
    assert_eq!(told(&answer), (vec![r#""in-all";q=2;w=60"#], vec![]));
}

#[tokio::test(start_paused = true)]
async fn an_outbound_layer_leaves_the_answers_of_others_as_they_are() {
    let layer = RateLimitLayer::outbound().policy(in_all(Quota::per_minute(2))).build().unwrap();
    let service = layer.layer(Strict::with(|_, _: &crate::web::Ask| {
        Reply::<_, buttress_core::BoxError>::Ok(message::response(StatusCode::OK, ""))
    }));
    let answer = message::send(&service, from("::1")).await;
    assert!(answer.headers.is_empty(), "{:?}", answer.headers);
}

#[tokio::test(start_paused = true)]
async fn nothing_that_is_told_or_shown_says_who_is_counted() {
    let secret = "sk-4242424242";
    let policy = Policy::named("per-key").key(key::header(HeaderName::from_static("x-api-key")));
    let builder = RateLimitLayer::inbound()
        .policy(policy.quota(Quota::per_hour(1)))
        .policy(per_address(Quota::per_hour(9)));
    let layer = builder.fields(Fields::all().with_legacy()).build().unwrap();
    let service = layer.layer(fine());
    for _ in 0..2 {
        let answer = message::send(&service, with(from("192.0.2.77"), "x-api-key", secret)).await;
        let shown =
            format!("{answer:?} {} {service:?} {layer:?} {:?}", answer.text(), layer.policy("per-key"));
        assert!(!shown.contains("4242") && !shown.contains("192.0.2.77"), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_may_have_another_status_and_keeps_the_fields() {
    let problem =
        AsProblem::default().with_status(Kind::RateLimited, StatusCode::SERVICE_UNAVAILABLE).unwrap();
    let builder = RateLimitLayer::inbound().policy(in_all(Quota::per_minute(1))).reject_with(problem);
    let service = builder.build().unwrap().layer(fine());
    statuses(&service, [from("::1")]).await;
    let answer = message::send(&service, from("::1")).await;
    assert_eq!((answer.status.as_u16(), told(&answer).1), (503, vec![r#""in-all";r=0;t=60"#]));
}

/// A list of strings with integer parameters (RFC 9651), read by the grammar and by nothing of ours.
fn parse(line: &str) -> Vec<(String, Vec<(String, i64)>)> {
    let mut members = Vec::new();
    for member in line.split(", ") {
        let (name, parameters) = member.strip_prefix('"').unwrap().split_once('"').unwrap();
        assert!(name.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{name}");
        let parameters = parameters.strip_prefix(';').map_or(Vec::new(), |rest| rest.split(';').collect());
        let parameters =
            parameters.into_iter().map(|parameter| {
                let (key, value) = parameter.split_once('=').unwrap();
                let mut bytes = key.bytes();
                assert!(bytes.next().unwrap().is_ascii_lowercase() && value.len() <= 15, "{parameter}");
                assert!(bytes.all(|byte| byte.is_ascii_lowercase()
                    || byte.is_ascii_digit()
                    || b"_-.*".contains(&byte)));
                (key.to_owned(), value.parse().unwrap())
            });
        members.push((name.to_owned(), parameters.collect()));
    }
    members
}

fn any_policy() -> impl Strategy<Value = (String, u64, Duration, u64)> {
    let window = prop_oneof![
        (1_u64..100_000).prop_map(Duration::from_millis),
        (1_u64..40_000_000).prop_map(Duration::from_secs),
        (1_000_000_u64..u64::MAX / 1_000).prop_map(Duration::from_nanos),
    ];
    ("[a-z0-9_-]{1,64}", 1_u64..1_000_000, window, 1_u64..1_000_000)
}

proptest! {
    #[test]
    fn the_fields_can_be_read_back_whatever_the_policies_are(
        asked in proptest::collection::vec(any_policy(), 1..=8), requests in 1..5_usize,
    ) {
        let mut builder = RateLimitLayer::inbound();
        let mut added: Vec<(String, Quota)> = Vec::new();
        for (name, units, window, burst) in asked {
            let quota = Quota::per(units, window).burst(burst);
            if quota.rate().is_ok() && added.iter().all(|(other, _)| *other != name) {
                builder = builder.policy(Policy::<Http>::named(name.as_str()).key(key::everyone()).quota(quota));
                added.push((name, quota));
            }
        }
        prop_assume!(!added.is_empty());
        let service = builder.slots(16).build().unwrap().layer(fine());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        for _ in 0..requests {
            let answer = runtime.block_on(message::send(&service, from("::1")));
            let policies = parse(told(&answer).0[0]);
            let limits = parse(told(&answer).1[0]);
            let retry_after: Option<i64> = answer.header("retry-after").map(|seconds| seconds.parse().unwrap());
            prop_assert_eq!(answer.status == 429, retry_after.is_some());
            prop_assert_eq!(policies.len(), added.len());
            for (((name, quota), policy), limit) in added.iter().zip(policies).zip(limits) {
                prop_assert_eq!((name, name), (&policy.0, &limit.0));
                let parameter = |of: &[(String, i64)], key: &str| of.iter().find(|(name, _)| name == key).map(|(_, value)| *value);
                let (q, w) = (parameter(&policy.1, "q").unwrap(), parameter(&policy.1, "w").unwrap());
                prop_assert!(q >= 1 && w >= 1);
                // Never a higher rate than the quota's, and no lower one than rounding a window up to seconds makes it.
                let told = i128::from(q) * i128::try_from(quota.window().as_nanos()).unwrap();
                let meant = i128::from(quota.units()) * i128::from(w) * 1_000_000_000;
                prop_assert!(told <= meant && meant - told < i128::try_from(quota.window().as_nanos()).unwrap());
                let burst = parameter(&policy.1, "buttress-burst").unwrap_or(q);
                prop_assert_eq!(burst, i64::try_from(quota.burst_units()).unwrap());
                prop_assert!((0..=burst).contains(&parameter(&limit.1, "r").unwrap()));
                if let (Some(t), Some(retry_after)) = (parameter(&limit.1, "t"), retry_after) {
                    prop_assert!(t <= retry_after);
                }
            }
        }
    }
}
