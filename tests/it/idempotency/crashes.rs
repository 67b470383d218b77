//! The process is killed without a warning and started again in the same folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::is_replay;
use crate::process::{Process, folder};
use crate::world::{package, until};

const PACKAGES: &str = "/api/v1/packages";
const ROUNDS: usize = 20;
const CLIENTS: usize = 8;

async fn start(data: &Path) -> Process {
    Process::start_in(data, &["--address-rate", "1000000/s", "--key-rate", "1000000/s"]).await
}

/// What the clients know: the answer to each name, or that there was none.
type Known = BTreeMap<String, Option<String>>;

/// Creates one package after the other until the process is gone.
async fn create(process: &Process, round: usize, client: usize, acknowledged: &AtomicUsize) -> Known {
    let mut known = Known::new();
    for number in 0.. {
        let name = format!("p-{round}-{client}-{number}");
        let answer = process.post_with(&name, PACKAGES, package(&name, &["windows"], 0.1)).await;
        match answer {
            Ok(answer) => {
                assert_eq!((answer.status, is_replay(&answer)), (201, false), "{answer:?}");
                known.insert(name, Some(answer.text));
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            Err(_) => {
                known.insert(name, None);
                break;
            }
        }
    }
    known
}

/// Sends again what was not answered, and some of what was.
async fn ask_again(process: &Process, known: &mut Known, every: usize) {
    for (n, (name, answer)) in
        known.iter_mut().enumerate().filter(|(n, (_, answer))| answer.is_none() || n % every == 0)
    {
        let again = process.post_with(name, PACKAGES, package(name, &["windows"], 0.1)).await;
        let again = again.expect("nobody kills it now");
        assert_eq!(again.status, 201, "{n} {name}: {again:?}");
        match answer {
            Some(text) => assert_eq!((is_replay(&again), &again.text), (true, &*text), "{name}"),
            None => *answer = Some(again.text),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_lose_no_package_that_was_answered_and_double_none() {
    let data = folder();
    let mut known = Known::new();
    for round in 0..ROUNDS {
        let process = start(data.path()).await;
        ask_again(&process, &mut known, 16).await;
        let acknowledged = AtomicUsize::new(0);
        let clients = join_all((0..CLIENTS).map(|client| create(&process, round, client, &acknowledged)));
        // At another moment of the work in each round.
        let kill = async {
            until(async || acknowledged.load(Ordering::SeqCst) > round % 7).await;
            process.kill().await;
        };
        let (new, ()) = tokio::join!(clients, kill);
        known.extend(new.into_iter().flatten());
        process.ended().await;
    }

    let process = start(data.path()).await;
    ask_again(&process, &mut known, 1).await;
    let mut packages = BTreeMap::new();
    for page in 0.. {
        let list = process.get_as("any", &format!("{PACKAGES}?page_size=500&page={page}")).await.json();
        let list = list["packages"].as_array().unwrap().clone();
        if list.is_empty() {
            break;
        }
        for package in list {
            let name = package["name"].as_str().unwrap().to_owned();
            assert!(packages.insert(name, package).is_none(), "no name twice");
        }
    }
    assert_eq!(packages.len(), known.len());
    for (name, answer) in &known {
        let answered: Value = serde_json::from_str(answer.as_ref().expect("asked again")).unwrap();
        assert_eq!(answered["id"], packages[name]["id"], "{name}");
    }
    process.stop().await;
}

#[tokio::test]
async fn a_deployment_that_a_kill_cut_short_goes_on_as_the_second_attempt() {
    let data = folder();
    let process = start(data.path()).await;
    let id = process.post_with("mail", PACKAGES, package("Mail", &["windows"], 0.1)).await.unwrap().created();
    process.put_fault("intune", &json!({ "hang": true })).await;
    let (path, body) = ("/api/v1/deployments", json!({ "package_id": id, "ring": "canary" }));
    let kill = async {
        until(async || !process.requests("intune").await.is_empty()).await;
        process.kill().await;
    };
    let (cut, ()) = tokio::join!(process.post_with("canary", path, body.clone()), kill);
    assert!(cut.is_err(), "{cut:?}");
    process.ended().await;

    let process = start(data.path()).await;
    let package = process.get_as("any", &format!("{PACKAGES}/{id}")).await.json();
    let begun = package["deployment_id"].as_str().expect("it was begun").to_owned();
    let second = process.post_with("canary", path, body.clone()).await.unwrap();
    assert_eq!((second.created(), second.json()["state"].as_str()), (begun, Some("deployed")), "{second:?}");
    assert!(!is_replay(&second));
    let third = process.post_with("canary", path, body).await.unwrap();
    assert_eq!((is_replay(&third), &third.text), (true, &second.text));
    let counts = process.get_as("any", "/api/v1/health/idempotency").await.json();
    assert_eq!((&counts["totals"]["recovered"], &counts["totals"]["replayed"]), (&json!(1), &json!(1)));
    let log = process.stop().await;
    let told = log.lines().find(|line| line["message"] == "an earlier attempt was not finished");
    assert_eq!(told.expect("a line in the log")["attempt"], 2);
}

/// As after a crash between what was done and the record of it: here all records are gone, and what was done is not.
#[tokio::test]
async fn a_request_whose_record_was_lost_finds_what_it_has_done() {
    let data = folder();
    let memory = ["--idempotency", "memory"];
    let process = Process::start_in(data.path(), &memory).await;
    let ask = async |process: &Process, key: &str| {
        process.post_with(key, PACKAGES, package("Mail", &["windows"], 0.1)).await.unwrap()
    };
    let first = ask(&process, "k").await;
    process.stop().await;
    let process = Process::start_in(data.path(), &memory).await;
    let again = ask(&process, "k").await;
    assert_eq!((again.status, is_replay(&again), &again.text), (201, false, &first.text));
    assert_eq!(ask(&process, "another").await.problem(409), "package_exists");
    process.stop().await;
}
