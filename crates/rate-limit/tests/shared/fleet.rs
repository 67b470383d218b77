//! Several nodes over one store, as processes would be.

use std::time::Duration;

use buttress_rate_limit::testing::MemoryStore;
use buttress_rate_limit::{
    Answer, Claim, Claims, Fate, HashKey, KeyHash, Quota, SharedTier, SharedTierBuilder, Tier, Unavailable,
    Verdicts,
};
use buttress_testkit::clock;

pub(crate) const SECRET: &str = "a secret of sixteen bytes or more";

pub(crate) type Node = SharedTier<MemoryStore>;

pub(crate) fn builder(store: &MemoryStore) -> SharedTierBuilder<MemoryStore> {
    SharedTier::builder(store.clone()).hash_secret(SECRET).nodes(3)
}

pub(crate) fn node(store: &MemoryStore) -> Node {
    builder(store).build().unwrap()
}

pub(crate) fn key(name: &str) -> KeyHash {
    let mut hasher = HashKey::from_secret(SECRET.as_bytes()).unwrap().scope("policy");
    hasher.part(name.as_bytes());
    hasher.finish()
}

pub(crate) fn claim(name: &str, quota: Quota, cost: u64) -> Claim {
    Claim::new(key(name), quota, quota.rate().unwrap(), cost)
}

pub(crate) fn claims(of: impl IntoIterator<Item = Claim>) -> Claims {
    of.into_iter().collect()
}

/// Whether the answer came at once, and what it was.
pub(crate) async fn decide(node: &Node, claims: &Claims) -> (bool, Result<Verdicts, Unavailable>) {
    match node.decide(claims, tokio::time::Instant::now().into_std()) {
        Answer::Now(answer) => (true, answer),
        Answer::Later(answer) => (false, answer.await),
    }
}

/// Asks for one key; whether it was admitted.
pub(crate) async fn ask(node: &Node, name: &str, quota: Quota, cost: u64) -> bool {
    decide(node, &claims([claim(name, quota, cost)])).await.1.is_ok_and(|verdicts| verdicts.admitted())
}

pub(crate) async fn fate(node: &Node, name: &str, quota: Quota, cost: u64) -> Fate {
    decide(node, &claims([claim(name, quota, cost)])).await.1.unwrap().positions[0].fate
}

/// Asks once every so often, and lets the tasks in the background run in between; how many were admitted.
pub(crate) async fn hammer(node: &Node, name: &str, quota: Quota, every: Duration, times: u64) -> u64 {
    let mut admitted = 0;
    for _ in 0..times {
        admitted += u64::from(ask(node, name, quota, 1).await);
        clock::advance(every).await;
    }
    admitted
}
