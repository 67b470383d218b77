//! What connectors were told to do.

use fleet_sim::{Fault, Upstream};
use serde_json::{Value, json};

use super::{Audited, DEPLOYMENTS, KEY, PACKAGES, holder_of};
use crate::world::package;

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
        calls.sort_unstable_by_key(|call| !call.to_string().contains("intune"));
        let [intune, jamf] = &calls[..] else { panic!("{calls:?}") };
        check(intune, "intune", operation, "SUCCESS", "success");
        check(jamf, "jamf", operation, "SUCCESS", "success");
    }
    let order = place.of("deploy").iter().map(|event| event["action"].clone()).collect::<Vec<_>>();
    assert_eq!(order, ["CONNECTOR_CALL", "CONNECTOR_CALL", "DEPLOYMENT_STARTED"]);
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
