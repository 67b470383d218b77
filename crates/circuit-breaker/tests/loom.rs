//! Every interleaving of a few threads at one breaker.
#![cfg(buttress_loom)]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use buttress_circuit_breaker::{Breaker, BreakerConfig, State, Ticket};
use buttress_core::Outcome;
use loom::thread;

const SECOND: Duration = Duration::from_secs(1);

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Opens at the first failure, for exactly 5 s; one probe decides.
fn one_failure() -> BreakerConfig {
    BreakerConfig::only_consecutive_failures(1).open_for_exactly(5 * SECOND)
}

/// A breaker that has opened, and a time at which it half-opens.
fn opened(config: &BreakerConfig) -> (Breaker, Instant) {
    let (breaker, now) = (Breaker::new("b", config).unwrap(), now());
    breaker.try_admit_at(now).unwrap().settle_at(Outcome::Failure, now);
    assert_eq!(breaker.state(), State::Open);
    (breaker, now + 6 * SECOND)
}

fn admitted(breaker: &Breaker, now: Instant) -> Option<Ticket> {
    breaker.try_admit_at(now).ok()
}

#[test]
fn two_arrivals_after_the_open_time_make_one_probe() {
    loom::model(|| {
        let (breaker, later) = opened(&one_failure());
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let breaker = breaker.clone();
                thread::spawn(move || admitted(&breaker, later))
            })
            .collect();
        let tickets: Vec<_> = threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(tickets.len(), 1);
        assert_eq!((breaker.state(), breaker.snapshot().epoch()), (State::HalfOpen, 2));
        tickets.into_iter().for_each(|ticket| ticket.settle_at(Outcome::Success, later));
        assert_eq!(breaker.state(), State::Closed);
    });
}

#[test]
fn a_permit_that_is_given_back_is_never_lost() {
    loom::model(|| {
        let (breaker, later) = opened(&one_failure());
        let probe = admitted(&breaker, later).unwrap();
        let other = breaker.clone();
        let gives_back = thread::spawn(move || probe.settle_at(Outcome::Ignored, later));
        let tries = thread::spawn(move || {
            let ticket = admitted(&other, later);
            if let Some(ticket) = ticket {
                ticket.settle_at(Outcome::Ignored, later);
            }
        });
        gives_back.join().unwrap();
        tries.join().unwrap();
        let (one, two) = (admitted(&breaker, later), admitted(&breaker, later));
        assert!(one.is_some() && two.is_none());
        one.unwrap().settle_at(Outcome::Success, later);
        assert_eq!(breaker.state(), State::Closed);
    });
}

#[test]
fn outcomes_of_an_earlier_epoch_never_decide_a_probe() {
    loom::model(|| {
        let (breaker, now) = (Breaker::new("b", &one_failure()).unwrap(), now());
        let old =
            [Outcome::Success, Outcome::Failure].map(|outcome| (admitted(&breaker, now).unwrap(), outcome));
        breaker.try_admit_at(now).unwrap().settle_at(Outcome::Failure, now);
        let later = now + 6 * SECOND;
        let prober = breaker.clone();
        let probes = thread::spawn(move || admitted(&prober, later).expect("the only arrival"));
        for (ticket, outcome) in old {
            ticket.settle_at(outcome, later);
        }
        let probe = probes.join().unwrap();
        assert_eq!(breaker.state(), State::HalfOpen);
        probe.settle_at(Outcome::Success, later);
        assert_eq!((breaker.state(), breaker.snapshot().stale()), (State::Closed, 2));
    });
}

#[test]
fn a_success_on_its_way_over_a_reset_is_not_counted_after_it() {
    loom::model(|| {
        let (breaker, now) = (Breaker::new("b", &BreakerConfig::new()).unwrap(), now());
        let ticket = admitted(&breaker, now).unwrap();
        let settles = thread::spawn(move || ticket.settle_at(Outcome::Success, now));
        breaker.reset();
        settles.join().unwrap();
        assert_eq!(breaker.snapshot().counts().calls(), 0);
    });
}

#[test]
fn successes_beside_a_failure_are_all_counted() {
    loom::model(|| {
        let (breaker, now) = (Breaker::new("b", &BreakerConfig::new()).unwrap(), now());
        let [one, other] = [Outcome::Success, Outcome::Failure].map(|outcome| {
            let ticket = admitted(&breaker, now).unwrap();
            thread::spawn(move || ticket.settle_at(outcome, now))
        });
        one.join().unwrap();
        other.join().unwrap();
        breaker.try_admit_at(now).unwrap().settle_at(Outcome::Success, now);
        let counts = breaker.snapshot().counts();
        assert_eq!((counts.calls(), counts.failed(), counts.consecutive_failures()), (3, 1, 0));
    });
}

#[test]
fn two_failures_at_once_open_once() {
    loom::model(|| {
        let (breaker, now) = (Breaker::new("b", &one_failure()).unwrap(), now());
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let ticket = admitted(&breaker, now).unwrap();
                thread::spawn(move || ticket.settle_at(Outcome::Failure, now))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let seen = breaker.snapshot();
        assert_eq!((seen.state(), seen.opened(), seen.epoch(), seen.stale()), (State::Open, 1, 1, 1));
    });
}

#[test]
fn a_call_beside_an_opening_is_either_admitted_before_or_refused() {
    loom::model(|| {
        let (breaker, now) = (Breaker::new("b", &one_failure()).unwrap(), now());
        let ticket = admitted(&breaker, now).unwrap();
        let fails = thread::spawn(move || ticket.settle_at(Outcome::Failure, now));
        match breaker.try_admit_at(now) {
            Ok(ticket) => ticket.settle_at(Outcome::Success, now),
            Err(refusal) => {
                assert!(refusal.remaining() == Some(5 * SECOND) && refusal.opened() == 1, "{refusal:?}")
            }
        }
        fails.join().unwrap();
        assert_eq!(breaker.state(), State::Open);
    });
}
