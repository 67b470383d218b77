//! What connectors were told to do.

use control_plane::ControlPlane;
use fleet_sim::{Fault, Upstream};
use serde_json::{Value, json};

use super::{Audited, DEPLOYMENTS, KEY, PACKAGES, holder_of};
use crate::world::{package, quick};

fn check(call: &Value, connector: &str, operation: &str, word: &str, outcome: &str) {
    let details = &call["details"];
    assert_eq!((&call["category"], &call["outcome"]), (&json!("connector"), &json!(outcome)), "{call}");
    assert_eq!(details["connector_outcome"], word, "{call}");
    let told = call.to_string();
    assert!(told.contains(connector) && told.contains(operation), "{call}");
    assert!(details["elapsed_ms"].is_u64(), "{call}");
    assert_eq!(call["actor"]["id"], holder_of(KEY), "{call}");
}

#[tokio::test]
async fn each_call_of_a_connector_is_recorded_with_the_request_that_it_was_for() {
    let server = Audited::start().await;
    let id = server.post("take-in", PACKAGES, package("Chat", &["windows", "macos"], 0.1)).await.created();
    let deployed = server.post("deploy", DEPLOYMENTS, json!({ "package_id": id, "ring": "canary" })).await;
    assert_eq!(server.get("show", &format!("{DEPLOYMENTS}/{}", deployed.created())).await.status, 200);

    let place = server.stop().await;
    assert_eq!(place.calls_of("take-in"), Vec::<Value>::new());
    for (request, operation) in [("deploy", "deploy"), ("show", "count_installs")] {
        let mut calls = place.calls_of(request);
        calls.retain(|call| call["stage"] == "complete");
        calls.sort_unstable_by_key(|call| !call.to_string().contains("intune"));
        let [intune, jamf] = &calls[..] else { panic!("{calls:?}") };
        check(intune, "intune", operation, "SUCCESS", "success");
        check(jamf, "jamf", operation, "SUCCESS", "success");
    }
    let told = |event: &Value| event["details"]["connector_outcome"].as_str().map(str::to_owned);
    assert!(
        place.calls_of("show").iter().all(|call| told(call).as_deref() == Some("SUCCESS")),
        "it only reads"
    );
    let deploy = place.of("deploy");
    let order: Vec<_> = deploy.iter().map(told).collect();
    assert_eq!(order.iter().flatten().filter(|told| *told == "START").count(), 2, "{order:?}");
    assert_eq!(order.first(), Some(&Some("START".to_owned())), "before anything is changed there");
    assert_eq!(deploy.last().unwrap()["action"], "DEPLOYMENT_STARTED");
}

#[tokio::test]
async fn each_retry_is_recorded_with_its_cause_before_the_end() {
    let server = Audited::with(ControlPlane::builder().resilience(quick())).await;
    assert_eq!(server.get("token", "/api/v1/devices/intune").await.status, 200);
    server.world.sim().set_fault(Upstream::Intune, Fault::answering(503).times(2)).unwrap();
    let (other, retried) = tokio::join!(
        server.get("other", "/api/v1/devices/jamf"),
        server.get("retried", "/api/v1/devices/intune")
    );
    assert_eq!((other.status, retried.status), (200, 200));

    let place = server.stop().await;
    assert_eq!(
        (place.calls_of("token").len(), place.calls_of("other").len()),
        (1, 1),
        "nobody else's retries"
    );
    let calls = place.calls_of("retried");
    let [first, second, end] = &calls[..] else { panic!("{calls:?}") };
    for (retry, attempts_left) in [(first, 1), (second, 0)] {
        check(retry, "intune", "list_devices", "RETRY", "failure");
        assert_eq!(
            (&retry["reason"], &retry["details"]["attempts_left"]),
            (&json!("retry"), &json!(attempts_left))
        );
        assert_eq!(retry["details"]["cause"], "status", "{retry}");
    }
    check(end, "intune", "list_devices", "SUCCESS", "success");
}

#[tokio::test]
async fn a_call_that_fails_and_one_that_an_open_circuit_refuses_are_told_apart() {
    let server = Audited::start().await;
    let path = "/api/v1/devices/jamf";
    server.world.sim().set_fault(Upstream::Jamf, Fault::answering(503)).unwrap();
    assert_eq!(server.get("fails", path).await.problem(502), "upstream_failed");
    server.world.break_circuit(Upstream::Jamf).await;
    assert_eq!(server.get("refused", path).await.problem(503), "circuit_open");

    let place = server.stop().await;
    let (fails, refused) = (place.calls_of("fails"), place.calls_of("refused"));
    check(&fails[0], "jamf", "list_devices", "FAILURE", "failure");
    assert!(fails[0]["details"]["error"].as_str().unwrap().contains("503"), "{fails:?}");
    check(&refused[0], "jamf", "list_devices", "CIRCUIT_OPEN", "denied");
    assert_eq!((fails.len(), refused.len()), (1, 1));
    for (id, code) in [("fails", "upstream_failed"), ("refused", "circuit_open")] {
        let end = place.end_of(id);
        assert_eq!((&end["outcome"], &end["details"]["code"]), (&json!("failure"), &json!(code)), "{end}");
    }
}
