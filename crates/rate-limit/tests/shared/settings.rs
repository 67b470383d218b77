use std::time::Duration;

use buttress_rate_limit::testing::MemoryStore;
use buttress_rate_limit::{SharedTier, Tier};

use crate::fleet::{builder, node};

#[tokio::test(start_paused = true)]
async fn every_setting_that_cannot_be_used_is_named_at_once() {
    let broken = SharedTier::builder(MemoryStore::default())
        .time_budget(Duration::ZERO)
        .remember_for(Duration::from_secs(4_000))
        .keys(7)
        .slots(0);
    assert_eq!(
        broken.build().unwrap_err().to_string(),
        "rate limit: hash_secret is 0 bytes, allowed: 16 bytes or more; \
         rate limit: nodes is 0, allowed: 1 to 10000, the processes that share the limits; \
         rate limit: time_budget is 0ns, allowed: 1 ms to 10 s; \
         rate limit: remember_for is 4000s, allowed: 0 to 1 hour; \
         rate limit: keys is 7, allowed: 8 to 1048576; \
         rate limit: slots is 0, allowed: 1 to 268435456 slots",
    );
}

#[tokio::test(start_paused = true)]
async fn nodes_with_one_secret_mean_the_same_keys_and_show_it_nowhere() {
    let store = MemoryStore::default();
    let (one, other) = (node(&store), node(&store));
    let stranger = builder(&store).hash_secret("quite another secret").build().unwrap();
    let hash = |tier: &dyn Tier| tier.hash_key().scope("policy").finish();
    assert_eq!(hash(&one), hash(&other));
    assert_ne!(hash(&one), hash(&stranger));
    assert!(!format!("{one:?} {:?}", builder(&store)).contains("secret"));
}

#[test]
fn tiers_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<SharedTier<MemoryStore>>();
}
