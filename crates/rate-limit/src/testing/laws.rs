use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::{Ask, KeyHash, Quota, Rate, Reply, Store, Take};

/// Checks the laws of [`Store`] against a store, under keys of its own.
///
/// Its quotas are so slow that no unit drips while it runs, so that it may run in real time against a real server.
///
/// # Panics
///
/// With the first law that does not hold.
pub async fn check_store(store: &impl Store) {
    an_empty_call_is_answered(store).await;
    a_burst_is_granted_to_the_unit(store).await;
    all_or_nothing_charges_nobody_when_one_is_denied(store).await;
    a_cost_above_the_burst_is_denied_and_drives_nothing_negative(store).await;
    a_cost_of_zero_looks_without_touching(store).await;
    as_many_as_there_are_is_never_more(store).await;
    what_is_given_back_can_be_taken_again_and_never_more_than_a_burst(store).await;
    a_debt_ends_at_one_allowance(store).await;
    a_key_twice_in_one_call_is_charged_twice(store).await;
    a_shrunken_quota_locks_nobody_out_for_longer_than_its_allowance(store).await;
    the_largest_quota_is_exact(store).await;
}

/// So many units at once, and another one in a day.
fn quota(burst: u64) -> Rate {
    micros(Quota::per_day(1).burst(burst))
}

fn micros(quota: Quota) -> Rate {
    Rate::in_micros(&quota).unwrap_or_else(|error| panic!("{error}"))
}

