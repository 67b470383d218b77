//! An upstream goes away and comes back.

use std::time::Duration;

use control_plane::Resilience;
use fleet_sim::{Fault, Upstream};
use serde_json::{Value, json};

use crate::process::Process;
use crate::world::{World, no_retry, package, quick, until};

#[tokio::test]
async fn a_breaker_opens_for_an_outage_and_closes_by_itself_after_it() {
    let open_for = Duration::from_millis(300);
    let world = World::guarded_by(Resilience { open_for, ..quick() }).await.with_tokens().await;
    world.sim().set_fault(Upstream::Intune, Fault::outage()).unwrap();
    assert_eq!(world.devices(Upstream::Intune).await.problem(502), "upstream_unreachable");
    until(async || {
        world.breaker(Upstream::Intune).await["opened"] == true || {
            world.devices(Upstream::Intune).await;
            false
        }
    })
    .await;
    assert_eq!(world.devices(Upstream::Jamf).await.status, 200, "the other connector goes on");

    world.sim().clear_fault(Upstream::Intune);
    until(async || world.devices(Upstream::Intune).await.status == 200).await;
    assert_eq!(world.breaker(Upstream::Intune).await["state"], "closed");
    assert_eq!(world.get("/api/v1/health/circuit-breakers").await.json()["all_healthy"], true);
    world.stop().await;
}

#[tokio::test]
async fn retries_stop_when_the_breaker_opens() {
    let world = World::guarded_by(quick()).await.with_tokens().await;
    world.sim().set_fault(Upstream::Intune, Fault::outage()).unwrap();
    assert_eq!(world.devices(Upstream::Intune).await.problem(502), "upstream_unreachable");
    assert_eq!(world.devices(Upstream::Intune).await.problem(503), "circuit_open");
    assert_eq!(
        world.sim().requests(Upstream::Intune).len(),
        5,
        "three attempts, and two until the breaker opened"
    );
    world.stop().await;
}

#[tokio::test]
async fn while_a_breaker_is_open_calls_fail_at_once_and_say_when_to_come_back() {
    let forever = Duration::from_secs(30);
    let resilience = Resilience { attempt_timeout: forever, total_timeout: forever * 2, ..no_retry() };
    let world = World::guarded_by(resilience).await.with_tokens().await;
    world.break_circuit(Upstream::Jamf).await;
    // Whoever asks an upstream that hangs waits for longer than a test may take.
    world.sim().set_fault(Upstream::Jamf, Fault::hang()).unwrap();

    let refused = world.devices(Upstream::Jamf).await;
    assert_eq!(refused.problem(503), "circuit_open");
    let after: u64 = refused.header("retry-after").expect("a time").parse().expect("seconds");
    assert!((1..=3_600).contains(&after), "{after}");
    let (problem, breaker) = (refused.json(), world.breaker(Upstream::Jamf).await);
    assert_eq!(problem["connector"], "jamf");
    assert!(breaker["retry_after_ms"].as_u64() <= problem["retry_after_ms"].as_u64(), "time only passes");
    world.stop().await;
}

#[tokio::test]
async fn a_process_stays_ready_while_a_connector_is_out_and_says_which() {
    let world = World::guarded_by(no_retry()).await;
    world.break_circuit(Upstream::Jamf).await;
    let ready = world.get("/health/ready").await;
    let expected =
        json!({ "status": "degraded", "dependencies": { "audit": "up", "intune": "up", "jamf": "out" } });
    assert_eq!((ready.status, ready.json()), (200, expected));
    world.stop().await;
}

#[tokio::test]
async fn what_is_known_is_shown_when_one_connector_is_out() {
    let world = World::guarded_by(no_retry()).await;
    let id = world.package(package("Viewer", &["windows", "macos"], 0.1)).await;
    let deployment = world.deploy(&id, "canary").await.created();
    world.break_circuit(Upstream::Intune).await;

    let status = world.get(&format!("/api/v1/deployments/{deployment}")).await.json();
    assert_eq!(status["connectors"]["intune"]["problem"]["code"], "circuit_open");
    assert_eq!(status["connectors"]["jamf"]["installs"]["installed"], 100);
    assert_eq!(world.promote(&deployment).await.shut_gates(), ["success_rate/intune"]);
    world.stop().await;
}

#[tokio::test]
async fn one_correlation_id_is_in_the_answer_in_every_log_line_and_at_the_upstream() {
    let process = Process::start(&["--breaker-failures", "2"]).await;
    process.put_fault("intune", &json!({ "outage": true })).await;
    let refused = process.get_as("OUTAGE-1", "/api/v1/devices/intune").await;
    assert_eq!((refused.problem(503).as_str(), refused.correlation_id()), ("circuit_open", "OUTAGE-1"));
    let seen = process.requests("intune").await;
    assert_eq!(seen.len(), 2);
    for request in seen {
        assert_eq!(request["headers"]["x-correlation-id"], "OUTAGE-1");
    }

    let log = process.stop().await;
    let told: Vec<_> = log.lines_of("OUTAGE-1").iter().map(what).collect();
    for expected in ["circuit breaker changed", "HTTP POST error", "connector event", "http_request"] {
        assert!(told.iter().any(|line| line == expected), "no {expected:?} in {told:?}");
    }
    // All that is left are the lines of the program itself, and of its audit log.
    let others: Vec<_> = log.lines().filter(|line| !told.contains(&what(line))).collect();
    let is_ours = |line: &Value| {
        let logger = line["logger"].as_str().unwrap_or_default();
        let is_of_program = logger == "control_plane::program" || line["message"] == "listening";
        is_of_program || logger.starts_with("buttress_audit::log")
    };
    assert!(others.iter().all(is_ours), "{others:?}");
}

/// What a line of the log is about: its event, or else its message.
fn what(line: &Value) -> String {
    let said = line["event"].as_str().or_else(|| line["message"].as_str());
    said.expect("an event or a message").to_owned()
}
