//! Settings, good and bad.

use std::time::Duration;

use buttress_bulkhead::{Bulkhead, BulkheadLayer, KeyLimits};

use crate::SECOND;

#[test]
fn every_bad_setting_is_named_at_once_with_its_value_and_its_range() {
    let error = Bulkhead::builder("a\nb")
        .max_concurrent(0)
        .queue(50_001)
        .max_wait(Duration::ZERO)
        .retry_after(Duration::from_secs(90_000))
        .keyed::<String>(KeyLimits::new().max_keys(0))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "bulkhead: name is \"a\\nb\", allowed: 1 to 128 characters, none of them a control character; \
         bulkhead: max_concurrent is 0, allowed: 1 to 1,000,000; \
         bulkhead: queue is 50001, allowed: 1 to 50,000; \
         bulkhead: max_wait is 0ns, allowed: 1 ms to 1 day; \
         bulkhead: retry_after is 90000s, allowed: 1 ms to 1 day; \
         bulkhead: max_keys is 0, allowed: 1 to 1,000,000"
    );
}

#[test]
fn a_time_to_wait_without_a_queue_is_a_mistake() {
    let error = BulkheadLayer::plain("reports").max_wait(SECOND).build().unwrap_err();
    assert_eq!(error.to_string(), "bulkhead: queue is not set, allowed: 1 to 50,000 where max_wait is set");
}

#[test]
fn the_ends_of_every_range_are_allowed_and_the_next_value_is_not() {
    let named = |length: usize| Bulkhead::builder("x".repeat(length)).build();
    assert!(named(1).is_ok() && named(128).is_ok() && named(129).is_err() && named(0).is_err());
    let limit = |calls| Bulkhead::builder("b").max_concurrent(calls).build();
    assert!(limit(1).is_ok() && limit(1_000_000).is_ok() && limit(1_000_001).is_err());
    let queue = |calls| Bulkhead::builder("b").queue(calls).build();
    assert!(queue(1).is_ok() && queue(50_000).is_ok() && queue(0).is_err());
    let day = Duration::from_secs(86_400);
    let retry_after = |time| Bulkhead::builder("b").retry_after(time).build();
    assert!(retry_after(day).is_ok() && retry_after(Duration::from_millis(1)).is_ok());
    assert!(retry_after(day + SECOND).is_err() && retry_after(Duration::from_micros(999)).is_err());
    let keys = |keys| Bulkhead::builder("b").keyed::<u32>(KeyLimits::new().max_keys(keys));
    assert!(keys(1).is_ok() && keys(1_000_000).is_ok() && keys(1_000_001).is_err());
}

#[test]
fn the_defaults_are_those_of_the_front_page() {
    let bulkhead = Bulkhead::builder("b").build().unwrap();
    let seen = bulkhead.snapshot();
    assert_eq!((seen.max_concurrent(), seen.max_waiting()), (100, 0));
    assert_eq!(BulkheadLayer::plain("b").build().unwrap().bulkhead().max_concurrent(), 100);
}

#[cfg(feature = "http")]
#[test]
fn a_client_has_fewer_permits_by_default_than_a_server() {
    assert_eq!(BulkheadLayer::inbound("b").build().unwrap().bulkhead().max_concurrent(), 100);
    assert_eq!(BulkheadLayer::outbound("b").build().unwrap().bulkhead().max_concurrent(), 64);
}

/// N5: a limit of 0 would shut the service for good.
#[test]
fn no_limit_is_ever_0_and_a_bad_one_leaves_the_old_one_in_force() {
    assert!(Bulkhead::builder("b").max_concurrent(0).build().is_err());
    let bulkhead = Bulkhead::builder("b").max_concurrent(2).build().unwrap();
    for calls in [0, 1_000_001, u32::MAX] {
        let error = bulkhead.set_max_concurrent(calls).unwrap_err();
        assert_eq!(error.problems()[0].field(), "max_concurrent");
        assert_eq!(bulkhead.max_concurrent(), 2);
    }
    assert!(bulkhead.try_acquire().is_ok());
}

#[test]
fn public_types_can_be_sent_and_shared() {
    fn travels<T: Send + Sync + 'static>() {}
    travels::<Bulkhead>();
    travels::<buttress_bulkhead::Permit>();
    travels::<buttress_bulkhead::Place>();
    travels::<buttress_bulkhead::Acquire>();
    travels::<buttress_bulkhead::Run<std::future::Ready<()>>>();
    travels::<buttress_bulkhead::Saturated>();
    travels::<buttress_bulkhead::Snapshot>();
    travels::<buttress_bulkhead::KeyedBulkheads<String>>();
    travels::<BulkheadLayer>();
    #[cfg(feature = "http")]
    travels::<buttress_bulkhead::HeldBody<()>>();
}
