//! The server with the records goes away and comes back; or was never there.

#[cfg(target_os = "linux")]
use buttress_testkit::TinyDisk;
use buttress_testkit::redis::RedisServer;
use control_plane::{ControlPlane, RecordsIn, Secret};
use fleet_sim::{Fault, Upstream};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Place, is_replay};
use crate::process::{Process, folder};
use crate::world::{Answer, World, package, until};

const PACKAGES: &str = "/api/v1/packages";

impl Place {
    fn kill(&mut self) {
        match self {
            Self::Redis(server) => server.kill(),
            Self::Postgres(server) => server.kill(),
            Self::Memory | Self::Folder(_) => panic!("nothing to kill"),
        }
    }

    fn restart(&mut self) {
        match self {
            Self::Redis(server) => server.restart(),
            Self::Postgres(server) => server.restart(),
            Self::Memory | Self::Folder(_) => panic!("nothing to start"),
        }
    }
}

async fn health(world: &World) -> Value {
    world.get("/health/ready").await.json()["dependencies"]["idempotency"].clone()
}

/// Asks until the store is asked again and answers.
async fn until_answered(world: &World, key: &str, path: &str, body: &Value) -> Answer {
    let mut answer = None;
    until(async || {
        let asked = world.post_with(key, path, body.clone()).await;
        let is_answered = !matches!(asked.status, 409 | 503);
        answer = Some(asked);
        is_answered
    })
    .await;
    answer.unwrap()
}

