//! What the API takes, and how it says no.

use std::time::Duration;

use control_plane::{ControlPlane, Limits, Resilience};
use fleet_sim::{Fault, Upstream};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, IDEMPOTENCY_KEY, World, approval, new_key, no_retry, package, quick};

fn fields(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.problem(422), "invalid_fields");
    let problems = answer.json()["problems"].as_array().expect("a list").clone();
    problems.iter().map(|problem| problem["field"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn everything_wrong_with_a_package_is_told_at_once() {
    let world = World::start().await;
    let mut wrong = package("Mail", &["windows", "beos"], 0.1);
    wrong["version"] = json!("4 2");
    wrong["artifact_sha256"] = json!("abc");
    wrong["risk_factors"]["history"] = json!(1.1);
    wrong["risk_factors"].as_object_mut().unwrap().remove("exploitability");
    wrong["colour"] = json!("red");
    let refused = world.post("/api/v1/packages", wrong).await;
    assert_eq!(
        fields(&refused),
        [
            "version",
            "platforms",
            "artifact_sha256",
            "risk_factors.exploitability",
            "risk_factors.history",
            "colour"
        ]
    );
    let history = &refused.json()["problems"][4];
    assert_eq!((&history["value"], &history["allowed"]), (&json!(1.1), &json!("0 to 1")));
    world.stop().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_a_problem_and_a_correlation_id() {
    let world = World::start().await;
    let post = |body: String, content_type: &'static str| {
        let request = world.request(Method::POST, "/api/v1/packages");
        Answer::to(request.header(IDEMPOTENCY_KEY, new_key()).header("content-type", content_type).body(body))
    };
    let json = "application/json";
    assert_eq!(post("{".to_owned(), json).await.problem(400), "not_json");
    assert_eq!(post("{}".to_owned(), "text/plain").await.problem(415), "not_json");
    assert_eq!(post(" ".repeat(64 * 1024 + 1), json).await.problem(413), "idempotency_body_too_large");
    assert_eq!(fields(&post("[]".to_owned(), json).await), ["the whole body"]);

    let unknown = "/api/v1/packages/3cedc40f-ac05-444e-badb-cbaf72d53442";
    for path in [
        "/",
        "/api/v1/devices/sccm",
        "/api/v1/devices/%FF",
        "/api/v1/packages/1",
        unknown,
        "/api/v1/incidents/x",
    ] {
        let missing = world.get(path).await;
        assert_eq!(missing.problem(404), "not_found", "{path}");
        assert!(!missing.correlation_id().is_empty());
    }
    let allowed = world.get("/api/v1/devices/sccm").await.json()["allowed"].clone();
    assert_eq!(allowed, "one of intune, jamf");
    assert_eq!(world.get("/api/v1/incidents").await.problem(405), "no_method");
    world.stop().await;
}

#[tokio::test]
async fn pages_are_passed_on_to_each_upstream() {
    let world = World::start().await;
    for upstream in Upstream::ALL {
        let page = world.get(&format!("/api/v1/devices/{upstream}?page=3&page_size=2")).await.json();
        assert_eq!((&page["total"], page["devices"].as_array().unwrap().len()), (&json!(1_000), 2));
        let name = page["devices"][0]["name"].as_str().unwrap();
        assert!(name.ends_with("-0007"), "{name}");
        let wrong = world.get(&format!("/api/v1/devices/{upstream}?page=x&page_size=501&top=1")).await;
        assert_eq!(fields(&wrong), ["page", "page_size", "top"]);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_package_is_taken_in_once_and_memory_is_bounded() {
    let limits = Limits { packages: 1, incidents: 1, rulings: 1 };
    let world = World::with(ControlPlane::builder().limits(limits).resilience(quick())).await;
    let first = world.package(package("Mail", &["windows"], 0.1)).await;
    let again = world.post("/api/v1/packages", package("Mail", &["macos"], 0.2)).await;
    assert_eq!((again.problem(409).as_str(), &again.json()["package_id"]), ("package_exists", &json!(first)));
    let second = world.post("/api/v1/packages", package("Chat", &["windows"], 0.1)).await;
    assert_eq!(second.problem(507), "storage_full");

    assert_eq!(world.rule(&first, approval("canary")).await.status, 201);
    assert_eq!(world.rule(&first, approval("pilot")).await.problem(507), "storage_full");
    let deployment = world.deploy(&first, "canary").await.created();
    let incident = json!({ "deployment_id": deployment, "title": "slow", "affected_devices": 1 });
    assert_eq!(world.post("/api/v1/incidents", incident.clone()).await.status, 201);
    assert_eq!(world.post("/api/v1/incidents", incident).await.problem(507), "storage_full");
    world.stop().await;
}

#[tokio::test]
async fn above_75_only_an_exception_with_an_expiry_and_controls_will_do() {
    let world = World::start().await;
    let id = world.package(package("Kernel Driver", &["windows"], 0.8)).await;
    assert_eq!(world.rule(&id, approval("canary")).await.problem(409), "exception_required");

    let exception = |expires_at: Value, controls: Value| {
        let (ring, by) = ("canary", "security board");
        json!({ "decision": "exception", "ring": ring, "by": by, "expires_at": expires_at, "compensating_controls": controls })
    };
    let without = world.rule(&id, exception(Value::Null, json!([]))).await;
    assert_eq!(fields(&without), ["expires_at", "compensating_controls"]);
    let endless = world.rule(&id, exception(json!("2999-01-01T00:00:00Z"), json!(["monitored"]))).await;
    assert_eq!(fields(&endless), ["expires_at"]);

    let expires_at = json!((jiff::Timestamp::now() + Duration::from_secs(86_400)).to_string());
    assert_eq!(world.rule(&id, exception(expires_at, json!(["monitored"]))).await.status, 201);
    assert_eq!(world.deploy(&id, "canary").await.status, 201);
    world.stop().await;
}

#[tokio::test]
async fn a_rejection_blocks_even_what_needs_no_approval() {
    let world = World::start().await;
    let id = world.package(package("Toolbar", &["windows"], 0.1)).await;
    let rejection = json!({ "decision": "reject", "ring": "canary", "by": "board", "reason": "not wanted" });
    assert_eq!(world.rule(&id, rejection).await.status, 201);
    assert_eq!(world.deploy(&id, "canary").await.shut_gates(), ["approval"]);
    world.stop().await;
}

#[tokio::test]
async fn privileged_tooling_needs_approval_at_any_score() {
    let world = World::start().await;
    let mut tool = package("Admin Tool", &["windows"], 0.0);
    tool["privileged_tooling"] = json!(true);
    let id = world.package(tool).await;
    assert_eq!(world.deploy(&id, "canary").await.shut_gates(), ["approval"]);
    world.stop().await;
}

#[tokio::test]
async fn no_ring_is_skipped() {
    let world = World::start().await;
    let id = world.package(package("Mail", &["windows"], 0.1)).await;
    assert_eq!(world.deploy(&id, "global").await.shut_gates(), ["ring_order"]);
    let deployment = world.deploy(&id, "canary").await.created();
    assert_eq!(world.deploy(&id, "canary").await.created(), deployment, "asked again, it is the same one");
    assert_eq!(world.deploy(&id, "global").await.problem(409), "other_ring");
    world.stop().await;
}

#[tokio::test]
async fn two_who_promote_at_once_move_it_by_one_ring() {
    let world = World::start().await;
    let id = world.package(package("Mail", &["windows"], 0.1)).await;
    let deployment = world.deploy(&id, "canary").await.created();
    world.sim().clear_requests(Upstream::Intune);
    world.sim().set_fault(Upstream::Intune, Fault::hang()).unwrap();
    let both_ask = async {
        // Both have passed the look at the ring when both ask for its installs.
        world.sim().wait_for_requests(Upstream::Intune, 2).await;
        world.sim().clear_fault(Upstream::Intune);
    };
    let (one, two, ()) = tokio::join!(world.promote(&deployment), world.promote(&deployment), both_ask);
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{one:?} {two:?}");
    let status = world.get(&format!("/api/v1/deployments/{deployment}")).await.json();
    assert_eq!(status["ring"], "pilot");
    world.stop().await;
}

#[tokio::test]
async fn an_upstream_that_hangs_is_a_504_and_one_that_throttles_a_503() {
    let (attempt_timeout, total_timeout) = (Duration::from_millis(100), Duration::from_secs(1));
    let world = World::guarded_by(Resilience { attempt_timeout, total_timeout, ..no_retry() }).await;
    world.sim().set_fault(Upstream::Intune, Fault::hang()).unwrap();
    let late = world.devices(Upstream::Intune).await;
    assert_eq!((late.problem(504).as_str(), &late.json()["connector"]), ("timed_out", &json!("intune")));

    let throttled = Fault { retry_after_s: Some(7), ..Fault::answering(429) };
    world.sim().set_fault(Upstream::Jamf, throttled).unwrap();
    let throttled = world.devices(Upstream::Jamf).await;
    assert_eq!(throttled.problem(503), "upstream_throttled");
    assert_eq!(throttled.header("retry-after"), Some("7"));
    world.stop().await;
}

#[tokio::test]
async fn callers_learn_neither_what_an_upstream_said_nor_where_it_is() {
    let world = World::guarded_by(no_retry()).await;
    for fault in [Fault::answering(500), Fault::answering(400), Fault::outage()] {
        world.sim().set_fault(Upstream::Intune, fault).unwrap();
        let failed = world.devices(Upstream::Intune).await;
        assert_eq!(failed.status, 502);
        let (port, said) =
            (world.sim().addr().port().to_string(), ["simulated", "error\"", "http", "managedDevices"]);
        assert!(
            !failed.text.contains(&port) && !said.iter().any(|word| failed.text.contains(word)),
            "{failed:?}"
        );
    }
    world.stop().await;
}
