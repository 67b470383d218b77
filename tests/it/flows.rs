//! Four packages on their way, from what was submitted to the ring where they may be.

use axum::body::Bytes;
use fleet_sim::Upstream;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::world::{World, approval, package};

#[tokio::test]
async fn low_risk_deployment() {
    let world = World::start().await;
    let id = world.package(package("Calculator", &["windows"], 0.2)).await;

    let shown = world.get(&format!("/api/v1/packages/{id}")).await.json();
    assert_eq!((&shown["risk"]["score"], &shown["risk"]["need"]), (&json!(20.0), &json!("automatic")));
    let evidence = world.get(&format!("/api/v1/packages/{id}/evidence")).await;
    let digest = Bytes::copy_from_slice(&Sha256::digest(&evidence.text));
    assert_eq!(shown["evidence_sha256"], format!("{digest:x}"));
    assert_eq!(evidence.json()["risk"]["score"], "20.0000");

    let deployment = world.deploy(&id, "canary").await.created();
    let status = world.get(&format!("/api/v1/deployments/{deployment}")).await.json();
    let installs = json!({ "installed": 100, "failed": 0, "pending": 0, "total": 100 });
    assert_eq!(status["connectors"]["intune"]["installs"], installs);

    world.set_install_success(Upstream::Intune, 96);
    assert_eq!(world.promote(&deployment).await.shut_gates(), ["success_rate/intune"]);
    world.set_install_success(Upstream::Intune, 97);
    let promoted = world.promote(&deployment).await.json();
    assert_eq!((&promoted["ring"], &promoted["state"]), (&json!("pilot"), &json!("deployed")));
    world.stop().await;
}

#[tokio::test]
async fn high_risk_deployment_with_approval() {
    let world = World::start().await;
    let id = world.package(package("Remote Shell", &["windows"], 0.6)).await;
    let shown = world.get(&format!("/api/v1/packages/{id}")).await.json();
    assert_eq!((&shown["risk"]["score"], &shown["risk"]["need"]), (&json!(60.0), &json!("approval")));
    assert_eq!(world.deploy(&id, "canary").await.shut_gates(), ["approval"]);

    let ruled = world.rule(&id, approval("canary")).await;
    assert_eq!(ruled.status, 201);
    assert_eq!(ruled.json()["rulings"][0]["conditions"], json!(["watch the helpdesk"]));
    let deployment = world.deploy(&id, "canary").await.created();

    assert_eq!(world.promote(&deployment).await.shut_gates(), ["approval"], "each ring has its own approval");
    world.rule(&id, approval("pilot")).await;
    assert_eq!(world.promote(&deployment).await.json()["ring"], "pilot");
    world.stop().await;
}

#[tokio::test]
async fn deployment_with_incident_and_blast_radius() {
    let world = World::start().await;
    let id = world.package(package("Payroll", &["windows"], 0.2)).await;
    let deployment = world.deploy(&id, "canary").await.created();

    world.set_install_success(Upstream::Intune, 90);
    let incident = json!({
        "deployment_id": deployment,
        "title": "installs fail",
        "affected_devices": 10,
        "business_critical_service": true,
    });
    let incident = world.post("/api/v1/incidents", incident).await;
    assert_eq!(incident.json()["blast_radius"], "BUSINESS_CRITICAL");
    let gates = world.promote(&deployment).await.shut_gates();
    assert_eq!(gates, ["success_rate/intune", "incidents", "approval"], "every shut gate is listed");

    let resolve = format!("/api/v1/incidents/{}/resolve", incident.created());
    let resolution = json!({ "by": "on call", "resolution": "the installer was replaced" });
    assert_eq!(world.post(&resolve, resolution.clone()).await.status, 200);
    assert_eq!(world.post(&resolve, resolution).await.problem(409), "incident_resolved");
    world.set_install_success(Upstream::Intune, 98);
    assert_eq!(
        world.promote(&deployment).await.shut_gates(),
        ["approval"],
        "what was critical once is looked at"
    );
    world.rule(&id, approval("pilot")).await;
    assert_eq!(world.promote(&deployment).await.json()["ring"], "pilot");
    world.stop().await;
}

#[tokio::test]
async fn multi_platform_deployment() {
    let world = World::start().await;
    let id = world.package(package("Chat", &["windows", "macos"], 0.2)).await;
    world.set_install_success(Upstream::Jamf, 98);
    let deployment = world.deploy(&id, "canary").await;
    assert_eq!(
        deployment.header("location"),
        Some(&*format!("/api/v1/deployments/{}", deployment.created()))
    );
    let deployment = deployment.created();

    let path = format!("/api/v1/deployments/{deployment}");
    let connectors = world.get(&path).await.json()["connectors"].clone();
    assert_eq!(connectors["intune"]["installs"]["installed"], 100);
    assert_eq!(connectors["jamf"]["installs"]["installed"], 98);

    for ring in ["pilot", "department"] {
        assert_eq!(world.promote(&deployment).await.json()["ring"], ring);
    }
    assert_eq!(
        world.promote(&deployment).await.shut_gates(),
        ["success_rate/jamf"],
        "98 % is not enough here"
    );
    world.set_install_success(Upstream::Jamf, 99);
    assert_eq!(world.promote(&deployment).await.json()["ring"], "global");
    let status = world.get(&path).await.json();
    assert_eq!(status["connectors"]["jamf"]["installs"]["total"], 1_000, "earlier rings keep the package");
    assert_eq!(world.promote(&deployment).await.problem(409), "last_ring");
    world.stop().await;
}
