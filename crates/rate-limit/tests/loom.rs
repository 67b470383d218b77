//! Every interleaving of two threads that decide about the same keys: neither more nor less is admitted than there is.
#![cfg(buttress_loom)]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test fails by panicking")]

use std::time::Instant;

use buttress_rate_limit::{Claim, Claims, KeyHash, LocalTier, Quota, Rate, Ruling, Table};
use loom::sync::Arc;
use loom::thread;

/// One unit every ten ticks, one at once.
const ONE: Rate = Rate::from_ticks(10, 1);

fn key(bucket: u8, number: u8) -> KeyHash {
    KeyHash::from_bits(u128::from(bucket) << 120 | u128::from(number))
}

/// Looking at a bucket takes more steps than loom expects of a model.
fn model(check: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 100_000;
    builder.preemption_bound = Some(2);
    builder.check(check);
}

fn admits(table: &Table, key: KeyHash) -> bool {
    matches!(table.decide(key, 100, ONE, 1), Ruling::Admit { .. })
}

#[test]
fn threads_that_race_for_one_unit_get_one() {
    model(|| {
        let table = Arc::new(Table::new(16));
        let other = Arc::clone(&table);
        let other = thread::spawn(move || admits(&other, key(0, 1)));
        let mine = admits(&table, key(0, 1));
        assert!(mine ^ other.join().unwrap(), "one and not the other");
        assert_eq!(table.occupancy(100).live, 1, "one key, one slot");
    });
}

#[test]
fn threads_that_race_for_a_new_key_beside_others_give_it_one_slot() {
    model(|| {
        let table = Arc::new(Table::new(16));
        // Whoever looks before the latch and sees nothing thinks of the first slot, so that one is taken.
        assert!(admits(&table, key(0, 3)));
        let other = Arc::clone(&table);
        let other = thread::spawn(move || admits(&other, key(0, 1)));
        let mine = admits(&table, key(0, 1));
        assert!(mine ^ other.join().unwrap(), "one and not the other");
        assert_eq!(table.occupancy(100).live, 2, "one key, one slot");
    });
}

#[test]
fn keys_that_race_into_one_bucket_get_a_slot_each() {
    model(|| {
        let table = Arc::new(Table::new(16));
        let other = Arc::clone(&table);
        let other = thread::spawn(move || admits(&other, key(0, 1)));
        assert!(admits(&table, key(0, 2)));
        assert!(other.join().unwrap());
        assert!(!admits(&table, key(0, 1)) && !admits(&table, key(0, 2)));
    });
}

#[test]
fn claims_in_opposite_order_are_charged_whole_and_wait_for_nobody_in_a_circle() {
    let now = tokio::time::Instant::now().into_std();
    model(move || {
        let tier = LocalTier::new(32).unwrap();
        let quota = Quota::per_second(1);
        let claims = [0, 200].map(|bucket| Claim::new(key(bucket, 1), quota, quota.rate().unwrap(), 1));
        let decide = move |tier: &LocalTier, order: [usize; 2], now: Instant| {
            let claims: Claims = order.into_iter().map(|place| claims[place]).collect();
            tier.decide_all(&claims, now).admitted()
        };
        let other = tier.clone();
        let other = thread::spawn(move || decide(&other, [1, 0], now));
        let mine = decide(&tier, [0, 1], now);
        assert!(mine ^ other.join().unwrap(), "one takes both and the other none");
    });
}
