//! A decision allocates nothing, whoever asks and whatever the answer is.

use buttress_rate_limit::{Claim, Claims, HashKey, LocalTier, Quota, RateLimiter, Table, Tier};
use buttress_testkit::allocations_during;

const QUOTA: Quota = Quota::per_second(10);

fn allocations(mut act: impl FnMut(u64)) -> u64 {
    allocations_during(|| (0..1_000).for_each(&mut act)).1.count
}

#[test]
fn no_decision_of_a_table_allocates_whether_keys_stay_or_are_flooded_out() {
    let (table, rate, scope) = (Table::new(64), QUOTA.rate().unwrap(), HashKey::random().scope("p"));
    let decide = |number: u64| {
        let mut hasher = scope.clone();
        hasher.part(&number.to_le_bytes());
        let _ = table.decide(hasher.finish(), 1 << 62, rate, 1);
    };
    assert_eq!((allocations(|_| decide(0)), allocations(decide)), (0, 0));
    assert!(table.occupancy(1 << 62).evicted > 0);
}

#[test]
fn no_decision_about_several_claims_allocates() {
    let (tier, now) = (LocalTier::new(1_024).unwrap(), tokio::time::Instant::now().into_std());
    let keys = ["a", "b", "c"].map(|policy| tier.hash_key().scope(policy).finish());
    let claims: Claims =
        keys.map(|key| Claim::new(key, QUOTA, QUOTA.rate().unwrap(), 1)).into_iter().collect();
    assert_eq!(allocations(|_| drop(tier.decide_all(&claims, now))), 0);
}

#[test]
fn no_check_of_a_limiter_allocates_admitted_or_denied() {
    let (one, two) = (
        RateLimiter::builder().quota(QUOTA).slots(1_024).build().unwrap(),
        RateLimiter::builder().quota(QUOTA).named("hour", Quota::per_hour(100)).slots(1_024).build().unwrap(),
    );
    let check = |limiter: &RateLimiter| allocations(|_| drop(limiter.check("203.0.113.77")));
    assert_eq!((check(&one), check(&two)), (0, 0));
}
