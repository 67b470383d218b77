//! The handle, and a breaker without Tower.

use std::sync::Arc;
use std::time::SystemTime;

use buttress_circuit_breaker::{Abandoned, Breaker, BreakerConfig, Reason, State, Window};
use buttress_core::{ErrorsFail, Mode, Outcome, Ratio, WallClock};

use crate::{SECOND, fail, now, open, two_failures};

#[tokio::test(start_paused = true)]
async fn a_breaker_opens_refuses_probes_and_closes() {
    let breaker = Breaker::new("inventory", &two_failures()).unwrap();
    open(&breaker);
    tokio::time::advance(2 * SECOND).await;
    let refusal = breaker.try_admit().unwrap_err();
    assert_eq!((refusal.state(), refusal.opened()), (State::Open, 1));
    assert_eq!(refusal.remaining(), Some(3 * SECOND));
    tokio::time::advance(3 * SECOND).await;
    breaker.try_admit().unwrap().settle(Outcome::Success);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn any_future_that_returns_a_result_can_be_watched() {
    let breaker = Breaker::new("inventory", &two_failures()).unwrap();
    for _ in 0..2 {
        let reply = breaker.call(async { Err::<(), _>("no answer") }, ErrorsFail).unwrap().await;
        assert_eq!(reply, Err("no answer"), "the error is the future's own");
    }
    let polled = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let inner = Arc::clone(&polled);
    let refused = breaker.call(
        async move {
            inner.store(true, std::sync::atomic::Ordering::Relaxed);
            Ok::<_, &str>(())
        },
        ErrorsFail,
    );
    assert_eq!(refused.unwrap_err().state(), State::Open);
    assert!(!polled.load(std::sync::atomic::Ordering::Relaxed), "a refused future is not polled");
}

#[tokio::test(start_paused = true)]
async fn a_reset_forgets_and_outcomes_of_before_change_nothing() {
    let breaker = Breaker::new("inventory", &BreakerConfig::new()).unwrap();
    for _ in 0..500 {
        breaker.try_admit().unwrap().settle(Outcome::Success);
    }
    let under_way = breaker.try_admit().unwrap();
    assert_eq!(breaker.snapshot().counts().calls(), 500);
    let epoch = breaker.snapshot().epoch();
    breaker.reset();
    under_way.settle(Outcome::Failure);
    let seen = breaker.snapshot();
    assert_eq!((seen.counts().calls(), seen.stale(), seen.epoch()), (0, 1, epoch + 1));
}

#[tokio::test(start_paused = true)]
async fn a_success_on_its_way_over_a_reset_is_not_counted() {
    let breaker = Breaker::new("inventory", &BreakerConfig::new()).unwrap();
    let under_way = breaker.try_admit().unwrap();
    breaker.reset();
    under_way.settle(Outcome::Success);
    assert_eq!((breaker.snapshot().counts().calls(), breaker.snapshot().stale()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_breaker_can_be_steered_by_hand() {
    let breaker = Breaker::new("inventory", &two_failures()).unwrap();
    breaker.force_open();
    let refusal = breaker.try_admit().unwrap_err();
    assert_eq!((refusal.state(), refusal.remaining()), (State::ForcedOpen, None));
    breaker.disable();
    fail(&breaker, 10);
    assert_eq!((breaker.state(), breaker.snapshot().counts().failed()), (State::Disabled, 0));
    breaker.release();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn in_observe_mode_everything_passes_and_is_counted() {
    let breaker = Breaker::builder("inventory").config(two_failures()).mode(Mode::Observe).build().unwrap();
    open(&breaker);
    for _ in 0..3 {
        breaker.try_admit().unwrap().settle(Outcome::Failure);
    }
    let seen = breaker.snapshot();
    assert_eq!((seen.rejected(), seen.would_have_rejected(), seen.mode()), (0, 3, Mode::Observe));
    breaker.mode().set(Mode::Enforce);
    assert!(breaker.try_admit().is_err());
    breaker.mode().set(Mode::Off);
    assert!(breaker.try_admit().is_ok());
    assert_eq!(breaker.snapshot().rejected(), 1);
}

#[tokio::test(start_paused = true)]
async fn settings_change_while_it_runs_and_bad_ones_leave_the_old_in_force() {
    let breaker = Breaker::new("inventory", &two_failures()).unwrap();
    let error = breaker.reconfigure(&BreakerConfig::new().half_open_permits(0).min_calls(0)).unwrap_err();
    assert_eq!(error.problems().len(), 2);
    assert_eq!(breaker.snapshot().consecutive_failures_threshold(), Some(2));
    breaker.reconfigure(&BreakerConfig::only_consecutive_failures(3)).unwrap();
    fail(&breaker, 2);
    assert_eq!(breaker.state(), State::Closed);
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn every_window_counts_what_it_is_given_after_a_change_of_settings() {
    let breaker = Breaker::new("inventory", &BreakerConfig::new()).unwrap();
    let windows =
        [Window::Calls(50), Window::time(7 * SECOND), Window::time(30 * SECOND), Window::time(7 * SECOND)];
    for window in windows {
        breaker.reconfigure(&BreakerConfig::new().window(window)).unwrap();
        for _ in 0..10 {
            breaker.try_admit().unwrap().settle(Outcome::Success);
        }
        fail(&breaker, 1);
        let counts = breaker.snapshot().counts();
        assert_eq!((counts.calls(), counts.failed()), (11, 1), "{window}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_tells_one_state_and_everything_about_it() {
    let noon = SystemTime::UNIX_EPOCH + 1_000_000_000 * SECOND;
    let began = now();
    let wall = WallClock::from_fn(move || noon + now().duration_since(began));
    let breaker = Breaker::builder("inventory").config(two_failures()).wall_clock(wall).build().unwrap();
    tokio::time::advance(SECOND).await;
    open(&breaker);
    tokio::time::advance(2 * SECOND).await;
    assert!(breaker.try_admit().is_err());
    let seen = breaker.snapshot();
    assert_eq!((seen.name(), seen.state(), seen.is_healthy()), ("inventory", State::Open, false));
    assert_eq!(
        (seen.state_for(), seen.retry_in(), seen.open_time()),
        (2 * SECOND, Some(3 * SECOND), 5 * SECOND)
    );
    assert_eq!((seen.opened_at(), seen.opened(), seen.rejected()), (Some(noon + SECOND), 1, 1));
    // One value, so that no two states are told at once, whatever a metric makes of it.
    let told = State::ALL.iter().filter(|state| **state == seen.state()).count();
    assert_eq!((told, seen.state().number()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn calls_in_flight_are_counted_however_they_end() {
    let breaker = Breaker::new("inventory", &BreakerConfig::new()).unwrap();
    let tickets: Vec<_> = (0..3).map(|_| breaker.try_admit().unwrap()).collect();
    let watched = breaker.call(std::future::pending::<Result<(), ()>>(), ErrorsFail).unwrap();
    assert_eq!((breaker.in_flight(), breaker.snapshot().in_flight()), (4, 4));
    drop(watched);
    for ticket in tickets {
        ticket.settle(Outcome::Success);
    }
    assert_eq!(breaker.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_breaker_shares_nothing_but_the_settings() {
    let breaker = Breaker::new("inventory", &BreakerConfig::new()).unwrap();
    breaker.reconfigure(&two_failures()).unwrap();
    let (clone, fresh) = (breaker.clone(), breaker.fresh());
    open(&breaker);
    assert_eq!((clone.state(), fresh.state()), (State::Open, State::Closed));
    breaker.mode().set(Mode::Off);
    assert_eq!(fresh.mode().get(), Mode::Enforce);
    open(&fresh);
}

#[tokio::test(start_paused = true)]
async fn a_time_that_was_looked_at_already_can_be_handed_down() {
    let config = BreakerConfig::new().without_consecutive_failures().slow_call_after(SECOND).min_calls(2);
    let breaker = Breaker::new("inventory", &config).unwrap();
    let began = now();
    let (one, other) = (breaker.try_admit_at(began).unwrap(), breaker.try_admit_at(began).unwrap());
    one.settle_at(Outcome::Success, began + 2 * SECOND);
    other.settle_at(Outcome::Success, began + 2 * SECOND);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_would_break_a_log_line_is_refused() {
    for name in ["", "two\nlines", &"n".repeat(129)] {
        let error = Breaker::new(name, &BreakerConfig::new()).unwrap_err();
        assert_eq!(error.problems()[0].field(), "name");
    }
}

#[tokio::test(start_paused = true)]
async fn a_ticket_dropped_by_a_panic_is_a_failure() {
    let breaker = Breaker::new("inventory", &two_failures().abandoned(Abandoned::Ignore)).unwrap();
    for _ in 0..2 {
        let breaker = breaker.clone();
        let call = std::panic::AssertUnwindSafe(move || {
            let _ticket = breaker.try_admit().unwrap();
            panic!("the call");
        });
        assert!(std::panic::catch_unwind(call).is_err());
    }
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_failing_service_that_asks_for_time_gets_it() {
    let breaker = Breaker::new("inventory", &two_failures()).unwrap();
    fail(&breaker, 1);
    breaker.try_admit().unwrap().retry_after(20 * SECOND).settle(Outcome::Failure);
    assert_eq!(breaker.try_admit().unwrap_err().remaining(), Some(20 * SECOND));
}

/// What two threads see of one breaker while a third makes trouble.
#[test]
fn many_threads_never_lose_a_count() {
    let config = BreakerConfig::new().without_consecutive_failures().failure_ratio(Ratio::ONE);
    let breaker = Breaker::new("inventory", &config).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let breaker = &breaker;
            scope.spawn(move || {
                for call in 0..1_000 {
                    let failed = thread == 0 && call % 2 == 0;
                    let outcome = if failed { Outcome::Failure } else { Outcome::Success };
                    breaker.try_admit().unwrap().settle(outcome);
                }
            });
        }
    });
    let counts = breaker.snapshot().counts();
    assert_eq!((counts.calls(), counts.failed(), breaker.in_flight()), (4_000, 500, 0));
}

#[tokio::test(start_paused = true)]
async fn subscribers_hear_each_change_once_and_in_order() {
    let breaker = Breaker::new("inventory", &two_failures()).unwrap();
    let mut changes = breaker.subscribe();
    open(&breaker);
    tokio::time::advance(5 * SECOND).await;
    breaker.try_admit().unwrap().settle(Outcome::Success);
    breaker.reset();
    let mut heard = Vec::new();
    while let Ok(change) = changes.try_recv() {
        heard.push((change.from(), change.to(), change.reason(), change.epoch()));
    }
    assert_eq!(
        heard,
        [
            (State::Closed, State::Open, Reason::ConsecutiveFailures, 1),
            (State::Open, State::HalfOpen, Reason::OpenTimePassed, 2),
            (State::HalfOpen, State::Closed, Reason::ProbesSucceeded, 3),
            (State::Closed, State::Closed, Reason::Reset, 4),
        ]
    );
}
