//! What a refusal says of the time that is left.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use buttress_circuit_breaker::{Breaker, BreakerConfig, State};
use buttress_core::{Left, Mode, Outcome, Rejection, Signal, Verdict};
use tokio::time::advance;

use crate::{SECOND, now, open, two_failures};

fn left(breaker: &Breaker) -> Option<Duration> {
    breaker.try_admit().unwrap_err().remaining()
}

#[tokio::test(start_paused = true)]
async fn a_refusal_tells_what_was_left_when_it_refused_however_late_it_is_asked() {
    let breaker = Breaker::new("inner", &two_failures()).unwrap();
    open(&breaker);
    let first = breaker.try_admit().unwrap_err();
    advance(2 * SECOND).await;
    let second = breaker.try_admit().unwrap_err();
    advance(60 * SECOND).await;
    assert_eq!([first.remaining(), second.remaining()], [Some(5 * SECOND), Some(3 * SECOND)]);
    assert_eq!([first.retry_after(), second.retry_after()], [Some(5 * SECOND), Some(3 * SECOND)]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_stands_still_changes_nothing_and_the_last_nanosecond_counts() {
    let breaker = Breaker::new("inner", &two_failures()).unwrap();
    open(&breaker);
    let opened = now();
    assert_eq!([left(&breaker), left(&breaker)], [Some(5 * SECOND); 2]);
    let nano = Duration::from_nanos(1);
    let last = breaker.try_admit_at(opened + (5 * SECOND).saturating_sub(nano)).unwrap_err();
    assert_eq!((last.remaining(), breaker.state()), (Some(nano), State::Open));
    assert!(breaker.try_admit_at(opened + 5 * SECOND).is_ok(), "the first probe");
}

#[tokio::test(start_paused = true)]
async fn breakers_that_refuse_in_turn_on_one_thread_tell_their_own_times() {
    let times = [5, 7].map(|seconds| seconds * SECOND);
    let breakers = times.map(|time| {
        let config = BreakerConfig::only_consecutive_failures(2).open_for_exactly(time);
        Breaker::new("inner", &config).unwrap()
    });
    breakers.iter().for_each(open);
    for passed in 0..4 {
        let expected = times.map(|time| Some(time.saturating_sub(passed * SECOND)));
        assert_eq!(breakers.each_ref().map(left), expected, "after {passed} s");
        advance(SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_thread_that_refused_before_tells_the_time_of_the_next_opening() {
    let breaker = Breaker::new("inner", &two_failures()).unwrap();
    open(&breaker);
    assert_eq!(left(&breaker), Some(5 * SECOND));
    advance(SECOND).await;
    breaker.reset();
    advance(SECOND).await;
    open(&breaker);
    assert_eq!((left(&breaker), breaker.try_admit().unwrap_err().opened()), (Some(5 * SECOND), 2));
    let elsewhere =
        thread::scope(|scope| scope.spawn(|| breaker.try_admit_at(now()).is_err()).join().unwrap());
    assert!(elsewhere, "a thread that never asked before");
}

#[tokio::test(start_paused = true)]
async fn each_mode_does_with_an_open_breaker_what_it_says() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = Arc::clone(&heard);
    let listen = move |signal: &Signal<'_>| ears.lock().unwrap().push((signal.verdict, signal.left));
    let breaker = Breaker::builder("inner").config(two_failures()).observer(listen).build().unwrap();
    open(&breaker);
    advance(SECOND).await;
    heard.lock().unwrap().clear();
    let rest = Some(Left::Time(4 * SECOND));
    for (mode, passes, expected) in [
        (Mode::Enforce, false, vec![(Verdict::Refused, rest)]),
        (Mode::Observe, true, vec![(Verdict::WouldRefuse, rest)]),
        (Mode::Off, true, vec![]),
    ] {
        breaker.mode().set(mode);
        let ticket = breaker.try_admit();
        assert_eq!(ticket.is_ok(), passes, "{mode}");
        if let Ok(ticket) = ticket {
            ticket.settle(Outcome::Success);
        }
        assert_eq!(std::mem::take(&mut *heard.lock().unwrap()), expected, "{mode}");
    }
    assert_eq!((breaker.snapshot().rejected(), breaker.snapshot().would_have_rejected()), (1, 1));
}
