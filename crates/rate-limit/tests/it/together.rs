//! Several claims at once: all are charged, or none; and threads that race get exactly what there is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use buttress_rate_limit::{
    Answer, ChargedBy, Claim, Claims, Fate, KeyHash, LocalTier, MAX_POLICIES, Quota, RateLimiter, Tier,
    Verdicts,
};
use proptest::prelude::*;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

fn key(bucket: u8, number: u8) -> KeyHash {
    KeyHash::from_bits(u128::from(bucket) << 120 | u128::from(number) << 32 | 1)
}

fn claim(key: KeyHash, quota: Quota, cost: u64) -> Claim {
    Claim::new(key, quota, quota.rate().unwrap(), cost)
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn decide(tier: &LocalTier, claims: &[Claim], now: Instant) -> Verdicts {
    let claims: Claims = claims.iter().copied().collect();
    match tier.decide(&claims, now) {
        Answer::Now(Ok(verdicts)) => verdicts,
        other => panic!("a local tier answers at once: {other:?}"),
    }
}

fn left(tier: &LocalTier, claim: &Claim, now: Instant) -> u64 {
    tier.peek(claim.key, claim.rate, now).remaining
}

const TEN: Quota = Quota::per_second(10);
const TWO: Quota = Quota::per_second(2);

#[test]
fn a_claim_that_is_denied_leaves_the_others_uncharged_r13_l8() {
    let (tier, now) = (LocalTier::new(1_024).unwrap(), now());
    let (wide, narrow) = (claim(key(0, 1), TEN, 1), claim(key(200, 1), TWO, 1));
    for order in [[wide, narrow], [narrow, wide]] {
        for _ in 0..5 {
            decide(&tier, &order, now);
        }
    }
    assert_eq!((left(&tier, &wide, now), left(&tier, &narrow, now)), (8, 0));

    let refused = decide(&tier, &[wide, narrow], now);
    assert!(!refused.admitted());
    assert_eq!(refused.positions[0].fate, Fate::Admitted, "by itself it would be");
    assert_eq!(refused.positions[0].remaining, 8, "and it says what is really left");
    assert_eq!(refused.positions[1].fate, Fate::Denied { wait: Duration::from_millis(500) });
}

#[test]
fn claims_are_answered_in_the_order_they_were_made() {
    let (tier, now) = (LocalTier::new(1_024).unwrap(), now());
    let claims = [(250, 3), (3, 5), (120, 7), (3, 9)]
        .map(|(bucket, units)| claim(key(bucket, u8::try_from(units).unwrap()), Quota::per_second(units), 1));
    let remaining: Vec<u64> = decide(&tier, &claims, now).positions.iter().map(|at| at.remaining).collect();
    assert_eq!(remaining, [2, 4, 6, 8]);
}

#[test]
fn two_claims_of_one_key_are_decided_as_their_sum() {
    let (tier, now) = (LocalTier::new(16).unwrap(), now());
    let of = |cost| claim(key(0, 1), TEN, cost);
    assert!(!decide(&tier, &[of(6), of(5)], now).admitted());
    assert_eq!(left(&tier, &of(0), now), 10, "a sum that does not fit costs nothing");
    let admitted = decide(&tier, &[of(6), of(4)], now);
    assert!(admitted.admitted());
    assert!(admitted.positions.iter().all(|position| position.remaining == 0), "{admitted:?}");
    assert_eq!(tier.occupancy(now).live, 1, "one key, one slot");
}

#[test]
fn newcomers_of_one_bucket_do_not_push_one_another_out_of_a_decision() {
    let (tier, now) = (LocalTier::new(16).unwrap(), now());
    for number in 0..16 {
        assert!(decide(&tier, &[claim(key(0, number), TEN, 9)], now).admitted());
    }
    let claims: Vec<Claim> = (0..8).map(|number| claim(key(0, 12 + number), TEN, 1)).collect();
    let found = decide(&tier, &claims, now);
    assert_eq!(found.positions.iter().filter(|at| at.fate == Fate::Admitted).count(), 8, "{found:?}");
    for claim in &claims[..4] {
        assert_eq!(left(&tier, claim, now), 0, "the keys that were there paid");
    }
    for claim in &claims[4..] {
        assert!(left(&tier, claim, now) <= 9, "and so did those that came");
    }
}

#[test]
fn no_claims_are_admitted_and_a_look_charges_nothing() {
    let (tier, now) = (LocalTier::new(16).unwrap(), now());
    assert!(decide(&tier, &[], now).admitted());
    assert!(decide(&tier, &[claim(key(0, 1), TEN, 0), claim(key(0, 2), TWO, 0)], now).admitted());
    assert_eq!(tier.occupancy(now).live, 0);
}

#[test]
fn looks_at_keys_that_owe_elsewhere_push_nobody_out() {
    let (tier, now) = (LocalTier::new(16).unwrap(), now());
    for number in 0..40 {
        decide(&tier, &[claim(key(0, number), TEN, 1)], now);
    }
    let evicted = tier.occupancy(now).evicted;
    for number in 40..80 {
        decide(&tier, &[claim(key(0, number), TEN, 0), claim(key(0, number + 100), TEN, 0)], now);
    }
    assert_eq!(tier.occupancy(now).evicted, evicted);
}

#[test]
fn a_refusal_mends_the_times_of_all_keys_after_the_clock_stepped_back() {
    let (tier, now) = (LocalTier::new(1_024).unwrap(), now());
    let (good, bad) = (claim(key(0, 1), TEN, 10), claim(key(200, 1), TWO, 1));
    assert!(decide(&tier, &[good], now + Duration::from_secs(3_600)).admitted());
    decide(&tier, &[bad, bad], now);
    assert!(!decide(&tier, &[good, bad], now).admitted());
    assert_eq!(left(&tier, &good, now + Duration::from_secs(1)), 10, "one allowance later all is well");
}

#[test]
fn a_cost_beyond_one_burst_says_never_and_charges_nothing_r17() {
    let (tier, now) = (LocalTier::new(1_024).unwrap(), now());
    let claims = [claim(key(0, 1), TEN, 3), claim(key(9, 1), TWO, 3)];
    let verdicts = decide(&tier, &claims, now);
    assert_eq!(verdicts.positions[1].fate, Fate::Never);
    assert_eq!(left(&tier, &claims[0], now), 10);
}

#[test]
fn what_is_settled_later_is_charged_up_to_an_allowance_and_refunded_up_to_a_burst() {
    let (tier, now) = (LocalTier::new(16).unwrap(), now());
    let claim = claim(key(0, 1), TEN, 1);
    decide(&tier, &[claim], now);
    assert_eq!(tier.charge(&claim, 12, ChargedBy::Tier, now), 3);
    assert_eq!(left(&tier, &claim, now), 0);
    tier.refund(&claim, 4, ChargedBy::Tier, now);
    assert_eq!(left(&tier, &claim, now), 4);
    tier.refund(&claim, 400, ChargedBy::Tier, now);
    assert_eq!(left(&tier, &claim, now), 10);
}

#[test]
fn an_instant_before_the_tier_began_is_a_time_like_any_other() {
    let hour = Duration::from_secs(3_600);
    let now = now();
    let (tier, claim) = (LocalTier::new(16).unwrap(), claim(key(0, 1), TEN, 10));
    for at in [now + hour, now, now.checked_sub(hour).unwrap_or(now)] {
        let _ = decide(&tier, &[claim], at);
        assert_eq!(left(&tier, &claim, at), 0);
        assert_eq!(left(&tier, &claim, at + Duration::from_secs(1)), 10, "within one allowance");
    }
}

const BURST: u64 = 1_000;
const ROUNDS: u8 = 30;

/// Runs 64 tasks on two threads, which ask in every round for twice as much as there is; what each round admitted.
fn race(ask: impl Fn(usize, u8) -> bool + Send + Sync + 'static) -> Vec<u64> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let ask = Arc::new(ask);
    let together = Arc::new(Barrier::new(64));
    let task = |task| {
        let (ask, together) = (Arc::clone(&ask), Arc::clone(&together));
        async move {
            let mut admitted = Vec::new();
            for round in 0..ROUNDS {
                together.wait().await;
                admitted.push((0..BURST / 32).filter(|_| ask(task, round)).count() as u64);
            }
            admitted
        }
    };
    runtime.block_on(async {
        let tasks: JoinSet<Vec<u64>> = (0..64).map(task).collect();
        let add =
            |sums: Vec<u64>, more: Vec<u64>| sums.iter().zip(more).map(|(sum, more)| sum + more).collect();
        tasks.join_all().await.into_iter().reduce(add).unwrap()
    })
}

#[test]
fn tasks_that_race_for_a_burst_get_exactly_the_burst_r12() {
    let now = now();
    let limiter = RateLimiter::builder().quota(Quota::per_hour(BURST)).build().unwrap();
    let racing = limiter.clone();
    let admitted = race(move |_, round| racing.check_at(round.to_le_bytes(), 1, now).is_ok());
    assert_eq!(admitted, [BURST; ROUNDS as usize]);
    assert!(limiter.check_at(0_u8.to_le_bytes(), 1, now).is_err());
}

/// Each thread reads the clock by itself, so that some are stopped between that and the decision, and come late.
#[test]
fn threads_that_race_over_a_rate_get_no_more_than_the_rate_r12() {
    const THREADS: usize = 16;
    const CALLS: usize = 20_000;
    let two = RateLimiter::builder()
        .named("one", Quota::per_second(BURST))
        .named("two", Quota::per_hour(BURST * BURST));
    for limiter in [RateLimiter::builder().quota(Quota::per_second(BURST)), two].map(|of| of.build().unwrap())
    {
        let begun = now();
        let ask = || (0..CALLS).filter(|_| limiter.check("k").is_ok()).count() as u64;
        let admitted: u64 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        let most = BURST + u64::try_from((now() - begun).as_millis()).unwrap() * BURST / 1_000 + 1;
        assert!(admitted <= most, "{admitted} of {most}");
    }
}

#[test]
fn who_comes_late_with_an_early_time_is_decided_at_the_latest_of_any_key() {
    let (tier, early) = (LocalTier::new(1_024).unwrap(), now());
    let late = early + Duration::from_millis(300);
    let (one, two) = (claim(key(0, 1), TEN, 10), claim(key(200, 1), TEN, 10));
    assert!(decide(&tier, &[one, two], late).admitted());
    let one_each = [one, two].map(|claim| Claim { cost: 1, ..claim });
    assert!(!decide(&tier, &one_each, early).admitted());
    assert!(!decide(&tier, &one_each, late).admitted(), "nothing was given back");
    assert!(decide(&tier, &one_each, late + Duration::from_millis(100)).admitted());
}

#[test]
fn tasks_that_race_over_several_keys_charge_all_of_them_equally_r12_l8() {
    let (now, quota, tier) = (now(), Quota::per_hour(BURST), LocalTier::new(1_024).unwrap());
    let claims = move |round| [8 * round, 8 * round + 4].map(|bucket| claim(key(bucket, round), quota, 1));
    let racing = tier.clone();
    // Half of them name the keys the other way round.
    let admitted = race(move |task, round| {
        let [mine, ours] = claims(round);
        let order = if task % 2 == 0 { [mine, ours] } else { [ours, mine] };
        decide(&racing, &order, now).admitted()
    });
    assert_eq!(admitted, [BURST; ROUNDS as usize]);
    for claim in (0..ROUNDS).flat_map(claims) {
        assert_eq!(left(&tier, &claim, now), 0);
    }
}

proptest! {
    #[test]
    fn claims_together_are_what_a_naive_model_says(
        rounds in prop::collection::vec(
            (prop::collection::vec((0..3_u8, 0..3_u8, 0..5_u64), 0..=MAX_POLICIES), 0..400_u64),
            1..40,
        ),
    ) {
        // Nine keys in three buckets: all fit, so the model is exact.
        let (tier, mut now) = (LocalTier::new(48).unwrap(), now());
        let rate = TEN.rate().unwrap();
        let mut model = [[0_u64; 3]; 3];
        for (asks, later) in rounds {
            now += Duration::from_millis(later);
            let tick = tier.ticks(now);
            let mut after = model;
            let mut all = true;
            for &(bucket, number, cost) in &asks {
                let tat = &mut after[usize::from(bucket)][usize::from(number)];
                let ruling = rate.decide(*tat, tick, cost);
                *tat = ruling.tat();
                all &= matches!(ruling, buttress_rate_limit::Ruling::Admit { .. });
            }
            let of = |(bucket, number, cost): (u8, u8, u64)| claim(key(bucket * 86, number), TEN, cost);
            let claims: Vec<Claim> = asks.iter().map(|ask| of(*ask)).collect();
            prop_assert_eq!(decide(&tier, &claims, now).admitted(), all);
            if all {
                model = after;
            }
            for (bucket, numbers) in (0..).zip(&model) {
                for (number, tat) in (0..).zip(numbers) {
                    let left = left(&tier, &of((bucket, number, 0)), now);
                    prop_assert_eq!(left, rate.standing(*tat, tick).remaining);
                }
            }
        }
    }
}
