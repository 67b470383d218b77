//! What each connector does when its upstream fails.

use std::time::Duration;

use control_plane::Resilience;
use fleet_sim::{Fault, Outcome, SeenRequest, Upstream};
use serde_json::json;

use crate::process::Process;
use crate::world::{Answer, World, no_retry, package, quick, until, within};

fn paths(requests: &[SeenRequest]) -> Vec<&str> {
    requests.iter().map(|request| request.path.split('?').next().unwrap()).collect()
}

fn values<'a>(requests: &'a [SeenRequest], header: &str) -> Vec<&'a str> {
    requests.iter().filter_map(|request| request.header(header)).collect()
}

async fn circuit_breaker_trips_after_5_failures(upstream: Upstream, fault: Fault) {
    let world = World::guarded_by(no_retry()).await.with_tokens().await;
    world.sim().set_fault(upstream, fault).unwrap();
    for failures in 1..=5 {
        let breaker = world.breaker(upstream).await;
        assert_eq!((&breaker["state"], &breaker["fail_counter"]), (&json!("closed"), &json!(failures - 1)));
        assert_eq!(world.devices(upstream).await.status, 502);
    }
    let breaker = world.breaker(upstream).await;
    assert_eq!((&breaker["state"], &breaker["opened"]), (&json!("open"), &json!(true)));
    assert_eq!((&breaker["fail_counter"], &breaker["fail_max"]), (&json!(5), &json!(5)));

    let refused = world.devices(upstream).await;
    assert_eq!(refused.problem(503), "circuit_open");
    assert_eq!(refused.json()["connector"], upstream.name());
    assert_eq!(world.sim().requests(upstream).len(), 5, "a refused call never leaves");
    world.stop().await;
}

#[tokio::test]
async fn intune_circuit_breaker_trips_after_5_failures() {
    circuit_breaker_trips_after_5_failures(Upstream::Intune, Fault::answering(503)).await;
}

#[tokio::test]
async fn jamf_circuit_breaker_trips_after_5_failures() {
    circuit_breaker_trips_after_5_failures(Upstream::Jamf, Fault::outage()).await;
}

#[tokio::test]
async fn intune_retry_on_transient_errors() {
    let world = World::start().await.with_tokens().await;
    world.sim().set_fault(Upstream::Intune, Fault::answering(503).times(2)).unwrap();
    let answer = world.devices(Upstream::Intune).await;
    assert_eq!((answer.status, &answer.json()["total"]), (200, &json!(1_000)));

    let seen = world.sim().requests(Upstream::Intune);
    let statuses: Vec<_> = seen.iter().map(|request| request.status).collect();
    assert_eq!(statuses, [Some(503), Some(503), Some(200)]);
    assert_eq!(values(&seen, "x-retry-attempt"), ["2", "3"]);
    assert_eq!(world.breaker(Upstream::Intune).await["state"], "closed");
    world.stop().await;
}

async fn correlation_id_propagation(upstream: Upstream) {
    let world = World::start().await;
    world.sim().set_fault(upstream, Fault::answering(503).times(1)).unwrap();
    let answer = world.devices_as("DEPLOY-123", upstream).await;
    assert_eq!((answer.status, answer.correlation_id()), (200, "DEPLOY-123"));

    let seen = world.sim().requests(upstream);
    assert_eq!(seen.len(), 3, "a token, once more after the failure, and the devices: {:?}", paths(&seen));
    assert_eq!(values(&seen, "x-correlation-id"), ["DEPLOY-123"; 3]);
    world.stop().await;
}

#[tokio::test]
async fn intune_correlation_id_propagation() {
    correlation_id_propagation(Upstream::Intune).await;
}

#[tokio::test]
async fn jamf_correlation_id_propagation() {
    correlation_id_propagation(Upstream::Jamf).await;
}

#[tokio::test]
async fn intune_structured_logging_on_failure() {
    let process = Process::start(&[]).await;
    process.put_fault("intune", &json!({ "status": 500 })).await;
    let failed = process.get_as("LOG-42", "/api/v1/devices/intune").await;
    assert_eq!(failed.problem(502), "upstream_failed");
    let log = process.stop().await;

    let of_request = log.lines_of("LOG-42");
    let find = |message: &str| {
        let found = of_request.iter().find(|line| line["message"] == message);
        found.unwrap_or_else(|| panic!("no {message:?} in {log:?}"))
    };
    let call = find("HTTP POST response");
    assert_eq!((&call["level"], &call["service"]), (&json!("warning"), &json!("intune")));
    assert_eq!((&call["method"], &call["status_code"]), (&json!("POST"), &json!(500)));
    assert_eq!(
        (&call["correlation_id"], &call["circuit_breaker_state"]),
        (&json!("LOG-42"), &json!("closed"))
    );
    assert!(
        call["elapsed_ms"].is_number() && call["url"].as_str().unwrap().ends_with("/intune/oauth2/token")
    );

    let event = find("connector event");
    assert_eq!((&event["level"], &event["connector"]), (&json!("warning"), &json!("intune")));
    assert_eq!((&event["operation"], &event["outcome"]), (&json!("list_devices"), &json!("failure")));
    assert!(!log.text().contains(fleet_sim::CLIENT_SECRET), "the log tells a secret");
}

