use std::num::NonZeroUsize;

use fleet_sim::{Fault, FleetSim, Outcome, SeenRequest, Upstream};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::site::{Site, answer, within};

#[tokio::test]
async fn the_log_shows_method_path_headers_time_and_status_but_no_secret() {
    let site = Site::open().await;
    let path = "/v1.0/deviceManagement/managedDevices?$top=2";
    let request = site.to(Upstream::Intune, Method::GET, path).bearer_auth("secret");
    answer(request.header("x-correlation-id", "DEPLOY-123")).await;
    let (status, log) = answer(site.at(Method::GET, "/requests/intune")).await;
    assert_eq!(status, StatusCode::OK);
    let seen = &log[0];
    assert_eq!(seen["seq"], 1);
    assert_eq!(seen["method"], "GET");
    assert_eq!(seen["path"], format!("/intune{path}"));
    assert_eq!(seen["headers"]["x-correlation-id"], "DEPLOY-123");
    assert_eq!(seen["headers"]["authorization"], "[redacted]");
    assert_eq!((&seen["status"], &seen["outcome"]), (&json!(401), &json!("answered")));
    assert!(seen["time"].as_str().unwrap().starts_with("20"));
    let typed: Vec<SeenRequest> = serde_json::from_value(log).unwrap();
    assert_eq!(typed, site.sim.requests(Upstream::Intune));
    assert_eq!(typed[0].header("x-correlation-id"), Some("DEPLOY-123"));
}

#[tokio::test]
async fn each_upstream_has_its_own_log_and_control_routes_have_none() {
    let site = Site::open().await;
    site.token(Upstream::Jamf).await;
    answer(site.at(Method::GET, "/faults/intune")).await;
    assert_eq!(site.sim.requests(Upstream::Intune), []);
    assert_eq!(site.sim.requests(Upstream::Jamf).len(), 1);
}

#[tokio::test]
async fn a_request_that_fell_to_an_outage_is_logged_once_without_a_status() {
    let site = Site::open().await;
    site.sim.set_fault(Upstream::Jamf, Fault::outage()).unwrap();
    assert!(site.to(Upstream::Jamf, Method::GET, "/x").send().await.is_err());
    let seen = within(site.sim.wait_until(Upstream::Jamf, |seen| seen[0].outcome == Outcome::Reset)).await;
    assert_eq!((seen.len(), seen[0].status), (1, None));
}

#[tokio::test]
async fn clearing_the_log_starts_the_count_anew_but_not_the_numbers() {
    let site = Site::open().await;
    site.token(Upstream::Jamf).await;
    let cleared = answer(site.at(Method::DELETE, "/requests/jamf")).await;
    assert_eq!(cleared.0, StatusCode::NO_CONTENT);
    assert_eq!(site.sim.requests(Upstream::Jamf), []);
    let (seen, _) = within(async {
        tokio::join!(site.sim.wait_for_requests(Upstream::Jamf, 1), site.token(Upstream::Jamf))
    })
    .await;
    assert_eq!((seen.len(), seen[0].seq), (1, 2));
    site.sim.clear_requests(Upstream::Jamf);
    assert_eq!(site.sim.requests(Upstream::Jamf), []);
}

#[tokio::test]
async fn the_log_keeps_as_many_requests_as_asked_for() {
    let small = FleetSim::default().request_log_capacity(NonZeroUsize::new(2).unwrap());
    let site = Site::around(small.listen("127.0.0.1:0").await.unwrap());
    for path in ["/a", "/b", "/c"] {
        answer(site.to(Upstream::Intune, Method::GET, path)).await;
    }
    let seen = site.sim.wait_for_requests(Upstream::Intune, 3).await;
    let paths: Vec<_> = seen.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths, ["/intune/b", "/intune/c"]);
}
