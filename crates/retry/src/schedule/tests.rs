use super::*;

const MS: Duration = Duration::from_millis(1);

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn first(fault: Fault) -> Standing {
    Standing {
        fault,
        attempt: Attempt::FIRST,
        previous: Duration::ZERO,
        elapsed: Duration::ZERO,
        remaining: None,
    }
}

fn flat(delay: Duration) -> Schedule {
    let backoff = Backoff::constant(delay).jitter(buttress_backoff::Jitter::None).build();
    Schedule { backoff: backoff.expect("a valid delay"), ..Schedule::default() }
}

fn plan(schedule: &Schedule, decision: Decision, standing: Standing) -> Result<Duration, Stop> {
    schedule.plan(decision, standing, &Entropy::seeded(7))
}

#[test]
fn the_last_attempt_is_the_last() {
    let schedule = flat(MS);
    let (second, third) = (Attempt::FIRST.next(), Attempt::FIRST.next().next());
    for (attempt, goes_on) in [(Attempt::FIRST, Ok(())), (second, Ok(())), (third, Err(Stop::Attempts))] {
        assert_eq!(schedule.goes_on_after(attempt), goes_on);
    }
}

#[test]
fn no_attempt_begins_at_or_after_the_deadline() {
    let schedule = flat(secs(1));
    let with = |remaining| Standing { remaining: Some(remaining), ..first(Fault::Other) };
    assert_eq!(plan(&schedule, Decision::Retry, with(secs(1) + MS)), Ok(secs(1)));
    assert_eq!(plan(&schedule, Decision::Retry, with(secs(1))), Err(Stop::Deadline));
    assert_eq!(plan(&schedule, Decision::RetryIn(MS), with(Duration::ZERO)), Err(Stop::Deadline));
    assert_eq!(plan(&schedule, Decision::RetryAfter(secs(9)), with(secs(9))), Err(Stop::Deadline));
}

#[test]
fn the_total_time_ends_with_its_limit() {
    let schedule = Schedule { max_elapsed: Some(secs(5)), ..flat(secs(1)) };
    let after = |elapsed| Standing { elapsed, ..first(Fault::Other) };
    assert_eq!(plan(&schedule, Decision::Retry, after(secs(4))), Ok(secs(1)));
    assert_eq!(plan(&schedule, Decision::Retry, after(secs(4) + MS)), Err(Stop::Elapsed));
    assert_eq!(plan(&schedule, Decision::Retry, after(Duration::MAX)), Err(Stop::Elapsed));
}

#[test]
fn the_wish_of_the_service_is_kept_to_and_spread_upwards() {
    let schedule = Schedule::default();
    let entropy = Entropy::seeded(1);
    let waits: Vec<_> = (0..200)
        .map(|_| schedule.plan(Decision::RetryAfter(secs(4)), first(Fault::Throttled), &entropy))
        .map(|planned| planned.expect("within the limit"))
        .collect();
    assert!(waits.iter().all(|wait| (secs(4)..=secs(4) + 400 * MS).contains(wait)));
    assert!(waits.iter().max() > waits.iter().min(), "no two hundred callers come back together");
}

#[test]
fn the_wish_of_the_service_never_shortens_the_wait() {
    let schedule = flat(secs(3));
    for asked in [Duration::ZERO, secs(1)] {
        assert_eq!(plan(&schedule, Decision::RetryAfter(asked), first(Fault::Throttled)), Ok(secs(3)));
    }
}

#[test]
fn a_wish_beyond_the_limit_ends_the_call() {
    let schedule = flat(MS);
    for asked in [secs(10) + MS, secs(u64::MAX), Duration::MAX] {
        let planned = plan(&schedule, Decision::RetryAfter(asked), first(Fault::Throttled));
        assert_eq!(planned, Err(Stop::RetryAfter), "{asked:?}");
    }
    assert!(plan(&schedule, Decision::RetryAfter(secs(10)), first(Fault::Throttled)).is_ok());
}

#[test]
fn an_exact_wait_is_exact_and_bounded() {
    let schedule = flat(MS);
    assert_eq!(plan(&schedule, Decision::RetryIn(secs(2)), first(Fault::Other)), Ok(secs(2)));
    assert_eq!(plan(&schedule, Decision::RetryIn(Duration::MAX), first(Fault::Other)), Ok(Backoff::MAX_CAP));
}

#[test]
fn a_transient_schedule_covers_connection_and_time_only() {
    let schedule = Schedule { transient_only: true, ..flat(MS) };
    for fault in [Fault::Connect, Fault::Interrupted, Fault::TimedOut] {
        assert!(plan(&schedule, Decision::Retry, first(fault)).is_ok(), "{fault:?}");
    }
    for fault in [Fault::Throttled, Fault::Status, Fault::ServerAsks, Fault::Other] {
        assert_eq!(plan(&schedule, Decision::Retry, first(fault)), Err(Stop::NotCovered), "{fault:?}");
    }
}

#[test]
fn two_hundred_first_delays_are_spread_over_the_range_b3() {
    let schedule = Schedule::default();
    let entropy = Entropy::system();
    let mut delays: Vec<_> = (0..200)
        .map(|_| schedule.plan(Decision::Retry, first(Fault::Other), &entropy).expect("a first retry"))
        .collect();
    delays.sort();
    delays.dedup();
    assert!(delays.len() > 190, "only {} different delays", delays.len());
    assert!(delays.iter().all(|delay| *delay <= 100 * MS));
}
