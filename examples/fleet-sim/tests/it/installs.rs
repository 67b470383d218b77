use fleet_sim::{FleetSettings, Upstream};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::site::{Caller, Site};

const APPS: &str = "/v1.0/deviceAppManagement/mobileApps";

async fn app(intune: &Caller<'_>) -> String {
    let (_, app) = intune.post(APPS, &json!({ "displayName": "A" })).await;
    format!("{APPS}/{}", app["id"].as_str().unwrap())
}

fn assignments(groups: &[(&str, &str)]) -> Value {
    let one = |(group, intent): &(&str, &str)| json!({ "intent": intent, "target": { "groupId": group } });
    json!({ "mobileAppAssignments": groups.iter().map(one).collect::<Vec<_>>() })
}

#[tokio::test]
async fn an_assigned_app_installs_at_the_success_rate_in_force() {
    let site = Site::open().await;
    let intune = site.caller(Upstream::Intune).await;
    let app = app(&intune).await;
    let assign = format!("{app}/assign");
    let (status, assigned) = intune.post(&assign, &assignments(&[("canary", "required")])).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(assigned, json!({ "value": [{ "intent": "required", "target": { "groupId": "canary" } }] }));

    for percent in [100, 97, 96] {
        site.put("/fleet/intune", &json!({ "install_success_percent": percent }).to_string()).await;
        let (_, statuses) = intune.get(&format!("{app}/deviceStatuses"), &[]).await;
        assert_eq!(statuses["installedDeviceCount"], percent);
        assert_eq!(statuses["failedDeviceCount"], 100 - percent);
        assert_eq!(statuses["totalDeviceCount"], 100);
    }
}

#[tokio::test]
async fn a_later_assignment_replaces_the_one_before_and_intents_count_apart() {
    let site = Site::open().await;
    let intune = site.caller(Upstream::Intune).await;
    let app = app(&intune).await;
    let settings = FleetSettings {
        install_success_percent: 90,
        install_pending_percent: 10,
        ..FleetSettings::default()
    };
    site.sim.set_settings(Upstream::Intune, settings).unwrap();
    let assign = format!("{app}/assign");
    intune.post(&assign, &assignments(&[("global", "required")])).await;
    let mixed = assignments(&[("canary", "required"), ("pilot", "available"), ("department", "uninstall")]);
    intune.post(&assign, &mixed).await;
    let (_, statuses) = intune.get(&format!("{app}/deviceStatuses"), &[]).await;
    let expected = json!({
        "installedDeviceCount": 81, "failedDeviceCount": 9, "pendingInstallDeviceCount": 210,
        "notInstalledDeviceCount": 300, "totalDeviceCount": 600,
    });
    assert_eq!(statuses, expected);
}

#[tokio::test]
async fn an_assignment_that_makes_no_sense_is_refused_and_changes_nothing() {
    let site = Site::open().await;
    let intune = site.caller(Upstream::Intune).await;
    let app = app(&intune).await;
    let assign = format!("{app}/assign");
    intune.post(&assign, &assignments(&[("canary", "required")])).await;
    let wrong: [&[(&str, &str)]; 3] =
        [&[("nobody", "required")], &[("pilot", "maybe")], &[("pilot", "required"), ("pilot", "available")]];
    for groups in wrong {
        assert_eq!(intune.post(&assign, &assignments(groups)).await.0, StatusCode::BAD_REQUEST, "{groups:?}");
    }
    assert_eq!(intune.get(&format!("{app}/deviceStatuses"), &[]).await.1["totalDeviceCount"], 100);
    let nowhere = format!("{APPS}/nothing/assign");
    assert_eq!(intune.post(&nowhere, &assignments(&[])).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_policy_installs_on_every_group_in_its_scope() {
    let site = Site::open().await;
    let jamf = site.caller(Upstream::Jamf).await;
    jamf.post("/api/v1/packages", &json!({ "packageName": "A" })).await;
    let policy = json!({ "name": "A", "packageId": "1", "scope": { "groups": ["canary", "pilot"] } });
    jamf.post("/api/v1/policies", &policy).await;
    site.put("/fleet/jamf", r#"{"install_success_percent":98}"#).await;
    let status = jamf.get("/api/v1/policies/1/status", &[]).await;
    let expected = json!({ "id": "1", "total": 300, "completed": 294, "failed": 6, "pending": 0 });
    assert_eq!(status, (StatusCode::OK, expected));
    assert_eq!(jamf.get("/api/v1/policies/2/status", &[]).await.0, StatusCode::NOT_FOUND);
}
