//! The limiter without Tower and HTTP.

use std::time::Duration;

use buttress_rate_limit::{Quota, RateLimiter, Table};
use tokio::time::advance;

fn limiter(quota: Quota) -> RateLimiter {
    RateLimiter::builder().quota(quota).slots(1_024).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_admitted_at_once_and_then_the_rate_r8() {
    let limiter = limiter(Quota::per_second(5).burst(2));
    assert_eq!(limiter.check("a").unwrap().remaining(), 1);
    let last = limiter.check("a").unwrap();
    assert_eq!(
        (last.remaining(), last.next(), last.full()),
        (0, Duration::from_millis(200), Duration::from_millis(400))
    );
    let mut admitted = 0;
    for _ in 0..100 {
        let denied = limiter.check("a").unwrap_err();
        let wait = denied.retry_after().unwrap();
        assert_eq!(wait, Duration::from_millis(200));
        advance(wait).await;
        admitted += u32::from(limiter.check("a").is_ok());
    }
    assert_eq!(admitted, 100, "the wait is exact: 100 in 20 s");
}

#[tokio::test(start_paused = true)]
async fn all_quotas_are_charged_or_none_and_the_one_that_denies_longest_is_named_l8() {
    let limiter = RateLimiter::builder()
        .quota(Quota::per_second(3))
        .named("minute", Quota::per_minute(4))
        .slots(1_024)
        .build()
        .unwrap();
    for left in [2, 1, 0] {
        assert_eq!(limiter.check("a").unwrap().remaining(), left);
    }
    let denied = limiter.check("a").unwrap_err();
    assert_eq!((denied.quota(), denied.remaining()), ("default", 0));
    assert_eq!(denied.to_string(), "beyond the quota `default`, room in 333.333334ms");
    advance(Duration::from_secs(1)).await;
    assert_eq!(limiter.check("a").unwrap().remaining(), 0);
    let denied = limiter.check_n("a", 2).unwrap_err();
    assert_eq!((denied.quota(), denied.retry_after()), ("minute", Some(Duration::from_secs(29))));
    assert_eq!(limiter.check("b").unwrap().remaining(), 2, "another key is another matter");
}

#[tokio::test(start_paused = true)]
async fn more_than_a_burst_has_no_time_to_come_back_at_r17() {
    let limiter = limiter(Quota::per_second(5));
    let denied = limiter.check_n("a", 6).unwrap_err();
    assert_eq!((denied.quota(), denied.remaining(), denied.retry_after()), ("default", 5, None));
    assert_eq!(denied.to_string(), "beyond the burst of the quota `default`");
    assert!(limiter.check_n("a", 5).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_look_charges_nothing_and_a_refund_gives_back() {
    let limiter = limiter(Quota::per_second(5));
    assert_eq!(limiter.peek("a").remaining(), 5);
    limiter.check_n("a", 4).unwrap();
    assert_eq!((limiter.peek("a").remaining(), limiter.peek("a").remaining()), (1, 1));
    limiter.refund("a", 2);
    assert_eq!(limiter.peek("a").remaining(), 3);
    assert_eq!(limiter.peek("a").full(), Duration::from_millis(400));
}

#[tokio::test(start_paused = true)]
async fn clones_share_what_is_spent_and_a_fresh_one_does_not_l1() {
    let limiter = limiter(Quota::per_second(5));
    let clones: Vec<RateLimiter> = (0..4).map(|_| limiter.clone()).collect();
    let admitted = clones.iter().cycle().take(20).filter(|clone| clone.check("a").is_ok()).count();
    assert_eq!(admitted, 5, "four of them are one limit");
    assert_eq!(limiter.fresh().check("a").unwrap().remaining(), 4);
    assert_eq!(limiter.fresh().occupancy().slots, 1_024);
}

#[tokio::test(start_paused = true)]
async fn another_quota_is_felt_at_the_next_call_and_what_is_spent_stays_spent_r25() {
    let wide = limiter(Quota::per_second(100));
    wide.check_n("a", 50).unwrap();
    let narrow = wide.with_quota("default", Quota::per_second(2)).unwrap();
    assert_eq!(narrow.check("a").unwrap().remaining(), 0, "half of a burst of one second was spent before");
    assert!(narrow.check("a").is_err());
    assert_eq!((narrow.peek("b").remaining(), wide.peek("b").remaining()), (2, 100));
    narrow.check("b").unwrap();
    assert_eq!(wide.peek("b").remaining(), 50);
    let error = wide.with_quota("defualt", Quota::per_second(0)).unwrap_err().to_string();
    assert_eq!(
        error,
        "rate limiter: name is `defualt`, allowed: `default`; \
         rate limiter: quota `defualt`.units is 0, allowed: 1 or more"
    );
}

#[test]
fn settings_that_cannot_be_used_are_all_named_at_once() {
    let error = RateLimiter::builder()
        .named("a", Quota::per_second(0))
        .named("a", Quota::per_second(1).burst(0))
        .slots(15)
        .build()
        .unwrap_err();
    let problems: Vec<_> = error
        .problems()
        .iter()
        .map(|at| format!("{}: {} ({})", at.field(), at.value(), at.allowed()))
        .collect();
    assert_eq!(
        problems,
        [
            "slots: 15 (16 to 268435456)",
            "name: `a` (a name of its own)",
            "quota `a`.units: 0 (1 or more)",
            "quota `a`.burst: 0 (1 or more)",
        ]
    );
}

#[test]
fn a_limiter_has_one_to_eight_quotas() {
    let with = |quotas: u32| {
        let builder = RateLimiter::builder().slots(16);
        (0..quotas)
            .fold(builder, |builder, number| builder.named(number.to_string(), Quota::per_second(1)))
            .build()
    };
    assert!(with(0).is_err() && with(9).is_err());
    assert!(with(1).is_ok() && with(8).is_ok());
}

#[test]
fn occupancy_tells_what_is_live_and_how_much_there_is() {
    let limiter = limiter(Quota::per_hour(5));
    for number in 0..100_u32 {
        limiter.check(number.to_le_bytes()).unwrap();
    }
    let occupancy = limiter.occupancy();
    assert_eq!((occupancy.live, occupancy.slots, occupancy.evicted), (100, 1_024, 0));
    assert_eq!(
        RateLimiter::builder().quota(Quota::per_second(1)).build().unwrap().occupancy().slots,
        Table::DEFAULT_SLOTS
    );
}

#[test]
fn debug_output_tells_the_quotas_and_no_key() {
    let limiter = limiter(Quota::per_second(5));
    limiter.check("alice").unwrap();
    let shown = format!("{limiter:?}");
    assert!(shown.contains("default") && shown.contains("units: 5") && !shown.contains("alice"), "{shown}");
}
