//! What becomes of the cost once the response is known.

use buttress_core::BoxError;
use buttress_rate_limit::{Http, Policy, Quota, RateLimitLayer, Settle};
use buttress_testkit::{Reply, Strict, message};
use http::StatusCode;
use tower::{Layer, ServiceExt};

use crate::web::{Ask, Tell, answering, from, in_all, lines, statuses};

async fn admitted_of_ten(policy: Policy<Http>, status: u16) -> usize {
    let layer = RateLimitLayer::inbound().policy(policy).build().unwrap();
    let service = layer.layer(answering(StatusCode::from_u16(status).unwrap()));
    statuses(&service, ["::1"; 10].map(from)).await.iter().filter(|got| **got == status).count()
}

#[tokio::test(start_paused = true)]
async fn strangers_who_fail_to_prove_themselves_use_nothing_up() {
    let policy = || in_all(Quota::per_day(2)).refund_unauthorized();
    for (status, admitted) in [(200, 2), (401, 10), (403, 10), (404, 2), (500, 2)] {
        assert_eq!(admitted_of_ten(policy(), status).await, admitted, "{status}");
        assert_eq!(admitted_of_ten(in_all(Quota::per_day(2)), status).await, 2, "{status} without it");
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_is_given_back_and_never_more_than_was_charged() {
    let policy = || in_all(Quota::per_day(10)).cost(3);
    assert_eq!(admitted_of_ten(policy(), 200).await, 3);
    assert_eq!(admitted_of_ten(policy().settle(|_| Settle::Refund(2)), 200).await, 8);
    assert_eq!(admitted_of_ten(policy().settle(|_| Settle::Keep), 200).await, 3);
    // Every other answer gives everything back, and no units of the others with it.
    let fresh = policy().cost(1).settle(|response| match response.status().as_u16() {
        200 => Settle::Refund(1_000),
        _ => Settle::Keep,
    });
    let layer = RateLimitLayer::inbound().policy(fresh).build().unwrap();
    let flips = Strict::with(|call, _: &Ask| {
        let status = if call % 2 == 0 { StatusCode::OK } else { StatusCode::ACCEPTED };
        Reply::<Tell, std::convert::Infallible>::Ok(message::response(status, ""))
    });
    let service = layer.layer(flips);
    for _ in 0..8 {
        message::send(&service, from("::1")).await;
    }
    assert_eq!(lines(&message::send(&service, from("::1")).await, "ratelimit"), [r#""in-all";r=5;t=8640"#]);
}

#[tokio::test(start_paused = true)]
async fn what_a_response_has_used_is_charged_on_top_up_to_one_burst() {
    #[derive(Clone)]
    struct Tokens(u64);
    let policy = in_all(Quota::per_hour(100)).settle(|response| {
        response.extension::<Tokens>().map_or(Settle::Keep, |tokens| Settle::Charge(tokens.0))
    });
    let layer = RateLimitLayer::inbound().policy(policy).build().unwrap();
    let service = layer.layer(Strict::with(|call, _: &Ask| {
        let mut response = message::response(StatusCode::OK, "");
        response.extensions_mut().insert(Tokens([39, 1_000_000][usize::try_from(call).unwrap()]));
        Reply::<Tell, std::convert::Infallible>::Ok(response)
    }));
    message::send(&service, from("::1")).await;
    let answer = message::send(&service, from("::1")).await;
    assert_eq!(lines(&answer, "ratelimit"), [r#""in-all";r=59;t=36"#], "1 and 39, and 1");
    let answer = message::send(&service, from("::1")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("retry-after")),
        (429, Some("36")),
        "no debt beyond the burst"
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_or_is_left_keeps_what_it_was_given() {
    let policy = in_all(Quota::per_day(10)).settle(|_| Settle::REFUND);
    let layer = RateLimitLayer::outbound().policy(policy).build().unwrap();
    let fails: Strict<Ask, Tell, BoxError> = Strict::with(|call, _| match call {
        0 => Reply::Err("reset".into()),
        1 => Reply::Hang,
        _ => Reply::Ok(message::response(StatusCode::OK, "")),
    });
    let service = layer.layer(fails);
    assert!(service.clone().oneshot(from("::1")).await.is_err());
    let hanging =
        tokio::time::timeout(std::time::Duration::from_secs(1), service.clone().oneshot(from("::1")));
    assert!(hanging.await.is_err());
    let probe = layer.policy("in-all").unwrap();
    assert_eq!(probe.quota(), Quota::per_day(10));
    let mut admitted = 0;
    let strict = RateLimitLayer::outbound().policy(in_all(Quota::per_day(10)));
    drop(strict);
    // Settled calls cost nothing, so what refuses are the two that were not.
    layer.policy("in-all").unwrap().set_quota(Quota::per_day(10).burst(3)).unwrap();
    for _ in 0..5 {
        admitted += usize::from(service.clone().oneshot(from("::1")).await.is_ok());
    }
    assert_eq!(admitted, 5, "one unit is left, and given back each time");
    layer.policy("in-all").unwrap().set_quota(Quota::per_day(10).burst(2)).unwrap();
    assert!(service.clone().oneshot(from("::1")).await.is_err(), "and two are not");
}
