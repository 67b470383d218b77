use std::sync::Arc;
use std::time::Duration;

use buttress_core::{BoxError, Kind, Mode, Refused};
use buttress_rate_limit::testing::MemoryStore;
use buttress_rate_limit::{
    Ask, Plain, Policy, Quota, RateLimitLayer, Reply, Settle, SharedTier, Store, StoreError, Tier, WhenGone,
};
use buttress_testkit::clock;
use parking_lot::Mutex;
use tower::{Layer, ServiceExt, service_fn};

use crate::fleet::{SECRET, builder};

/// One request to a service of its own node; the refusal, if it was refused.
async fn ask(tier: &Arc<dyn Tier>, who: &'static str) -> Option<Refused> {
    let policy = Policy::plain("per-caller").key(|who: &&str| Some(who.to_owned()));
    let layer = RateLimitLayer::<_, _>::plain()
        .policy(policy.quota(Quota::per_day(1).burst(100)))
        .shared(Arc::clone(tier))
        .build()
        .unwrap();
    let service = layer.layer(service_fn(|who: &'static str| async move { Ok::<_, BoxError>(who) }));
    service.oneshot(who).await.err().map(|error| Refused::in_error(&error).expect("a refusal").clone())
}

#[tokio::test(start_paused = true)]
async fn layers_of_several_processes_count_together() {
    let store = MemoryStore::default();
    let tiers: [Arc<dyn Tier>; 2] = [(), ()].map(|()| Arc::new(builder(&store).build().unwrap()) as _);
    let mut admitted = 0;
    for _ in 0..100 {
        for tier in &tiers {
            admitted += u32::from(ask(tier, "one").await.is_none());
        }
        clock::settle().await;
    }
    assert_eq!(admitted, 100);
    assert!(ask(&tiers[0], "another").await.is_none());
}

/// Takes note of which scopes it is asked for together.
#[derive(Debug, Default)]
struct Scopes(MemoryStore, Mutex<Vec<Vec<Ask>>>);

impl Store for Scopes {
    async fn decide(&self, asks: &[Ask]) -> Result<Vec<Reply>, StoreError> {
        self.1.lock().push(asks.to_vec());
        self.0.decide(asks).await
    }
}

#[tokio::test(start_paused = true)]
async fn policies_with_one_scope_are_decided_on_one_server_and_counted_apart_in_each() {
    let tier = Arc::new(SharedTier::builder(Scopes::default()).hash_secret(SECRET).nodes(3).build().unwrap());
    // A user and his tenant, and one count for all.
    let tenant = |who: &&str| who.split('/').next().map(str::to_owned);
    let per_day = Quota::per_day(1).burst(2);
    let layer = RateLimitLayer::<_, _>::plain()
        .policy(
            Policy::plain("user")
                .key(|who: &&str| who.split('/').nth(1).map(str::to_owned))
                .scope(tenant)
                .quota(per_day),
        )
        .policy(Policy::plain("tenant").key(tenant).scope(tenant).quota(Quota::per_day(1).burst(3)))
        .policy(
            Policy::plain("all")
                .everyone()
                .scope(|_: &&str| None::<&str>)
                .quota(Quota::per_day(1).burst(100)),
        )
        .shared(Arc::clone(&tier) as _)
        .build()
        .unwrap();
    let service = layer.layer(service_fn(|who: &'static str| async move { Ok::<_, BoxError>(who) }));
    let mut passed = Vec::new();
    for who in ["a/1", "a/1", "a/1", "b/1", "a/2", "a/3"] {
        passed.push(service.clone().oneshot(who).await.is_ok());
    }
    assert_eq!(passed, [true, true, false, true, true, false]);
    for asks in tier.store().1.lock().iter() {
        let [user, tenant, all] = asks.as_slice() else { panic!("{asks:?}") };
        assert!(user.scope == tenant.scope && user.key != tenant.key, "{asks:?}");
        assert!(all.scope == all.key && all.scope != user.scope, "{asks:?}");
    }
}

/// A policy whose share of a node is one unit.
fn one_each() -> Policy<Plain<&'static str, &'static str>> {
    Policy::plain("enforced").key(|who: &&str| Some(who.to_owned())).quota(Quota::per_day(1).burst(3))
}

#[tokio::test(start_paused = true)]
async fn a_refund_after_the_response_goes_to_the_stand_in_if_it_was_that_which_charged() {
    let store = MemoryStore::default();
    let tier: Arc<dyn Tier> = Arc::new(builder(&store).build().unwrap());
    let layer = RateLimitLayer::<_, _>::plain()
        .policy(one_each().settle(|_: &&str| Settle::REFUND))
        .shared(tier)
        .build()
        .unwrap();
    let slow = layer.layer(service_fn(|who: &'static str| async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Ok::<_, BoxError>(who)
    }));
    store.fail();
    let heals = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        store.heal();
    };
    let (begun, ()) = tokio::join!(slow.clone().oneshot("one"), heals);
    assert!(begun.is_ok());
    store.fail();
    assert!(slow.oneshot("one").await.is_ok(), "the share of this node is whole again");
}

#[tokio::test(start_paused = true)]
async fn what_the_stand_in_charged_goes_back_to_it_when_the_caller_leaves() {
    let store = MemoryStore::default();
    let tier: Arc<dyn Tier> = Arc::new(builder(&store).build().unwrap());
    let observed = Policy::plain("observed").everyone().quota(Quota::per_day(1)).mode(Mode::Observe);
    let layer =
        RateLimitLayer::<_, _>::plain().policy(one_each()).policy(observed).shared(tier).build().unwrap();
    let service = layer.layer(service_fn(|who: &'static str| async move { Ok::<_, BoxError>(who) }));
    let milli = Duration::from_millis(1);
    store.set_latency(10 * milli);
    store.fail();
    let hangs = async {
        tokio::time::sleep(5 * milli).await;
        // The first policy has been asked for, and the second one will be.
        store.hang();
    };
    let (left, ()) = tokio::join!(tokio::time::timeout(20 * milli, service.clone().oneshot("one")), hangs);
    assert!(left.is_err());
    store.fail();
    assert!(service.oneshot("one").await.is_ok(), "the share of this node is whole again");
}

#[tokio::test(start_paused = true)]
async fn a_closed_tier_without_its_store_refuses_as_unavailable() {
    let store = MemoryStore::default();
    store.fail();
    let tier: Arc<dyn Tier> = Arc::new(builder(&store).when_gone(WhenGone::Closed).build().unwrap());
    for _ in 0..8 {
        let refused = ask(&tier, "one").await.expect("nothing passes");
        assert_eq!((refused.code(), refused.kind()), ("rate_limit_unavailable", Kind::Unavailable));
        assert_eq!(refused.retry_after(), Some(Duration::from_secs(1)));
    }
}
