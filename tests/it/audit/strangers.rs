//! Those who ask for the audit log and may not read it, again and again.

use std::time::Instant;

use buttress::rate_limit::Quota;
use control_plane::{ControlPlane, RateLimits};
use reqwest::Method;
use serde_json::{Value, json};

use super::{AUDIT, Audited, KEY, Place, is_end};
use crate::world::{Answer, World, no_retry};

/// How many attempts a minute are recorded each by itself: of one address, and of all.
const OF_ONE: f64 = 10.0;
const OF_ALL: f64 = 60.0;

/// Whether an attempt got as far as to be recorded, and to be told that only administrators may read.
async fn reached(server: &Audited, id: &str, forwarded_for: &str) -> bool {
    let request = server.request(id, Method::GET, AUDIT).header("x-api-key", KEY);
    let answer = Answer::to(request.header("x-forwarded-for", forwarded_for)).await;
    if answer.status == 403 {
        return true;
    }
    assert_eq!(answer.problem(429), "rate_limited");
    assert!(answer.header("retry-after").is_some() && answer.correlation_id() == id, "{answer:?}");
    false
}

/// The records that count attempts without records of their own.
fn summaries(place: &Place) -> Vec<Value> {
    let all = place.records().into_iter().map(|record| record.event);
    all.filter(|event| event["details"]["attempts"].is_u64()).collect()
}

/// What comes through in a time: what is saved up, and what comes in.
fn most(per_minute: f64, began: Instant) -> f64 {
    per_minute + per_minute * began.elapsed().as_secs_f64() / 60.0 + 1.0
}

#[tokio::test]
async fn a_flood_of_strangers_leaves_few_records_and_none_of_it_is_missed() {
    let server = Audited::start().await;
    let (began, mut attempts) = (Instant::now(), [0_u32, 0]);
    for _ in 0..200 {
        attempts[usize::from(reached(&server, "flood", "192.0.2.1").await)] += 1;
    }
    let [turned_away, recorded] = attempts;
    assert!((10.0..=most(OF_ONE, began)).contains(&f64::from(recorded)), "{recorded}");
    let ends = server.place.of("flood").iter().filter(|event| is_end(event)).count();
    assert_eq!(ends, recorded as usize, "each of these has its record, and no other");

    // The address is exhausted; an administrator at the same one reads, and what he reads is the whole truth.
    let page = server.read("?action=audit_read&outcome=denied&limit=500").await.json();
    let told = &page["records"][0]["event"];
    assert_eq!(
        (&told["reason"], &told["actor"]["type"]),
        (&json!("rate_limited"), &json!("system")),
        "{told}"
    );
    assert_eq!(told["details"]["attempts"], turned_away, "{told}");
    assert_eq!(told["details"]["by_address"], json!({ "127.0.0.1": turned_away }), "not what a header says");
    assert_eq!(told["details"]["by_others"], 0, "{told}");
    assert_eq!(summaries(&server.stop().await).len(), 1, "what is told is told once");
}

#[tokio::test]
async fn what_strangers_did_last_is_recorded_before_the_end() {
    let server = Audited::start().await;
    let mut turned_away = 0;
    for _ in 0..30 {
        turned_away += u32::from(!reached(&server, "flood", "").await);
    }
    let place = server.stop().await;
    let [told] = &summaries(&place)[..] else { panic!("one record") };
    assert_eq!(told["details"]["attempts"], turned_away);
    let last = place.records().pop().unwrap().event;
    assert_eq!(last["action"], "SERVICE_STOPPED");
}

#[tokio::test]
async fn strangers_at_many_addresses_have_one_limit_together() {
    let plenty = Quota::per_second(100_000);
    let limits = RateLimits {
        per_address: plenty,
        per_key: plenty,
        trusted_proxies: vec!["127.0.0.0/8".to_owned()],
        ..RateLimits::default()
    };
    let place = Place::new();
    let control_plane = place.of_admin(ControlPlane::builder().resilience(no_retry()));
    let server = Audited { world: World::of(control_plane.rate_limits(limits)).await, place };
    let (began, mut recorded) = (Instant::now(), 0_u32);
    for attempt in 0..20 {
        for last in 1..=10 {
            let id = format!("flood-{attempt}-{last}");
            recorded += u32::from(reached(&server, &id, &format!("192.0.2.{last}")).await);
        }
    }
    assert!((60.0..=most(OF_ALL, began)).contains(&f64::from(recorded)), "{recorded}");
    let place = server.stop().await;
    let [told] = &summaries(&place)[..] else { panic!("one record") };
    let named = told["details"]["by_address"].as_object().unwrap();
    let of_all: u64 = named.values().map(|attempts| attempts.as_u64().unwrap()).sum();
    assert_eq!((named.len(), of_all), (10, u64::from(200 - recorded)), "{told}");
}
