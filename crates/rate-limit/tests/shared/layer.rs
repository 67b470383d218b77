use std::sync::Arc;
use std::time::Duration;

use buttress_core::{BoxError, Kind, Refused};
use buttress_rate_limit::testing::MemoryStore;
use buttress_rate_limit::{Policy, Quota, RateLimitLayer, Tier, WhenGone};
use buttress_testkit::clock;
use tower::{Layer, ServiceExt, service_fn};

use crate::fleet::builder;

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
