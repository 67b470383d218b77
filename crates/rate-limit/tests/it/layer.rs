//! The layer around a service, and its handles.

use std::sync::Arc;
use std::time::Duration;

use buttress_core::{BoxError, Refused};
use buttress_rate_limit::{Plain, Policy, Quota, RateLimitLayer, RateLimited, Settle};
use buttress_testkit::clock::advance;
use buttress_testkit::{Recorder, Reply, Strict, message};
use tower::{Layer, Service, ServiceExt};

use crate::web::{fine, from, in_all, limited, per_address, statuses};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn each_key_has_its_burst_and_then_its_rate() {
    let service = limited([per_address(Quota::per_second(2))]);
    assert_eq!(statuses(&service, ["192.0.2.1"; 3].map(from)).await, [200, 200, 429]);
    assert_eq!(statuses(&service, ["192.0.2.2"; 3].map(from)).await, [200, 200, 429]);
    advance(SECOND / 2).await;
    assert_eq!(statuses(&service, ["192.0.2.1"; 2].map(from)).await, [200, 429]);
    advance(3_600 * SECOND).await;
    assert_eq!(
        statuses(&service, ["192.0.2.1"; 3].map(from)).await,
        [200, 200, 429],
        "a rest saves one burst only"
    );
}

/// In some libraries it is one in five seconds.
#[tokio::test(start_paused = true)]
async fn five_per_second_are_five_in_a_second_r8() {
    let service = limited([in_all(Quota::per_second(5).burst(1))]);
    let mut admitted = 0;
    for _ in 0..100 {
        admitted += usize::from(statuses(&service, [from("::1")]).await == [200]);
        advance(SECOND / 100).await;
    }
    assert_eq!(admitted, 5);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_leaves_the_inner_service_ready_and_alone_l10() {
    let inner = fine();
    let probe = inner.probe();
    let layer = RateLimitLayer::inbound().policy(in_all(Quota::per_hour(1))).build().unwrap();
    let mut service = layer.layer(inner);
    for _ in 0..3 {
        service.ready().await.unwrap().call(from("::1")).await.unwrap();
    }
    let counts = probe.counts();
    assert_eq!((counts.calls, counts.permits_held, counts.clones), (1, 1, 0), "{counts:?}");
    probe.assert_kept();
}

#[tokio::test(start_paused = true)]
async fn a_quota_can_be_changed_for_every_service_that_is_there_already_r25() {
    let layer = RateLimitLayer::inbound().policy(per_address(Quota::per_hour(1))).build().unwrap();
    let (one, other) = (layer.layer(fine()), layer.clone().layer(fine()));
    assert_eq!(statuses(&one, ["::1"; 2].map(from)).await, [200, 429]);
    let policy = layer.policy("per-address").unwrap();
    policy.set_quota(Quota::per_hour(3)).unwrap();
    assert_eq!(policy.quota(), Quota::per_hour(3));
    assert_eq!(statuses(&one, ["::2:0:0:0:0"; 4].map(from)).await, [200, 200, 200, 429]);
    assert_eq!(statuses(&other, ["::3:0:0:0:0"; 4].map(from)).await, [200, 200, 200, 429]);
    let answer = message::send(&other, from("::4:0:0:0:0")).await;
    assert_eq!(answer.header("ratelimit-policy"), Some(r#""per-address";q=3;w=3600"#));
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_not_valid_leaves_the_old_one_in_force() {
    let layer = RateLimitLayer::inbound().policy(per_address(Quota::per_hour(1))).build().unwrap();
    let policy = layer.policy("per-address").unwrap();
    let error = policy.set_quota(Quota::per_hour(0)).unwrap_err();
    assert!(error.to_string().contains("per-address.quota.units is 0, allowed: 1 or more"), "{error}");
    assert_eq!(policy.quota(), Quota::per_hour(1));
    assert_eq!(statuses(&layer.layer(fine()), ["::1"; 2].map(from)).await, [200, 429]);
}

/// Everybody would be refused, and told that no wait helps.
#[tokio::test(start_paused = true)]
async fn a_burst_below_the_cost_is_not_put_in_force() {
    let policy = per_address(Quota::per_hour(5)).cost(5);
    let layer = RateLimitLayer::inbound().policy(policy).build().unwrap();
    let policy = layer.policy("per-address").unwrap();
    let error = policy.set_quota(Quota::per_hour(9).burst(4)).unwrap_err();
    assert_eq!(error.to_string(), "rate-limit: per-address.cost is 5, allowed: 0 to 4 units, the burst");
    assert_eq!(statuses(&layer.layer(fine()), [from("::1")]).await, [200]);
}

#[tokio::test(start_paused = true)]
async fn a_smaller_quota_locks_nobody_out_for_longer_than_it_takes_to_fill_up() {
    let layer = RateLimitLayer::inbound().policy(in_all(Quota::per_hour(100))).build().unwrap();
    let service = layer.layer(fine());
    statuses(&service, (0..100).map(|_| from("::1"))).await;
    layer.policy("in-all").unwrap().set_quota(Quota::per_second(1)).unwrap();
    assert_eq!(statuses(&service, [from("::1")]).await, [429]);
    advance(SECOND).await;
    assert_eq!(statuses(&service, ["::1"; 2].map(from)).await, [200, 429]);
}

#[tokio::test(start_paused = true)]
async fn handles_name_what_is_there_and_nothing_else() {
    let builder =
        RateLimitLayer::inbound().policy(per_address(Quota::per_hour(1))).policy(in_all(Quota::per_hour(9)));
    let layer = builder.slots(64).build().unwrap();
    let names: Vec<_> = layer.policies().map(|policy| policy.name().to_owned()).collect();
    assert_eq!(names, ["per-address", "in-all"]);
    assert!(layer.policy("nobody").is_none());
    assert_eq!((layer.occupancy().slots, layer.occupancy().live), (64, 0));
    statuses(&layer.layer(fine()), [from("::1")]).await;
    assert_eq!(layer.occupancy().live, 2);
    assert_eq!(layer.fresh().occupancy().live, 0);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_layer_keeps_the_quotas_and_modes_in_force_and_shares_neither() {
    let layer = RateLimitLayer::inbound().policy(in_all(Quota::per_hour(1))).build().unwrap();
    layer.policy("in-all").unwrap().set_quota(Quota::per_hour(2)).unwrap();
    let fresh = layer.fresh();
    layer.policy("in-all").unwrap().set_quota(Quota::per_hour(7)).unwrap();
    layer.mode().set(buttress_core::Mode::Off);
    assert_eq!(statuses(&fresh.layer(fine()), ["::1"; 3].map(from)).await, [200, 200, 429]);
}

#[tokio::test(start_paused = true)]
async fn anything_that_is_a_service_can_be_limited() {
    type Jobs = Plain<(u8, u64), u64>;
    let recorder = Recorder::new();
    let policy = Policy::<Jobs>::plain("per-queue")
        .key(|(queue, _)| (*queue > 0).then_some([*queue]))
        .cost_by(|(_, size)| *size)
        .settle(|unused| Settle::Refund(*unused))
        .quota(Quota::per_hour(10));
    let builder = RateLimitLayer::plain().policy(policy).exempt(|(queue, _)| *queue == 9);
    let layer = builder.observer(recorder.clone()).build().unwrap();
    // Half of the size is left over.
    let inner: Strict<(u8, u64), u64, BoxError> = Strict::with(|_, (_, size)| Reply::Ok(size / 2));
    let service = layer.layer(inner);
    let call = |job| service.clone().oneshot(job);
    assert_eq!(call((1, 8)).await.unwrap(), 4);
    assert_eq!(call((1, 6)).await.unwrap(), 3, "4 of 8 were given back");
    let error = call((1, 4)).await.unwrap_err();
    let refused = Refused::in_error(&error).unwrap();
    assert!(refused.downcast_ref::<RateLimited>().is_some());
    assert!(call((0, 1)).await.is_err_and(|error| {
        Refused::in_error(&error).is_some_and(|refused| refused.code() == "rate_limit_key_missing")
    }));
    assert!(call((9, 1_000)).await.is_ok());
    assert_eq!(recorder.codes(), ["rate_limited", "rate_limit_key_missing"]);
    assert!(
        recorder.entries().iter().all(|entry| &*entry.instance == "per-queue" && entry.layer == "rate-limit")
    );
}

#[tokio::test(start_paused = true)]
async fn sixty_four_tasks_get_exactly_the_burst() {
    let layer = RateLimitLayer::inbound().policy(in_all(Quota::per_day(1_000))).build().unwrap();
    let service = Arc::new(layer.layer(fine()));
    let tasks = (0..64).map(|_| {
        let service = Arc::clone(&service);
        async move { statuses(&service, (0..50).map(|_| from("::1"))).await }
    });
    let mut set = tokio::task::JoinSet::new();
    for task in tasks {
        set.spawn(task);
    }
    let admitted = set.join_all().await.concat().into_iter().filter(|status| *status == 200).count();
    assert_eq!(admitted, 1_000);
}
