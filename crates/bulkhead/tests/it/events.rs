//! What observers and trails hear.

use buttress_bulkhead::{Bulkhead, KeyLimits};
use buttress_core::{Left, Signal, Verdict};
use buttress_testkit::{Recorder, trail_of};
use parking_lot::Mutex;
use std::sync::Arc;

use crate::{SECOND, for_calls};

#[tokio::test(start_paused = true)]
async fn every_verdict_but_passing_is_told_with_its_code() {
    let recorder = Recorder::new();
    let bulkhead = for_calls(1).queue(1).max_wait(SECOND).observer(recorder.clone()).build().unwrap();
    let permit = bulkhead.try_acquire().unwrap();
    assert_eq!(recorder.verdicts(), [], "who passes says nothing");
    let place = bulkhead.enqueue().unwrap();
    assert!(bulkhead.enqueue().is_err());
    drop(place);
    assert!(bulkhead.acquire().await.is_err());
    bulkhead.set_max_concurrent(5).unwrap();
    bulkhead.set_max_concurrent(5).unwrap();
    drop(permit);
    assert_eq!(
        recorder.verdicts(),
        [
            (Verdict::Refused, "bulkhead_full"),
            (Verdict::Abandoned, "bulkhead_wait_abandoned"),
            (Verdict::Refused, "bulkhead_wait_exceeded"),
            (Verdict::Changed, "bulkhead_limit_changed"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_on_the_trail_of_its_request() {
    let bulkhead = for_calls(1).build().unwrap();
    let _permit = bulkhead.try_acquire().unwrap();
    let (refused, trail) = trail_of(bulkhead.acquire()).await;
    assert!(refused.is_err());
    let entries = trail.entries();
    assert_eq!((entries.len(), entries[0].layer, entries[0].code), (1, "bulkhead", "bulkhead_full"));
}

#[test]
fn an_observer_may_use_the_bulkhead_that_it_hears_of() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (told, slot) = (Arc::clone(&heard), Arc::new(Mutex::new(None::<Bulkhead>)));
    let inside = Arc::clone(&slot);
    let bulkhead = for_calls(1)
        .queue(1)
        .observer(move |signal: &Signal<'_>| {
            let bulkhead = inside.lock().clone();
            let seen = bulkhead.map(|bulkhead| (bulkhead.snapshot().in_flight(), bulkhead.enqueue().is_ok()));
            told.lock().push((signal.code, signal.instance.to_owned(), signal.left, seen));
        })
        .build()
        .unwrap();
    *slot.lock() = Some(bulkhead.clone());
    let permit = bulkhead.try_acquire().unwrap();
    *slot.lock() = None;
    assert!(bulkhead.try_acquire().is_err());
    drop(permit);
    *slot.lock() = Some(bulkhead.clone());
    bulkhead.set_max_concurrent(2).unwrap();
    let expected = [
        ("bulkhead_full", "reports".to_owned(), Some(Left::Time(SECOND)), None),
        ("bulkhead_limit_changed", "reports".to_owned(), Some(Left::Calls(2)), Some((0, true))),
    ];
    assert_eq!(*heard.lock(), expected);
}

#[test]
fn a_limit_that_is_changed_for_all_keys_is_told_once() {
    let recorder = Recorder::new();
    let keys = for_calls(1).observer(recorder.clone()).keyed::<u32>(KeyLimits::new()).unwrap();
    for stranger in 0..100 {
        keys.get(&stranger);
    }
    keys.set_max_concurrent(5).unwrap();
    keys.set_max_concurrent(5).unwrap();
    assert_eq!(recorder.verdicts(), [(Verdict::Changed, "bulkhead_limit_changed")]);
    assert_eq!(recorder.entries()[0].instance.as_ref() as &str, "reports");
    keys.get(&7).set_max_concurrent(9).unwrap();
    keys.set_max_concurrent(5).unwrap();
    assert_eq!(recorder.verdicts().len(), 3, "one key of its own, and all of them again");
}

#[test]
fn signals_of_keys_carry_the_common_name_and_refusals_the_key() {
    let recorder = Recorder::new();
    let hosts = for_calls(1).observer(recorder.clone()).keyed::<String>(KeyLimits::new()).unwrap();
    let _permit = hosts.get("a.example").try_acquire().unwrap();
    let refusal = hosts.get("a.example").try_acquire().unwrap_err();
    assert_eq!(refusal.name(), "reports/a.example");
    assert_eq!(recorder.entries()[0].instance.as_ref() as &str, "reports");
}