/// An ask about a key that no run has used.
fn ask(rate: Rate, take: Take) -> Ask {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut hasher = crate::HashKey::random().scope("laws");
    hasher.part(&NEXT.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    let key: KeyHash = hasher.finish();
    Ask { key, scope: key, rate, take }
}

fn again(ask: Ask, take: Take) -> Ask {
    Ask { take, ..ask }
}

async fn call(store: &impl Store, asks: &[Ask]) -> Vec<Reply> {
    let replies = store.decide(asks).await.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(replies.len(), asks.len(), "each ask is answered");
    replies
}

async fn granted(store: &impl Store, ask: Ask) -> u64 {
    call(store, &[ask]).await[0].granted
}

async fn an_empty_call_is_answered(store: &impl Store) {
    assert_eq!(call(store, &[]).await, []);
}

async fn a_burst_is_granted_to_the_unit(store: &impl Store) {
    let one = ask(quota(5), Take::All(2));
    let mut taken = Vec::new();
    for cost in [2, 2, 2, 1, 1] {
        taken.push(granted(store, again(one, Take::All(cost))).await);
    }
    assert_eq!(taken, [2, 2, 0, 1, 0], "a burst of 5");
    let reply = call(store, &[again(one, Take::All(0))]).await[0];
    let allowance = one.rate.allowance();
    assert!(reply.debt <= allowance && reply.debt > allowance - one.rate.interval(), "{reply:?}");
}

async fn all_or_nothing_charges_nobody_when_one_is_denied(store: &impl Store) {
    let (wide, narrow) = (ask(quota(5), Take::All(1)), ask(quota(1), Take::All(1)));
    // Both on one node, so that a cluster must decide them together.
    let narrow = Ask { scope: wide.scope, ..narrow };
    for (asks, expected) in [([wide, narrow], [1, 1]), ([wide, narrow], [0, 0]), ([narrow, wide], [0, 0])] {
        let replies = call(store, &asks).await;
        assert_eq!([replies[0].granted, replies[1].granted], expected);
    }
    assert_eq!(granted(store, again(wide, Take::All(4))).await, 4, "the denied calls charged nothing");
    // And with scopes of their own.
    let (wide, narrow) = (ask(quota(5), Take::All(1)), ask(quota(1), Take::All(1)));
    let _ = call(store, &[narrow]).await;
    for asks in [[wide, narrow], [narrow, wide]] {
        let replies = call(store, &asks).await;
        assert_eq!([replies[0].granted, replies[1].granted], [0, 0]);
    }
    assert_eq!(
        granted(store, again(wide, Take::All(5))).await,
        5,
        "what was denied elsewhere was given back"
    );
}

async fn a_cost_above_the_burst_is_denied_and_drives_nothing_negative(store: &impl Store) {
    let one = ask(quota(3), Take::All(4));
    for cost in [4, u64::MAX, 1 << 60] {
        assert_eq!(granted(store, again(one, Take::All(cost))).await, 0);
    }
    assert_eq!(granted(store, again(one, Take::All(3))).await, 3);
}

async fn a_cost_of_zero_looks_without_touching(store: &impl Store) {
    let one = ask(quota(1), Take::All(0));
    for _ in 0..3 {
        assert_eq!(call(store, &[one]).await[0].debt, 0);
    }
    assert_eq!(granted(store, again(one, Take::All(1))).await, 1);
}

async fn as_many_as_there_are_is_never_more(store: &impl Store) {
    let one = ask(quota(10), Take::UpTo(4));
    let mut taken = Vec::new();
    for want in [4, 4, 4, 4, u64::MAX] {
        taken.push(granted(store, again(one, Take::UpTo(want))).await);
    }
    assert_eq!(taken, [4, 4, 2, 0, 0]);
}

async fn what_is_given_back_can_be_taken_again_and_never_more_than_a_burst(store: &impl Store) {
    let one = ask(quota(4), Take::All(3));
    assert_eq!(granted(store, one).await, 3);
    assert_eq!(granted(store, again(one, Take::Back(2))).await, 0);
    assert_eq!(granted(store, again(one, Take::UpTo(9))).await, 3);
    for units in [4, u64::MAX] {
        let back = again(one, Take::Back(units));
        assert_eq!(call(store, &[back, back]).await[1].debt, 0);
        assert_eq!(granted(store, again(one, Take::UpTo(9))).await, 4);
    }
}

async fn a_debt_ends_at_one_allowance(store: &impl Store) {
    let one = ask(quota(5), Take::Charge(3));
    let mut charged = Vec::new();
    for units in [3, 3, 3] {
        charged.push(granted(store, again(one, Take::Charge(units))).await);
    }
    assert_eq!(charged, [3, 2, 0]);
}

async fn a_key_twice_in_one_call_is_charged_twice(store: &impl Store) {
    let one = ask(quota(5), Take::All(2));
    let replies = call(store, &[one, one]).await;
    assert_eq!([replies[0].granted, replies[1].granted], [2, 2]);
    let replies = call(store, &[one, one]).await;
    assert_eq!([replies[0].granted, replies[1].granted], [0, 0], "one is left, and two times two are wanted");
    assert_eq!(granted(store, again(one, Take::UpTo(9))).await, 1);
}

async fn a_shrunken_quota_locks_nobody_out_for_longer_than_its_allowance(store: &impl Store) {
    let large = ask(quota(1_000), Take::All(1_000));
    let small = Ask { rate: micros(Quota::per_hour(2)), ..large };
    let _ = call(store, &[large]).await;
    let hour = micros_of(Duration::from_secs(3_600));
    assert_eq!(call(store, &[small]).await[0].debt, hour, "denied, and brought down");
    assert!(call(store, &[again(large, Take::All(0))]).await[0].debt <= hour, "that is what was stored");
}

async fn the_largest_quota_is_exact(store: &impl Store) {
    let longest = ask(micros(Quota::per(1, Quota::LONGEST)), Take::All(1));
    assert_eq!(granted(store, longest).await, 1);
    assert_eq!(granted(store, longest).await, 0);
    let many =
        ask(micros(Quota::per(1_000_000, Duration::from_secs(86_400)).burst(1_000_000)), Take::UpTo(1));
    assert_eq!(granted(store, again(many, Take::UpTo(999_999))).await, 999_999);
    let reply = call(store, &[again(many, Take::All(1))]).await[0];
    assert_eq!(reply.granted, 1);
}

fn micros_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
