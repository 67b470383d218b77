//! A bulkhead per key.

use buttress_bulkhead::{BulkheadLayer, KeyLimits, KeyWith, KeyedBulkheads};
use buttress_core::{BoxError, Mode};
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, ServiceExt};

use crate::{code_of, fill, for_calls, gated, gauge};

fn keys(max_keys: usize) -> KeyedBulkheads<u32> {
    for_calls(1).queue(2).keyed(KeyLimits::new().max_keys(max_keys)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_busy_key_leaves_the_others_alone() {
    let key = KeyWith(|request: &u32| Some(request % 10));
    let layer = BulkheadLayer::plain("tenants").max_concurrent(1).keyed(key, KeyLimits::new()).unwrap();
    let service = layer.layer(gated());
    let mut one = task::spawn(service.clone().oneshot(1));
    let mut other = task::spawn(service.clone().oneshot(2));
    assert_pending!(one.poll());
    assert_pending!(other.poll());
    let refused = assert_ready!(task::spawn(service.oneshot(11)).poll());
    assert_eq!(code_of(&refused.unwrap_err()), Some("bulkhead_full"));
    drop((one, other));
    assert!(layer.bulkheads().snapshots().iter().all(|seen| seen.in_flight() == 0));
}

#[test]
fn requests_without_a_key_share_one_bulkhead() {
    let key = KeyWith(|_: &u32| None::<u32>);
    let layer = BulkheadLayer::plain("tenants").max_concurrent(1).keyed(key, KeyLimits::new()).unwrap();
    let _all = fill(layer.bulkheads().other());
    let refused = assert_ready!(task::spawn(layer.layer(gated()).oneshot(1)).poll());
    assert_eq!(code_of(&refused.unwrap_err()), Some("bulkhead_full"));
    assert_eq!(layer.bulkheads().other().name(), "tenants/(other)");
}

#[test]
fn a_key_in_use_is_never_evicted_whoever_uses_it() {
    let keys = keys(3);
    let permit = keys.get(&1).try_acquire().unwrap();
    let busy = keys.get(&2).try_acquire().unwrap();
    let place = keys.get(&2).enqueue().unwrap();
    drop(busy);
    let handle = keys.get(&3);
    for stranger in 100..1_100 {
        assert_eq!(keys.get(&stranger).name(), "reports/(other)", "all places are taken");
    }
    assert_eq!(keys.len(), 3);
    assert_eq!(gauge(&keys.find(&1).unwrap()), (1, 0));
    assert_eq!(gauge(&keys.find(&2).unwrap()), (1, 0), "the place was granted");
    handle.set_max_concurrent(7).unwrap();
    assert_eq!(keys.get(&3).max_concurrent(), 7);
    drop((permit, place, handle));
    assert_eq!(keys.get(&4).name(), "reports/4", "now there is room");
    assert_eq!(keys.len(), 3);
}

#[test]
fn keys_beyond_the_limit_share_what_one_key_would_get() {
    let keys = keys(1);
    let _taken = keys.get(&1).try_acquire().unwrap();
    let _first = keys.get(&2).try_acquire().unwrap();
    for stranger in 3..100 {
        assert!(keys.get(&stranger).try_acquire().is_err());
    }
    assert_eq!(gauge(keys.other()), (1, 0));
}

#[test]
fn strangers_who_leave_at_once_never_fill_the_table() {
    let keys = keys(100);
    for stranger in 0..100_000 {
        drop(keys.get(&stranger).try_acquire().unwrap());
        assert!(keys.len() <= 100);
    }
    assert_eq!(keys.other().snapshot().full(), 0);
    keys.purge();
    assert!(keys.is_empty());
}

#[test]
fn a_purge_forgets_the_idle_and_keeps_the_rest() {
    let keys = keys(10);
    let permit = keys.get(&1).try_acquire().unwrap();
    drop(keys.get(&2).try_acquire().unwrap());
    keys.purge();
    assert!(keys.find(&1).is_some() && keys.find(&2).is_none() && keys.len() == 1);
    drop(permit);
}

#[test]
fn one_limit_and_one_mode_for_all_keys_those_to_come_included() {
    let keys = keys(10);
    let permit = keys.get(&1).try_acquire().unwrap();
    let mut waits = task::spawn(keys.get(&1).enqueue().unwrap());
    assert_pending!(waits.poll());
    keys.set_max_concurrent(2).unwrap();
    assert!(waits.is_woken());
    drop(assert_ready!(waits.poll()));
    for bulkhead in [keys.get(&1), keys.get(&2), keys.other().clone()] {
        assert_eq!(bulkhead.max_concurrent(), 2);
    }
    assert!(keys.set_max_concurrent(0).is_err());
    assert_eq!(keys.get(&3).max_concurrent(), 2);
    keys.mode().set(Mode::Off);
    assert_eq!((0..5).map(|_| keys.get(&3).try_acquire().unwrap()).collect::<Vec<_>>().len(), 5);
    drop(permit);
}

#[test]
fn a_key_is_shown_without_what_would_break_a_log_line() {
    let keys = for_calls(1).keyed::<String>(KeyLimits::new()).unwrap();
    assert_eq!(keys.get("a\nb").name(), "reports/a_b");
    assert_eq!(keys.get("x".repeat(500).as_str()).name().chars().count(), 128);
}

#[tokio::test(start_paused = true)]
async fn clones_of_a_keyed_layer_share() {
    let key = KeyWith(|request: &u32| Some(*request));
    let layer = BulkheadLayer::plain("tenants").max_concurrent(1).keyed(key, KeyLimits::new()).unwrap();
    let _busy = layer.clone().bulkheads().get(&5).try_acquire().unwrap();
    let service = layer.layer(tower::service_fn(|request: u32| async move { Ok::<_, BoxError>(request) }));
    assert!(service.clone().oneshot(5).await.is_err());
    assert_eq!(service.clone().oneshot(6).await.unwrap(), 6);
}
