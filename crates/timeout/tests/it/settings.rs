//! What cannot be built.

use std::num::NonZeroUsize;
use std::time::Duration;

use buttress_timeout::{Detach, TimeoutLayer};

use crate::{MILLI, SECOND};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn a_limit_must_be_between_a_millisecond_and_a_day() {
    for good in [MILLI, SECOND, DAY] {
        assert!(TimeoutLayer::builder(good).build().is_ok(), "{good:?}");
    }
    for bad in [Duration::ZERO, Duration::from_micros(999), DAY + Duration::from_nanos(1), Duration::MAX] {
        let error = TimeoutLayer::builder(bad).build().expect_err("out of range");
        assert_eq!(error.to_string(), format!("timeout: limit is {bad:?}, allowed: 1 ms to 1 day"));
    }
}

#[test]
fn every_problem_is_told_at_once() {
    let detach = Detach::at_most(NonZeroUsize::MIN, Duration::ZERO);
    let error = TimeoutLayer::builder(2 * DAY).on_timeout(detach).build().expect_err("two problems");
    let fields: Vec<_> = error.problems().iter().map(buttress_core::Problem::field).collect();
    assert_eq!(fields, ["limit", "detach.longest"]);
}

#[cfg(feature = "http")]
mod http {
    use buttress_core::{ConfigError, Problem};
    use buttress_timeout::{BodyTimeoutLayer, DeadlineLayer, ForwardDeadlineLayer, TimeoutHeader};

    use super::*;

    fn fields<T>(built: Result<T, ConfigError>) -> Vec<String> {
        let error = built.err().expect("problems");
        error.problems().iter().map(Problem::field).map(ToOwned::to_owned).collect()
    }

    #[test]
    fn a_deadline_is_checked_as_a_whole() {
        assert!(DeadlineLayer::inbound().build().is_ok(), "the defaults are fine");
        assert!(DeadlineLayer::outbound(DAY).build().is_ok(), "a long total lifts the maximum");
        let inbound = DeadlineLayer::inbound;
        assert_eq!(
            fields(inbound().total(Duration::ZERO).build()),
            ["deadline.total", "deadline.min_useful"]
        );
        assert!(inbound().total(61 * SECOND).build().is_ok(), "the default maximum follows");
        assert_eq!(fields(inbound().max(29 * SECOND).build()), ["deadline.max"]);
        assert_eq!(fields(inbound().max(2 * DAY).build()), ["deadline.max"]);
        assert_eq!(fields(inbound().min_useful(11 * SECOND).build()), ["deadline.min_useful"]);
        assert_eq!(fields(inbound().total(SECOND).min_useful(SECOND).build()), ["deadline.min_useful"]);
        assert_eq!(fields(inbound().headers(vec![TimeoutHeader::grpc(); 9]).build()), ["deadline.headers"]);
        assert_eq!(fields(DeadlineLayer::outbound(Duration::ZERO).build()).len(), 2);
    }

    #[test]
    fn what_is_forwarded_is_checked_as_a_whole() {
        let builder = ForwardDeadlineLayer::builder;
        assert!(builder().build().is_ok());
        assert!(builder().reserve(Duration::ZERO).min_useful(Duration::ZERO).build().is_ok());
        let bad = builder().reserve(11 * SECOND).min_useful(11 * SECOND).at_most(Duration::ZERO);
        assert_eq!(fields(bad.build()), ["forward.reserve", "forward.min_useful", "forward.at_most"]);
    }

    #[test]
    fn a_body_clock_must_be_usable() {
        assert!(BodyTimeoutLayer::responses().without_idle().without_deadline().build().is_ok());
        assert_eq!(fields(BodyTimeoutLayer::requests().idle(Duration::ZERO).build()), ["body.idle"]);
    }
}
