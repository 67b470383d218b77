//! One request, 200 times at once.

use std::collections::HashSet;

use fleet_sim::{Fault, Upstream};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Place, count, is_replay};
use crate::world::{Answer, World, package, until};

const MANY: usize = 200;

/// Sends the same to one instance after the other, all at once, and checks that one ran and all others tell of it.
async fn all_at_once(worlds: &[World], path: &str, body: &Value) -> Vec<Answer> {
    let ask = |n: usize| worlds[n % worlds.len()].post_with("the-one", path, body.clone());
    let answers = join_all((0..MANY).map(ask)).await;
    let (refused, given): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 409);
    for refused in &refused {
        assert_eq!(refused.problem(409), "idempotency_in_flight");
        assert_eq!(refused.header("retry-after"), Some("1"));
    }
    assert_eq!(given.iter().filter(|answer| !is_replay(answer)).count(), 1, "one is the original");
    let bytes: HashSet<_> = given.iter().map(|answer| (answer.status, &answer.text)).collect();
    assert_eq!(bytes.len(), 1, "all of them say the same: {bytes:?}");
    assert_eq!(given[0].status, 201, "{:?}", given[0]);
    let mut started = 0;
    for world in worlds {
        started += count(world, "started").await + count(world, "recovered").await;
    }
    assert_eq!(started, 1, "the handler ran once");
    given
}

async fn one_of_200_creates_the_package(place: Place, instances: usize) {
    let mut worlds = Vec::new();
    for _ in 0..instances {
        worlds.push(place.world().await);
    }
    let body = package("Mail", &["windows"], 0.1);
    all_at_once(&worlds, "/api/v1/packages", &body).await;
    let mut packages = 0;
    for world in &worlds {
        packages += world.get("/api/v1/packages").await.json()["total"].as_u64().unwrap();
    }
    assert_eq!(packages, 1);
    for world in worlds {
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_200_duplicates_one_runs_with_records_in_memory() {
    one_of_200_creates_the_package(Place::Memory, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_200_duplicates_one_runs_with_records_in_a_folder() {
    one_of_200_creates_the_package(Place::folder(), 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_200_duplicates_at_two_instances_one_runs_with_records_in_redis() {
    one_of_200_creates_the_package(Place::redis(), 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_200_duplicates_at_two_instances_one_runs_with_records_in_postgres() {
    one_of_200_creates_the_package(Place::postgres(), 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_one_runs_all_others_are_told_so_and_it_reaches_the_upstream_once() {
    let world = Place::folder().world().await.with_tokens().await;
    let id = world.package(package("Mail", &["windows"], 0.1)).await;
    world.sim().set_fault(Upstream::Intune, Fault::hang()).unwrap();
    let body = json!({ "package_id": id, "ring": "canary" });
    let ask = || world.post_with("the-one", "/api/v1/deployments", body.clone());
    let others = async {
        until(async || !world.sim().requests(Upstream::Intune).is_empty()).await;
        let refused = join_all((1..MANY).map(|_| ask())).await;
        world.sim().clear_fault(Upstream::Intune);
        refused
    };
    let (first, others) = tokio::join!(ask(), others);
    assert_eq!((first.status, is_replay(&first)), (201, false), "{first:?}");
    assert!(others.iter().all(|refused| refused.problem(409) == "idempotency_in_flight"));
    let again = ask().await;
    assert_eq!((again.status, is_replay(&again), &again.text), (201, true, &first.text));
    let creates = world.sim().requests(Upstream::Intune);
    assert_eq!(creates.iter().filter(|seen| seen.path.ends_with("/mobileApps")).count(), 1, "{creates:?}");
    world.stop().await;
}
