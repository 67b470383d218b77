use fleet_sim::{Fault, FleetSettings, Upstream};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::site::{Site, answer};

#[tokio::test]
async fn a_fault_is_set_shown_and_cleared_over_http() {
    let site = Site::open().await;
    let fault = json!({ "latency_ms": 5, "status": 503, "retry_after_s": 2, "times": 9 });
    assert_eq!(site.put("/faults/intune", &fault.to_string()).await, (StatusCode::OK, fault.clone()));
    assert_eq!(answer(site.at(Method::GET, "/faults/intune")).await, (StatusCode::OK, fault));
    assert_eq!(answer(site.at(Method::GET, "/faults/jamf")).await, (StatusCode::OK, json!({})));
    let cleared = answer(site.at(Method::DELETE, "/faults/intune")).await;
    assert_eq!(cleared.0, StatusCode::NO_CONTENT);
    assert_eq!(site.sim.fault(Upstream::Intune), Fault::default());
}

#[tokio::test]
async fn setting_a_fault_replaces_the_whole_of_the_one_before() {
    let site = Site::open().await;
    site.put("/faults/jamf", r#"{"status":500}"#).await;
    site.put("/faults/jamf", r#"{"hang":true}"#).await;
    assert_eq!(site.sim.fault(Upstream::Jamf), Fault::hang());
}

#[tokio::test]
async fn a_bad_fault_names_every_field_value_and_range_and_changes_nothing() {
    let site = Site::open().await;
    site.put("/faults/jamf", r#"{"status":500}"#).await;
    let bad = json!({
        "latency_ms": -1, "error_rate": 1.5, "status": 200, "outage": "yes", "slow_body": 0,
        "retry_after_s": 86_401, "times": 0, "latncy": 1,
    });
    let (status, body) = site.put("/faults/jamf", &bad.to_string()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let fields = "latency_ms, error_rate, status, outage, hang, slow_body, retry_after_s, times, seed";
    let problem =
        |field: &str, allowed: &str| json!({ "field": field, "value": bad[field], "allowed": allowed });
    let problems = json!([
        problem("latency_ms", "0 to 600000 ms"),
        problem("error_rate", "0 to 1"),
        problem("status", "400 to 599"),
        problem("outage", "true or false"),
        problem("slow_body", "true, false or 1 to 60000 ms"),
        problem("retry_after_s", "0 to 86400 s"),
        problem("times", "1 to 1000000 requests"),
        problem("latncy", &format!("one of {fields}")),
    ]);
    assert_eq!(body, json!({ "error": "invalid fields", "problems": problems }));
    assert_eq!(site.sim.fault(Upstream::Jamf), Fault::answering(500));
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let site = Site::open().await;
    for (body, status) in [("", 400), ("{", 400), ("{}{}", 400), ("[]", 422), ("null", 422)] {
        for path in ["/faults/jamf", "/fleet/intune"] {
            assert_eq!(site.put(path, body).await.0.as_u16(), status, "{path} {body}");
        }
    }
    assert_eq!(site.put("/faults/jamf", &" ".repeat(70_000)).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn an_unknown_upstream_is_not_found_on_every_control_route() {
    let site = Site::open().await;
    let known = json!({ "error": "unknown upstream", "name": "sccm", "allowed": ["intune", "jamf"] });
    let routes = [
        (Method::GET, "/faults/sccm"),
        (Method::PUT, "/faults/sccm"),
        (Method::DELETE, "/faults/sccm"),
        (Method::GET, "/requests/sccm"),
        (Method::DELETE, "/requests/sccm"),
        (Method::GET, "/fleet/sccm"),
        (Method::PUT, "/fleet/sccm"),
        (Method::DELETE, "/fleet/sccm/tokens"),
    ];
    for (method, path) in routes {
        assert_eq!(answer(site.at(method, path)).await, (StatusCode::NOT_FOUND, known.clone()), "{path}");
    }
}

#[tokio::test]
async fn fleet_settings_change_field_by_field_and_refuse_what_is_out_of_range() {
    let site = Site::open().await;
    site.put("/fleet/intune", r#"{"install_success_percent":95}"#).await;
    let (status, shown) = site.put("/fleet/intune", r#"{"token_lifetime_s":60}"#).await;
    let expected = json!({
        "install_success_percent": 95, "install_pending_percent": 0, "token_lifetime_s": 60,
        "groups": { "canary": 100, "pilot": 200, "department": 300, "global": 400 },
    });
    assert_eq!((status, &shown), (StatusCode::OK, &expected));
    let (status, body) = site.put("/fleet/intune", r#"{"install_success_percent":101,"rings":4}"#).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(body["problems"][0]["allowed"], "0 to 100 %");
    assert_eq!(body["problems"][1]["field"], "rings");
    assert_eq!(answer(site.at(Method::GET, "/fleet/intune")).await.1, expected);
    assert_eq!(site.sim.settings(Upstream::Jamf), FleetSettings::default());
}

#[tokio::test]
async fn settings_made_in_code_are_held_to_the_same_ranges() {
    let site = Site::open().await;
    let settings = FleetSettings { install_success_percent: 101, ..FleetSettings::default() };
    let wrong = site.sim.set_settings(Upstream::Jamf, settings).unwrap_err();
    assert_eq!(wrong.to_string(), "install_success_percent is 101, allowed is 0 to 100 %");
    assert_eq!(site.sim.settings(Upstream::Jamf), FleetSettings::default());
}
