//! Floods that are refused: whoever has no key must not push out what the log keeps.

use std::time::Duration;

use buttress::rate_limit::Quota;
use control_plane::{ControlPlane, RateLimits};
use futures_util::future::join_all;
use serde_json::json;

use super::{Audited, PACKAGES, Place, is_end};
use crate::world::{World, no_retry};

/// What an address may ask, and does not get back while a test runs.
const ADMITTED: u64 = 5;
/// How many refusals of an address are recorded each by itself in a minute.
const ALONE: u64 = 300;
/// Somebody who does not stop: so many connections, each so often.
const CONNECTIONS: u64 = 8;
const REQUESTS: u64 = 120;

async fn limited() -> Audited {
    let few = Quota::per(ADMITTED, Duration::from_secs(100 * 24 * 60 * 60)).burst(ADMITTED);
    let limits = RateLimits { per_address: few, ..RateLimits::default() };
    let place = Place::new();
    let control_plane = place.of_admin(ControlPlane::builder().resilience(no_retry()));
    Audited { world: World::of(control_plane.rate_limits(limits)).await, place }
}

/// How many of a flood were refused.
async fn flood(server: &Audited) -> u64 {
    let one = async || {
        let mut refused = 0;
        for _ in 0..REQUESTS {
            refused += u64::from(server.get("flood", PACKAGES).await.status == 429);
        }
        refused
    };
    join_all((0..CONNECTIONS).map(|_| one())).await.into_iter().sum()
}

#[tokio::test]
async fn a_flood_that_is_refused_leaves_few_records_and_its_exact_number() {
    let server = limited().await;
    let refused = flood(&server).await;
    assert_eq!(refused, CONNECTIONS * REQUESTS - ADMITTED);
    let health = server.world.get("/api/v1/health/audit").await.json();
    let place = server.stop().await;

    let ends: Vec<_> = place.of("flood").into_iter().filter(is_end).collect();
    let alone = ends.iter().filter(|event| event["reason"] == "rate_limited").count() as u64;
    assert_eq!(ends.len() as u64 - alone, ADMITTED, "what was admitted has its record");
    let all = place.records().into_iter().map(|record| record.event);
    let told: Vec<_> = all.filter(|event| event["action"] == "AUDIT_REFUSALS").collect();
    let counted: u64 = told.iter().map(|event| event["details"]["count"].as_u64().unwrap()).sum();
    assert_eq!(alone + counted, refused, "{told:#?}");
    // It may have taken longer than a minute.
    let windows = told.len() as u64 + 1;
    assert!((ALONE..=ALONE * windows).contains(&alone), "{alone} in {windows}");
    assert_eq!(health["events"]["summarised"], counted);

    let first = &told[0];
    let words = [&first["outcome"], &first["reason"], &first["category"]];
    assert_eq!(words, ["denied", "rate_limited", "system"]);
    assert_eq!(first["details"]["by_address"], json!({ "127.0.0.1": first["details"]["count"] }));
}
