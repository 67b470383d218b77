use std::error::Error;
use std::time::Duration;

use buttress_backoff::{Backoff, BackoffBuilder, Delays, InvalidBackoff, Jitter, Problem};

const SECOND: Duration = Duration::from_secs(1);

fn fields(builder: BackoffBuilder) -> Vec<&'static str> {
    builder.build().map_or_else(|error| error.problems().iter().map(Problem::field).collect(), |_| Vec::new())
}

#[test]
fn one_error_names_every_problem_with_its_value_and_range() {
    let error = Backoff::exponential(Duration::ZERO)
        .multiplier(f64::NAN)
        .cap(Duration::from_secs(90_000))
        .jitter(Jitter::Proportional { percent: 101 })
        .build()
        .unwrap_err();
    let told: Vec<_> = error
        .problems()
        .iter()
        .map(|problem| (problem.field(), problem.value(), problem.allowed()))
        .collect();
    assert_eq!(
        told,
        [
            ("base", "0ns", "1 ms to the cap (90000s)"),
            ("multiplier", "NaN", "1 or more, finite"),
            ("cap", "90000s", "1 ms to 1 day"),
            ("jitter", "proportional at 101 %", "1 to 100 %"),
        ]
    );
    assert!(error.source().is_none());
}

#[test]
fn each_range_ends_where_the_docs_say() {
    let exponential = Backoff::exponential;
    assert_eq!(fields(exponential(Backoff::MIN_BASE).cap(Backoff::MIN_BASE)), [""; 0]);
    assert_eq!(fields(exponential(Duration::from_nanos(999_999))), ["base"]);
    assert_eq!(fields(exponential(SECOND).cap(SECOND)), [""; 0]);
    assert_eq!(fields(exponential(SECOND).cap(Duration::from_nanos(999_999_999))), ["base"]);
    assert_eq!(fields(exponential(SECOND).cap(Backoff::MAX_CAP)), [""; 0]);
    assert_eq!(fields(exponential(SECOND).cap(Backoff::MAX_CAP + Duration::from_nanos(1))), ["cap"]);
    assert_eq!(fields(exponential(SECOND).cap(Duration::ZERO)), ["base", "cap"]);
    assert_eq!(fields(exponential(Duration::MAX)), ["base"]);
}

#[test]
fn a_multiplier_is_finite_and_at_least_one() {
    for bad in [0.999, 0.0, -2.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(fields(Backoff::exponential(SECOND).multiplier(bad)), ["multiplier"], "{bad}");
    }
    for good in [1.0, 1.001, 10.0, f64::MAX] {
        assert_eq!(fields(Backoff::exponential(SECOND).multiplier(good)), [""; 0], "{good}");
    }
}

#[test]
fn a_jitter_that_makes_no_sense_is_refused() {
    for percent in [0, 101, u32::MAX] {
        assert_eq!(fields(Backoff::constant(SECOND).jitter(Jitter::Proportional { percent })), ["jitter"]);
    }
    for percent in [1, 100] {
        assert_eq!(fields(Backoff::constant(SECOND).jitter(Jitter::Proportional { percent })), [""; 0]);
    }
    assert_eq!(fields(Backoff::constant(SECOND).jitter(Jitter::Decorrelated)), ["jitter"]);
    assert_eq!(fields(Backoff::exponential(SECOND).jitter(Jitter::Decorrelated)), [""; 0]);
}

#[test]
fn the_cap_is_twenty_times_the_base_unless_given() {
    assert_eq!(Backoff::exponential(SECOND).build().unwrap().cap(), Duration::from_secs(20));
    let two_hours = Duration::from_secs(7_200);
    assert_eq!(Backoff::exponential(two_hours).build().unwrap().cap(), Backoff::MAX_CAP);
}

#[test]
fn the_default_is_what_its_docs_say() {
    let built = Backoff::exponential(Duration::from_millis(100)).build().unwrap();
    assert_eq!(built, Backoff::default());
    assert_eq!((built.base(), built.cap()), (Duration::from_millis(100), Duration::from_secs(2)));
    assert_eq!((built.multiplier().to_string(), built.jitter()), ("2".to_owned(), Jitter::Full));
}

#[test]
fn every_public_type_crosses_threads_and_shows_itself() {
    fn is<T: Send + Sync + Unpin + std::fmt::Debug + 'static>() {}
    is::<Backoff>();
    is::<BackoffBuilder>();
    is::<Delays>();
    is::<InvalidBackoff>();
    is::<Jitter>();
    is::<Problem>();
}