async fn nothing_runs_while_the_store_is_gone(mut place: Place) {
    let world = place.world().await;
    let (mail, chat) = (package("Mail", &["windows"], 0.1), package("Chat", &["windows"], 0.1));
    let before = world.post_with("before", PACKAGES, mail.clone()).await;
    assert_eq!((before.status, health(&world).await), (201, json!("up")));

    place.kill();
    for (key, body) in [("during", &chat), ("before", &mail)] {
        let refused = world.post_with(key, PACKAGES, body.clone()).await;
        assert_eq!(refused.problem(503), "idempotency_store_unavailable");
        assert!(refused.header("retry-after").is_some(), "{refused:?}");
    }
    assert_eq!(world.get(PACKAGES).await.json()["total"], 1, "what only reads goes on");
    until(async || health(&world).await == "out").await;

    place.restart();
    let during = until_answered(&world, "during", PACKAGES, &chat).await;
    assert_eq!((during.status, is_replay(&during)), (201, false), "{during:?}");
    let again = until_answered(&world, "before", PACKAGES, &mail).await;
    assert_eq!((is_replay(&again), &again.text), (true, &before.text));
    until(async || health(&world).await == "up").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_runs_while_redis_is_gone_and_all_goes_on_when_it_is_back() {
    nothing_runs_while_the_store_is_gone(Place::redis()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_runs_while_postgres_is_gone_and_all_goes_on_when_it_is_back() {
    nothing_runs_while_the_store_is_gone(Place::postgres()).await;
}

/// A server that answers is not enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_begins_to_evict_takes_no_new_requests_and_is_told_as_out() {
    let place = Place::redis();
    let world = place.world().await;
    let Place::Redis(server) = &place else { unreachable!() };
    assert_eq!(health(&world).await, "up");
    server.ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    until(async || health(&world).await == "out").await;
    let refused = world.post_with("during", PACKAGES, package("Mail", &["windows"], 0.1)).await;
    assert_eq!(refused.problem(503), "idempotency_store_unavailable");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_with_records_is_told_as_up() {
    let world = Place::folder().world().await;
    assert_eq!(health(&world).await, "up");
    world.stop().await;
}

async fn an_ending_is_written_when_the_store_is_back(mut place: Place) {
    let world = place.world().await.with_tokens().await;
    let id = world.package(package("Mail", &["windows"], 0.1)).await;
    world.sim().set_fault(Upstream::Intune, Fault::hang()).unwrap();
    let (path, body) = ("/api/v1/deployments", json!({ "package_id": id, "ring": "canary" }));
    let in_the_middle = async {
        until(async || !world.sim().requests(Upstream::Intune).is_empty()).await;
        place.kill();
        world.sim().clear_fault(Upstream::Intune);
    };
    let (first, ()) = tokio::join!(world.post_with("the-one", path, body.clone()), in_the_middle);
    assert_eq!(
        (first.status, first.json()["state"].as_str()),
        (201, Some("deployed")),
        "it was done: {first:?}"
    );
    place.restart();
    let again = until_answered(&world, "the-one", path, &body).await;
    assert_eq!((is_replay(&again), &again.text), (true, &first.text), "{again:?}");
    let steps = world.sim().requests(Upstream::Intune);
    assert_eq!(steps.iter().filter(|seen| seen.path.ends_with("/mobileApps")).count(), 1, "{steps:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_while_redis_is_gone_is_written_when_it_is_back() {
    an_ending_is_written_when_the_store_is_back(Place::redis()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_while_postgres_is_gone_is_written_when_it_is_back() {
    an_ending_is_written_when_the_store_is_back(Place::postgres()).await;
}

#[tokio::test]
async fn a_store_that_is_not_there_at_the_start_is_told_and_its_password_is_not() {
    let (redis, postgres) = ("redis://:s3cret@127.0.0.1:1/", "postgres://me:s3cret@127.0.0.1:1/records");
    let refused = "no connection to PostgreSQL at 127.0.0.1:1: ";
    for (records, server, place) in [
        (RecordsIn::Redis(Secret::new(redis)), "Redis", "127.0.0.1:1"),
        (RecordsIn::Postgres(Secret::new(postgres)), "PostgreSQL", refused),
        (RecordsIn::Postgres(Secret::new("s3cret at nowhere")), "PostgreSQL", "database"),
    ] {
        let error = ControlPlane::builder().records(records).start().await.expect_err("nobody is there");
        let told = error.to_string();
        assert!(told.starts_with(&format!("cannot keep idempotency records in {server}: ")), "{told}");
        assert!(told.contains(place) && !told.contains("s3cret"), "{told}");
    }
}

#[tokio::test]
async fn that_the_store_is_gone_and_back_is_told_in_the_log() {
    let mut server = RedisServer::start();
    let process = Process::start(&["--idempotency", "redis", "--redis", &server.url()]).await;
    let create = async |number: usize| {
        let (key, package) = (format!("key-{number}"), package(&format!("p{number}"), &["windows"], 0.1));
        process.post_with(&key, PACKAGES, package).await.expect("an answer").status
    };
    server.kill();
    assert_eq!(join_all((0..6).map(&create)).await, [503; 6]);
    server.restart();
    until(async || create(6).await == 201).await;
    let log = process.stop().await;
    let changes = log.lines().filter(|line| line["logger"] == "control_plane::records");
    let states: Vec<_> = changes.filter_map(|line| line["state"].as_str().map(str::to_owned)).collect();
    assert_eq!(states, ["store_sick", "store_well"]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn that_the_disk_is_full_is_told_in_the_log_and_a_restart_with_room_goes_on() {
    let Some(disk) = TinyDisk::mount() else {
        return println!("not shown: only the administrator may mount a file system");
    };
    let (audit, data, other) = (folder(), disk.path().join("data"), disk.path().join("other"));
    let audit = audit.path().join("audit");
    let args = ["--address-rate", "100000/s", "--audit", audit.to_str().unwrap()];
    let process = Process::start_in(&data, &args).await;
    // As much as there is room for.
    let _ = std::fs::write(&other, vec![7; 8 << 20]);
    let create = async |process: &Process, number: usize| {
        let (key, package) = (format!("key-{number}"), package(&format!("p{number}"), &["windows"], 0.1));
        process.post_with(&key, PACKAGES, package).await.expect("an answer")
    };
    let mut asked = 0;
    let refused = loop {
        let answer = create(&process, asked).await;
        if answer.status == 503 && answer.problem(503) == "idempotency_store_unavailable" {
            break answer;
        }
        asked += 1;
        assert!(asked < 1_000, "{answer:?}");
    };
    let log = process.stop().await;
    let why = log.lines_of(refused.correlation_id()).into_iter().find(|line| line["error"].is_string());
    let why = why.expect("a line that says why");
    assert_eq!((&why["level"], &why["logger"]), (&json!("error"), &json!("control_plane::records")));
    assert!(why["error"].as_str().is_some_and(|text| text.contains("No space left on device")), "{why}");

    std::fs::remove_file(&other).unwrap();
    let process = Process::start_in(&data, &args).await;
    assert_eq!(create(&process, asked).await.status, 201);
    process.stop().await;
}
