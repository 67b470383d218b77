//! The process is killed without a warning and started again in the same folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use control_plane::{ControlPlane, Upstreams};
use fleet_sim::FleetSim;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{count, is_replay};
use crate::process::{Process, folder};
use crate::world::{World, approval, package, until};

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
        let Ok(answer) = answer else {
            known.insert(name, None);
            break;
        };
        assert_eq!((answer.status, is_replay(&answer)), (201, false), "{answer:?}");
        known.insert(name, Some(answer.text));
        acknowledged.fetch_add(1, Ordering::SeqCst);
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
    let of_request = log.lines_of("canary");
    let told = of_request.iter().find(|line| line["message"] == "an earlier attempt was not finished");
    assert_eq!(told.expect("a line in the log, with the correlation ID")["attempt"], 2);
}

/// One of each POST, always with the same keys; what there is then.
async fn everything(world: &World) -> [Value; 3] {
    let id = world.post_with("package", PACKAGES, package("Mail", &["windows"], 0.1)).await.created();
    let of_package = format!("{PACKAGES}/{id}");
    let ruled = world.post_with("ruling", &format!("{of_package}/approval"), approval("pilot")).await;
    assert_eq!(ruled.status, 201, "{ruled:?}");
    let body = json!({ "package_id": id, "ring": "canary" });
    let deployment = world.post_with("deployment", "/api/v1/deployments", body).await;
    let deployment = deployment.created();
    let promoted = world.promote_with("promotion", &deployment).await;
    assert_eq!((promoted.status, promoted.json()["ring"].as_str()), (200, Some("pilot")), "{promoted:?}");
    let incident = json!({ "deployment_id": deployment, "title": "slow", "affected_devices": 11 });
    let incident = world.post_with("incident", "/api/v1/incidents", incident).await.created();
    let (deployment, incident) =
        (format!("/api/v1/deployments/{deployment}"), format!("/api/v1/incidents/{incident}"));
    let resolution = json!({ "by": "on call", "resolution": "restarted" });
    let resolved = world.post_with("resolution", &format!("{incident}/resolve"), resolution).await;
    assert_eq!(resolved.status, 200, "{resolved:?}");
    let look = async |path: &str| world.get(path).await.json();
    [look(&of_package).await, look(&deployment).await, look(&incident).await]
}

/// As after crashes between what was done and the records of it: the records are gone, and what was done is not.
#[tokio::test]
async fn requests_whose_records_were_lost_find_what_they_have_done() {
    let (data, sim) = (folder(), FleetSim::start("127.0.0.1:0").await.unwrap());
    let control_plane = || {
        let upstreams = Upstreams::simulated_at(&format!("http://{}", sim.addr()));
        World::with(ControlPlane::builder().data(data.path().to_owned()).upstreams(upstreams))
    };
    let world = control_plane().await;
    let first = everything(&world).await;
    world.stop().await;
    let world = control_plane().await;
    assert_eq!(everything(&world).await, first);
    let another = world.post(PACKAGES, package("Mail", &["windows"], 0.1)).await;
    assert_eq!(another.problem(409), "package_exists", "another request is not the same");
    assert_eq!(count(&world, "replayed").await, 0);
    world.stop().await;
    sim.shutdown().await;
}
