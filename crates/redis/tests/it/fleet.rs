//! Several nodes, with connections of their own, over one server.

use std::time::Duration;

use buttress_rate_limit::{
    Answer, Claim, Claims, HashKey, KeyHash, Quota, SharedTier, SharedTierBuilder, Tier, Unavailable,
    Verdicts,
};
use buttress_redis::RedisStore;

pub(crate) type Node = SharedTier<RedisStore>;

const SECRET: &str = "a secret of sixteen bytes or more";

pub(crate) async fn builder(url: &str) -> SharedTierBuilder<RedisStore> {
    let store = RedisStore::connect(url).await.unwrap();
    SharedTier::builder(store).hash_secret(SECRET).nodes(3)
}

/// A node for which a busy machine is no outage.
pub(crate) async fn patient(url: &str) -> Node {
    let memory = Duration::from_millis(50); // so that what another node gives back is found within the test
    builder(url).await.time_budget(Duration::from_secs(10)).remember_for(memory).build().unwrap()
}

pub(crate) fn key(name: &str) -> KeyHash {
    let mut hasher = HashKey::from_secret(SECRET.as_bytes()).unwrap().scope("policy");
    hasher.part(name.as_bytes());
    hasher.finish()
}

pub(crate) fn claim(name: &str, quota: Quota, cost: u64) -> Claim {
    Claim::new(key(name), quota, quota.rate().unwrap(), cost)
}

pub(crate) async fn decide(
    node: &Node,
    claims: impl IntoIterator<Item = Claim>,
) -> Result<Verdicts, Unavailable> {
    let claims: Claims = claims.into_iter().collect();
    match node.decide(&claims, tokio::time::Instant::now().into_std()) {
        Answer::Now(answer) => answer,
        Answer::Later(answer) => answer.await,
    }
}

pub(crate) async fn ask(node: &Node, name: &str, quota: Quota) -> bool {
    decide(node, [claim(name, quota, 1)]).await.unwrap().admitted()
}
