use fleet_sim::Upstream;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::site::{Site, answer};

const DEVICES: &str = "/v1.0/deviceManagement/managedDevices";
const COMPUTERS: &str = "/api/v1/computers-inventory";

#[tokio::test]
async fn next_links_lead_through_every_managed_device_once() {
    let site = Site::open().await;
    let intune = site.caller(Upstream::Intune).await;
    let token = site.token(Upstream::Intune).await;
    let (_, mut page) = intune.get(DEVICES, &[("$top", "300")]).await;
    let mut names = Vec::new();
    let mut pages = 1;
    loop {
        let devices = page["value"].as_array().unwrap();
        names.extend(devices.iter().map(|device| device["deviceName"].as_str().unwrap().to_owned()));
        let Some(link) = page["@odata.nextLink"].as_str() else { break };
        let next = reqwest::Client::new().get(link).bearer_auth(&token);
        page = answer(next).await.1;
        pages += 1;
    }
    assert_eq!(pages, 4);
    let expected: Vec<_> = (1..=1_000).map(|n| format!("WIN-{n:04}")).collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_managed_device_is_found_by_its_id() {
    let site = Site::open().await;
    let intune = site.caller(Upstream::Intune).await;
    let (_, page) = intune.get(DEVICES, &[("$top", "1"), ("$skip", "150")]).await;
    let device = &page["value"][0];
    assert_eq!(device["deviceCategoryDisplayName"], "pilot");
    let path = format!("{DEVICES}/{}", device["id"].as_str().unwrap());
    assert_eq!(intune.get(&path, &[]).await, (StatusCode::OK, device.clone()));
    let (status, error) = intune.get(&format!("{DEVICES}/nobody"), &[]).await;
    assert_eq!((status, error["error"]["code"].as_str()), (StatusCode::NOT_FOUND, Some("ResourceNotFound")));
}

#[tokio::test]
async fn pages_of_computers_follow_each_other_and_end() {
    let site = Site::open().await;
    let jamf = site.caller(Upstream::Jamf).await;
    let mut ids = Vec::new();
    for page in ["0", "1", "2"] {
        let (_, list) = jamf.get(COMPUTERS, &[("page", page), ("page-size", "600")]).await;
        assert_eq!(list["totalCount"], 1_000);
        let results = list["results"].as_array().unwrap();
        ids.extend(results.iter().map(|computer| computer["id"].as_str().unwrap().to_owned()));
    }
    let expected: Vec<_> = (1..=1_000).map(|n: u32| n.to_string()).collect();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn computers_are_found_by_name_serial_number_and_group() {
    let site = Site::open().await;
    let jamf = site.caller(Upstream::Jamf).await;
    let cases = [
        ("general.name==\"MAC-0042\"", 1),
        ("general.name==\"MAC-004*\"", 10),
        ("hardware.serialNumber==\"MSN000007\"", 1),
        ("groupMemberships.groupName==\"pilot\"", 200),
        ("general.name==\"nobody\"", 0),
    ];
    for (filter, count) in cases {
        let (_, list) = jamf.get(COMPUTERS, &[("filter", filter)]).await;
        assert_eq!(list["totalCount"], count, "{filter}");
    }
}

#[tokio::test]
async fn a_list_asked_for_wrongly_is_a_bad_request() {
    let site = Site::open().await;
    let intune = site.caller(Upstream::Intune).await;
    for query in [("$top", "0"), ("$top", "1000"), ("$skip", "-1"), ("$filter", "x eq 'y'")] {
        assert_eq!(intune.get(DEVICES, &[query]).await.0, StatusCode::BAD_REQUEST, "{query:?}");
    }
    let jamf = site.caller(Upstream::Jamf).await;
    for query in [("page-size", "0"), ("page-size", "2001"), ("page", "x"), ("filter", "udid==\"1\"")] {
        assert_eq!(jamf.get(COMPUTERS, &[query]).await.0, StatusCode::BAD_REQUEST, "{query:?}");
    }
}

#[tokio::test]
async fn an_unknown_path_or_method_answers_in_the_shape_of_its_upstream() {
    let site = Site::open().await;
    let code = |upstream: Upstream, body: Value| match upstream {
        Upstream::Intune => body["error"]["code"].clone(),
        Upstream::Jamf => body["errors"][0]["code"].clone(),
    };
    for (upstream, known, codes) in [
        (Upstream::Intune, "/oauth2/token", ["ResourceNotFound", "MethodNotAllowed"]),
        (Upstream::Jamf, "/api/oauth/token", ["NOT_FOUND", "METHOD_NOT_ALLOWED"]),
    ] {
        let (status, body) = answer(site.to(upstream, Method::GET, "/nowhere")).await;
        assert_eq!((status, code(upstream, body)), (StatusCode::NOT_FOUND, codes[0].into()));
        let (status, body) = answer(site.to(upstream, Method::GET, known)).await;
        assert_eq!((status, code(upstream, body)), (StatusCode::METHOD_NOT_ALLOWED, codes[1].into()));
    }
}
