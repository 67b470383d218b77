use fleet_sim::Upstream;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::site::{Caller, Site};

const APPS: &str = "/v1.0/deviceAppManagement/mobileApps";
const PACKAGES: &str = "/api/v1/packages";
const POLICIES: &str = "/api/v1/policies";

async fn package(jamf: &Caller<'_>, name: &str) -> String {
    let (status, package) = jamf.post(PACKAGES, &json!({ "packageName": name })).await;
    assert_eq!(status, StatusCode::CREATED);
    package["id"].as_str().unwrap().to_owned()
}

async fn with_key(caller: &Caller<'_>, path: &str, key: &str, body: &Value) -> (u16, bool, Value) {
    let request = caller.request(Method::POST, path).header("idempotency-key", key).json(body);
    let response = request.send().await.unwrap();
    let replayed = response.headers().contains_key("idempotent-replayed");
    (response.status().as_u16(), replayed, response.json().await.unwrap())
}

#[tokio::test]
async fn a_second_app_of_the_same_name_conflicts_and_the_first_can_be_found() {
    let site = Site::open().await;
    let intune = site.caller(Upstream::Intune).await;
    let new = json!({ "displayName": "Bob's app", "publisher": "Bob", "@odata.type": "#x" });
    let (status, app) = intune.post(APPS, &new).await;
    assert_eq!((status, &app["displayName"]), (StatusCode::CREATED, &new["displayName"]));
    let (status, error) = intune.post(APPS, &new).await;
    assert_eq!((status, &error["error"]["code"]), (StatusCode::CONFLICT, &json!("NameAlreadyExists")));

    let (status, found) = intune.get(APPS, &[("$filter", "displayName eq 'Bob''s app'")]).await;
    assert_eq!((status, &found["value"]), (StatusCode::OK, &json!([app])));
    let (_, none) = intune.get(APPS, &[("$filter", "displayName eq 'other'")]).await;
    assert_eq!(none["value"], json!([]));
    let id = app["id"].as_str().unwrap();
    assert_eq!(intune.get(&format!("{APPS}/{id}"), &[]).await, (StatusCode::OK, app.clone()));
}

#[tokio::test]
async fn a_second_package_or_policy_of_the_same_name_conflicts_and_the_first_can_be_found() {
    let site = Site::open().await;
    let jamf = site.caller(Upstream::Jamf).await;
    let id = package(&jamf, "Tool").await;
    let policy = json!({ "name": "Tool on canary", "packageId": id, "scope": { "groups": ["canary"] } });
    let (status, made) = jamf.post(POLICIES, &policy).await;
    assert_eq!((status, made), (StatusCode::CREATED, json!({ "id": "1", "href": "/api/v1/policies/1" })));

    let taken = [(PACKAGES, json!({ "packageName": "Tool" }), "packageName"), (POLICIES, policy, "name")];
    for (path, body, field) in taken {
        let (status, error) = jamf.post(path, &body).await;
        assert_eq!(status, StatusCode::CONFLICT);
        assert_eq!((&error["httpStatus"], &error["errors"][0]["field"]), (&json!(409), &json!(field)));
    }
    let (_, found) = jamf.get(PACKAGES, &[("filter", "packageName==\"Tool\"")]).await;
    let expected = json!({ "id": "1", "packageName": "Tool", "fileName": null });
    assert_eq!(found, json!({ "totalCount": 1, "results": [expected] }));
    let (_, found) = jamf.get(POLICIES, &[("filter", "name==\"Tool on canary\"")]).await;
    assert_eq!(found["results"][0]["scope"], json!({ "groups": ["canary"] }));
}

#[tokio::test]
async fn a_create_repeated_with_its_key_gets_the_first_answer_again() {
    let site = Site::open().await;
    let intune = site.caller(Upstream::Intune).await;
    let jamf = site.caller(Upstream::Jamf).await;
    let id = package(&jamf, "base").await;
    let creates = [
        (&intune, APPS, json!({ "displayName": "A" })),
        (&jamf, PACKAGES, json!({ "packageName": "A" })),
        (&jamf, POLICIES, json!({ "name": "A", "packageId": id, "scope": { "groups": [] } })),
    ];
    for (caller, path, body) in creates {
        let first = with_key(caller, path, "key 1", &body).await;
        assert_eq!((first.0, first.1), (201, false), "{path}");
        let again = with_key(caller, path, "key 1", &body).await;
        assert_eq!((again.0, again.1, again.2), (201, true, first.2), "{path}");
        // The key protects this request only: without it the name is simply taken.
        assert_eq!(caller.post(path, &body).await.0, StatusCode::CONFLICT, "{path}");
    }
}

#[tokio::test]
async fn a_key_that_comes_with_another_body_is_refused() {
    let site = Site::open().await;
    let jamf = site.caller(Upstream::Jamf).await;
    with_key(&jamf, PACKAGES, "key", &json!({ "packageName": "A" })).await;
    let (status, _, error) = with_key(&jamf, PACKAGES, "key", &json!({ "packageName": "B" })).await;
    assert_eq!((status, &error["errors"][0]["code"]), (422, &json!("IDEMPOTENCY_KEY_REUSED")));
    let (status, _, _) = with_key(&jamf, PACKAGES, &"k".repeat(256), &json!({ "packageName": "C" })).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_create_that_makes_no_sense_is_a_bad_request() {
    let site = Site::open().await;
    let intune = site.caller(Upstream::Intune).await;
    let long = "x".repeat(257);
    for body in [json!({}), json!({ "displayName": "" }), json!({ "displayName": long }), json!("x")] {
        assert_eq!(intune.post(APPS, &body).await.0, StatusCode::BAD_REQUEST, "{body}");
    }
    let jamf = site.caller(Upstream::Jamf).await;
    let id = package(&jamf, "P").await;
    let policies = [
        (json!({ "name": "p", "packageId": "2", "scope": { "groups": [] } }), "packageId"),
        (json!({ "name": "p", "packageId": id, "scope": { "groups": ["nobody"] } }), "scope"),
        (json!({ "name": "p", "packageId": id, "scope": { "groups": ["pilot", "pilot"] } }), "scope"),
        (json!({ "name": "", "packageId": id, "scope": { "groups": [] } }), "name"),
    ];
    for (body, field) in policies {
        let (status, error) = jamf.post(POLICIES, &body).await;
        assert_eq!((status, &error["errors"][0]["field"]), (StatusCode::BAD_REQUEST, &json!(field)));
    }
}

#[tokio::test]
async fn a_body_too_large_is_refused() {
    let site = Site::open().await;
    let intune = site.caller(Upstream::Intune).await;
    let body = json!({ "displayName": "A", "description": "x".repeat(70_000) });
    assert_eq!(intune.post(APPS, &body).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}
