//! A breaker per key, bounded.

use std::time::Duration;

use buttress_circuit_breaker::{
    Breaker, BreakerConfig, ByHost, CircuitBreakerLayer, KeyLimits, KeyedBreakers, State,
};
use buttress_core::{Outcome, Verdict};
use buttress_testkit::{Recorder, Reply, Strict, message};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use tower::Layer;

use crate::{SECOND, open, two_failures};

fn keyed(max_keys: usize) -> KeyedBreakers<u64> {
    Breaker::builder("tenants").config(two_failures()).keyed(KeyLimits::new().max_keys(max_keys)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn one_bad_key_leaves_the_others_alone() {
    let tenants = keyed(100);
    open(&tenants.get(&7));
    assert_eq!((tenants.get(&7).state(), tenants.get(&8).state()), (State::Open, State::Closed));
    assert!(!tenants.all_healthy());
    let names: Vec<_> = tenants.snapshots().iter().map(|seen| seen.name().to_owned()).collect();
    assert_eq!(names, ["tenants/(other)", "tenants/7", "tenants/8"]);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_keys_stays_within_the_limit() {
    for max_keys in [1, 8, 100, 2_000] {
        let tenants = keyed(max_keys);
        for key in 0..20_000 {
            tenants.get(&key).try_admit().unwrap().settle(Outcome::Success);
            assert!(tenants.len() <= max_keys);
        }
        assert!(tenants.len() * 10 >= max_keys * 9, "{} of {max_keys}", tenants.len());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_open_failing_or_in_use_is_never_forgotten() {
    let tenants = keyed(4);
    open(&tenants.get(&1));
    tenants.get(&2).try_admit().unwrap().settle(Outcome::Failure);
    let in_use = tenants.get(&3).try_admit().unwrap();
    let held = tenants.get(&4);
    for key in 100..1_000 {
        let other = tenants.get(&key);
        assert_eq!(other.name(), "tenants/(other)", "no place for {key}");
    }
    assert_eq!(
        (tenants.get(&1).state(), tenants.get(&2).snapshot().counts().consecutive_failures()),
        (State::Open, 1)
    );
    in_use.settle(Outcome::Success);
    drop(held);
    assert_eq!(tenants.get(&5).name(), "tenants/5", "a quiet one gave way");
    assert_eq!(tenants.get(&1).state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn keys_without_a_place_share_one_breaker() {
    let tenants = keyed(1);
    open(&tenants.get(&1));
    open(&tenants.get(&2));
    assert_eq!(tenants.other().state(), State::Open);
    assert!(tenants.get(&3).try_admit().is_err(), "protected together");
    assert!(tenants.find(&3).is_none());
}

#[tokio::test(start_paused = true)]
async fn idle_breakers_are_forgotten_and_others_kept() {
    let tenants = keyed(1_000);
    for key in 0..500 {
        tenants.get(&key);
    }
    open(&tenants.get(&7));
    tokio::time::advance(Duration::from_secs(599)).await;
    tenants.purge();
    assert_eq!(tenants.len(), 500);
    tenants.get(&8);
    tokio::time::advance(SECOND).await;
    tenants.purge();
    assert_eq!(tenants.len(), 2, "the one that is open, and the one that was used");
    assert!(tenants.find(&7).is_some() && tenants.find(&8).is_some());
}

#[tokio::test(start_paused = true)]
async fn new_keys_clear_idle_ones_away_bit_by_bit() {
    let tenants = keyed(1_000);
    for key in 0..500 {
        tenants.get(&key);
    }
    tokio::time::advance(Duration::from_secs(600)).await;
    for key in 1_000..1_500 {
        tenants.get(&key);
    }
    assert!(tenants.len() <= 501, "{}", tenants.len());
}

#[tokio::test(start_paused = true)]
async fn every_key_obeys_new_settings_and_bad_ones_change_none() {
    let tenants = keyed(10);
    tenants.get(&1);
    assert!(tenants.reconfigure(&BreakerConfig::new().half_open_permits(0)).is_err());
    tenants.reconfigure(&BreakerConfig::only_consecutive_failures(1)).unwrap();
    for key in [1, 2] {
        tenants.get(&key).try_admit().unwrap().settle(Outcome::Failure);
        assert_eq!(tenants.get(&key).state(), State::Open, "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn signals_carry_few_names_and_refusals_the_exact_one() {
    let recorder = Recorder::new();
    let builder = Breaker::builder("hosts").config(two_failures()).observer(recorder.clone());
    let hosts: KeyedBreakers<String> = builder.keyed(KeyLimits::new()).unwrap();
    for host in ["a.example", "b.example", "c\n.example"] {
        open(&hosts.get(host));
    }
    assert_eq!(recorder.count(Verdict::Changed), 3);
    assert!(recorder.entries().iter().all(|entry| &*entry.instance == "hosts"));
    assert_eq!(hosts.get("c\n.example").try_admit().unwrap_err().name(), "hosts/c_.example");
}

#[test]
fn limits_out_of_range_are_refused_with_everything_else() {
    let error = Breaker::builder("")
        .config(BreakerConfig::new().min_calls(0))
        .keyed::<u64>(KeyLimits::new().max_keys(0))
        .unwrap_err();
    let fields: Vec<_> = error.problems().iter().map(|problem| problem.field().to_owned()).collect();
    assert_eq!(fields, ["name", "min_calls", "max_keys"]);
}

#[tokio::test(start_paused = true)]
async fn a_layer_keeps_hosts_apart() {
    let layer = CircuitBreakerLayer::inbound("hosts")
        .config(two_failures())
        .keyed::<String, _>(ByHost, KeyLimits::new())
        .unwrap();
    let inner = Strict::<_, _, std::convert::Infallible>::with(|_, request: &Request<Full<Bytes>>| {
        let bad = request.uri().host() == Some("bad.example");
        let status = if bad { StatusCode::BAD_GATEWAY } else { StatusCode::OK };
        Reply::Ok(message::response(status, ""))
    });
    let probe = inner.probe();
    let service = layer.layer(inner);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        for host in ["bad", "good"] {
            let request = message::get(&format!("http://{host}.example/"));
            statuses.push(message::send(&service, request).await.status.as_u16());
        }
    }
    assert_eq!(statuses, [502, 200, 502, 200, 503, 200]);
    assert_eq!(probe.calls(), 5);
    assert_eq!(layer.breakers().get("bad.example").state(), State::Open);
}
