//! Nobody is given an answer that is not his own.

use reqwest::Method;
use serde_json::json;

use super::{Place, is_replay};
use crate::world::{Answer, IDEMPOTENCY_KEY, World, package};

const PACKAGES: &str = "/api/v1/packages";

async fn create_as(world: &World, caller: Option<&str>, name: &str) -> Answer {
    let request = world.request(Method::POST, PACKAGES).header(IDEMPOTENCY_KEY, "same");
    let request = match caller {
        Some(api_key) => request.header("x-api-key", api_key),
        None => request,
    };
    Answer::to(request.json(&package(name, &["windows"], 0.1))).await
}

async fn each_caller_has_his_own(place: Place) {
    let world = place.world().await;
    let callers = [(Some("one"), "Mail"), (Some("two"), "Chat"), (None, "Maps")];
    let mut first = Vec::new();
    for (caller, name) in callers {
        let created = create_as(&world, caller, name).await;
        assert_eq!((created.status, is_replay(&created)), (201, false), "{caller:?} {created:?}");
        assert_eq!(created.json()["name"], name);
        first.push(created);
    }
    for ((caller, name), first) in callers.into_iter().zip(&first) {
        let again = create_as(&world, caller, name).await;
        assert_eq!((is_replay(&again), &again.text), (true, &first.text), "{caller:?}");
    }
    // Knowing the key and the request of another caller does not help.
    let nosy = create_as(&world, Some("three"), "Mail").await;
    assert_eq!((nosy.problem(409).as_str(), is_replay(&nosy)), ("package_exists", false));
    assert_eq!(create_as(&world, Some("two"), "Mail").await.problem(422), "idempotency_key_reused");
    world.stop().await;
}

#[tokio::test]
async fn each_caller_has_his_own_records_in_memory() {
    each_caller_has_his_own(Place::Memory).await;
}

#[tokio::test]
async fn each_caller_has_his_own_records_in_a_folder() {
    each_caller_has_his_own(Place::folder()).await;
}

#[tokio::test]
async fn each_caller_has_his_own_records_in_redis() {
    each_caller_has_his_own(Place::redis()).await;
}

#[tokio::test]
async fn each_caller_has_his_own_records_in_postgres() {
    each_caller_has_his_own(Place::postgres()).await;
}

#[tokio::test]
async fn a_key_is_for_one_request_alone() {
    let world = World::start().await;
    let body = package("Mail", &["windows"], 0.1);
    let created = world.post_with("k", PACKAGES, body.clone()).await;
    let id = created.created();
    let incident = json!({ "deployment_id": id, "title": "slow", "affected_devices": 1 });
    for (path, body) in [
        (PACKAGES, package("Mail", &["macos"], 0.1)),
        ("/api/v1/packages?again", body.clone()),
        ("/api/v1/incidents", incident.clone()),
        ("/api/v1/incidents", body.clone()),
        (&*format!("{PACKAGES}/{id}/approval"), body.clone()),
    ] {
        let refused = world.post_with("k", path, body).await;
        assert_eq!(refused.problem(422), "idempotency_key_reused", "{path}");
        assert!(!refused.text.contains(&id), "{refused:?}");
    }
    let again = world.post_with("k", PACKAGES, body).await;
    assert_eq!((is_replay(&again), &again.text), (true, &created.text));
    assert_eq!(again.header("location"), created.header("location"));
    assert_ne!(again.correlation_id(), created.correlation_id(), "each request has an ID of its own");
    world.stop().await;
}

#[tokio::test]
async fn keys_that_are_none_are_refused_before_anything_is_done() {
    let world = World::start().await;
    let long = "k".repeat(256);
    for (keys, code) in [
        (&[][..], "idempotency_key_missing"),
        (&[""], "idempotency_key_empty"),
        (&[&*long], "idempotency_key_too_long"),
        (&["one", "two"], "idempotency_key_repeated"),
        (&["\"half"], "idempotency_key_malformed"),
    ] {
        let request = world.request(Method::POST, PACKAGES).json(&package("Mail", &["windows"], 0.1));
        let request = keys.iter().fold(request, |request, key| request.header(IDEMPOTENCY_KEY, *key));
        assert_eq!(Answer::to(request).await.problem(400), code, "{keys:?}");
    }
    assert_eq!(world.get(PACKAGES).await.json()["total"], 0);
    world.stop().await;
}