#[tokio::test]
async fn jamf_idempotent_package_creation() {
    let world = World::start().await.with_tokens().await;
    let id = world.package(package("Editor", &["macos"], 0.1)).await;
    world.sim().set_fault(Upstream::Jamf, Fault::outage().times(3)).unwrap();
    assert_eq!(world.deploy(&id, "canary").await.problem(502), "upstream_unreachable");
    let deployment = world.deploy(&id, "canary").await;
    assert_eq!((deployment.status, &deployment.json()["state"]), (201, &json!("deployed")));

    let seen = world.sim().requests(Upstream::Jamf);
    let creates: Vec<_> = seen.into_iter().filter(|request| request.path.ends_with("/packages")).collect();
    assert_eq!(creates.len(), 4, "three attempts of one request, and one of the next");
    let keys = values(&creates, "idempotency-key");
    assert_eq!(keys, [keys[0]; 4], "one operation has one key, however often it is sent");

    // Another control plane that knows nothing of the first finds the package there.
    let other = control_plane::Upstreams::simulated_at(&format!("http://{}", world.sim().addr()));
    let other = control_plane::ControlPlane::builder().upstreams(other).resilience(quick());
    let other = World::with(other).await;
    let id = other.package(package("Editor", &["macos"], 0.1)).await;
    world.sim().clear_requests(Upstream::Jamf);
    assert_eq!(other.deploy(&id, "canary").await.json()["state"], "deployed");
    let seen = world.sim().requests(Upstream::Jamf);
    let found: Vec<_> =
        seen.iter().filter(|request| request.path.starts_with("/jamf/api/v1/packages")).collect();
    let found: Vec<_> = found.iter().map(|request| (&*request.method, request.status)).collect();
    assert_eq!(
        found,
        [("POST", Some(409)), ("GET", Some(200))],
        "what is there already is found by its name"
    );
    other.stop().await;
    world.stop().await;
}

/// The last step of a deployment.
fn last_step(upstream: Upstream) -> &'static str {
    match upstream {
        Upstream::Intune => "/assign",
        Upstream::Jamf => "/policies",
    }
}

/// While one upstream hangs, the other one is done; when the first fails, that stays done.
async fn deploy_while_one_hangs(world: &World, package: &str, sick: Upstream, well: Upstream) {
    world.sim().set_fault(sick, Fault::hang()).unwrap();
    let meanwhile = async {
        let is_done = |request: &SeenRequest| {
            request.path.ends_with(last_step(well)) && request.outcome == Outcome::Answered
        };
        within(world.sim().wait_until(well, |seen| seen.iter().any(is_done))).await;
        let hanging = within(world.sim().wait_for_requests(sick, 1)).await;
        assert!(hanging.iter().all(|request| request.outcome == Outcome::Pending), "{hanging:?}");
        world.sim().set_fault(sick, Fault::outage()).unwrap();
    };
    let (deployment, ()) = tokio::join!(world.deploy(package, "canary"), meanwhile);
    let deployment = deployment.json();
    assert_eq!(deployment["state"], "partial");
    assert_eq!(deployment["connectors"][well.name()]["state"], "deployed");
    assert_eq!(deployment["connectors"][sick.name()]["state"], "failed");
    assert_eq!(deployment["connectors"][sick.name()]["code"], "upstream_unreachable");
    world.sim().clear_fault(sick);
}

#[tokio::test]
async fn parallel_deployment_with_failure_isolation() {
    let patient = Duration::from_secs(30);
    let resilience = Resilience { attempt_timeout: patient, total_timeout: patient * 2, ..quick() };
    for [sick, well] in [[Upstream::Jamf, Upstream::Intune], [Upstream::Intune, Upstream::Jamf]] {
        let world = World::guarded_by(resilience).await.with_tokens().await;
        let id = world.package(package("Browser", &["windows", "macos"], 0.1)).await;
        deploy_while_one_hangs(&world, &id, sick, well).await;
        assert_eq!(
            world.deploy(&id, "canary").await.json()["state"],
            "deployed",
            "asked again, the rest is done"
        );
        world.stop().await;
    }
}

#[tokio::test]
async fn correlation_id_consistency_across_connectors() {
    let world = World::start().await;
    let id = world.package(package("Agent", &["windows", "macos"], 0.1)).await;
    let body = json!({ "package_id": id, "ring": "canary" });
    let deployment: Answer = world.post_as("DEPLOY-7", "/api/v1/deployments", body).await;
    assert_eq!((deployment.status, deployment.correlation_id()), (201, "DEPLOY-7"));
    for upstream in Upstream::ALL {
        let seen = world.sim().requests(upstream);
        assert_eq!(seen.len(), 3, "a token and two steps: {:?}", paths(&seen));
        assert_eq!(values(&seen, "x-correlation-id"), ["DEPLOY-7"; 3], "{upstream}");
    }
    world.stop().await;
}

#[tokio::test]
async fn calls_that_find_no_place_are_refused_at_once_and_health_is_not() {
    let resilience = Resilience { calls_at_once: 1, ..no_retry() };
    let world = World::guarded_by(resilience).await.with_tokens().await;
    world.sim().set_fault(Upstream::Intune, Fault::hang()).expect("a fault");
    let (hung, refused) = tokio::join!(world.devices(Upstream::Intune), async {
        until(async || !world.sim().requests(Upstream::Intune).is_empty()).await;
        let refused = world.devices(Upstream::Intune).await;
        assert_eq!(world.get("/health/live").await.status, 200);
        assert_eq!(world.devices(Upstream::Jamf).await.status, 200, "each upstream has places of its own");
        world.sim().clear_fault(Upstream::Intune);
        refused
    });
    assert_eq!(refused.problem(503), "bulkhead_full");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(hung.status, 200, "the call that had the place goes on when the upstream does");
    world.stop().await;
}
