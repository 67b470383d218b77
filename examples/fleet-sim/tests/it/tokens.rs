use std::time::Duration;

use fleet_sim::{CLIENT_ID, CLIENT_SECRET, FleetSettings, PASSWORD, USERNAME, Upstream};
use reqwest::{Method, StatusCode};

use crate::site::{Site, answer, token_path};

const PACKAGES: &str = "/api/v1/packages";

/// Moves the clock of the simulation, which runs on this runtime too, without waiting.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_token_opens_the_routes_of_its_own_upstream_only() {
    let site = Site::open().await;
    let token = site.token(Upstream::Intune).await;
    let devices = "/v1.0/deviceManagement/managedDevices";
    let intune = site.to(Upstream::Intune, Method::GET, devices).bearer_auth(&token);
    assert_eq!(answer(intune).await.0, StatusCode::OK);
    let jamf = site.to(Upstream::Jamf, Method::GET, PACKAGES).bearer_auth(&token);
    assert_eq!(answer(jamf).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_missing_or_unknown_token_is_unauthorized() {
    let site = Site::open().await;
    let response = site.to(Upstream::Jamf, Method::GET, PACKAGES).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
    let unknown = site.to(Upstream::Jamf, Method::GET, PACKAGES).bearer_auth("made-up");
    assert_eq!(answer(unknown).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_works_until_its_lifetime_has_passed() {
    let site = Site::open().await;
    site.put("/fleet/jamf", r#"{"token_lifetime_s":60}"#).await;
    let (_, grant) = site.ask_token(Upstream::Jamf, CLIENT_ID, CLIENT_SECRET).await;
    assert_eq!((grant["token_type"].as_str(), grant["expires_in"].as_u64()), (Some("Bearer"), Some(60)));
    let jamf = site.caller(Upstream::Jamf).await;
    pass(Duration::from_secs(30)).await;
    assert_eq!(jamf.get(PACKAGES, &[]).await.0, StatusCode::OK);
    pass(Duration::from_secs(30)).await;
    assert_eq!(jamf.get(PACKAGES, &[]).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_lifetime_of_zero_means_expired_at_birth() {
    let site = Site::open().await;
    let settings = FleetSettings { token_lifetime_s: 0, ..FleetSettings::default() };
    site.sim.set_settings(Upstream::Jamf, settings).unwrap();
    let jamf = site.caller(Upstream::Jamf).await;
    assert_eq!(jamf.get(PACKAGES, &[]).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn revoked_tokens_stop_working_and_new_ones_work() {
    let site = Site::open().await;
    let before = site.caller(Upstream::Jamf).await;
    let revoked = answer(site.at(Method::DELETE, "/fleet/jamf/tokens")).await;
    assert_eq!(revoked.0, StatusCode::NO_CONTENT);
    assert_eq!(before.get(PACKAGES, &[]).await.0, StatusCode::UNAUTHORIZED);
    let after = site.caller(Upstream::Jamf).await;
    assert_eq!(after.get(PACKAGES, &[]).await.0, StatusCode::OK);
    site.sim.revoke_tokens(Upstream::Jamf);
    assert_eq!(after.get(PACKAGES, &[]).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn wrong_credentials_get_an_oauth_error() {
    let site = Site::open().await;
    for upstream in Upstream::ALL {
        for (id, secret) in [(CLIENT_ID, "wrong"), ("wrong", CLIENT_SECRET), ("", "")] {
            let (status, body) = site.ask_token(upstream, id, secret).await;
            assert_eq!((status, body["error"].as_str()), (StatusCode::UNAUTHORIZED, Some("invalid_client")));
        }
    }
}

#[tokio::test]
async fn a_grant_that_is_not_client_credentials_gets_an_oauth_error() {
    let site = Site::open().await;
    for (form, code) in [
        ("grant_type=password&client_id=a&client_secret=b", "unsupported_grant_type"),
        ("client_id=a&client_secret=b", "invalid_request"),
    ] {
        let request = site
            .to(Upstream::Intune, Method::POST, token_path(Upstream::Intune))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let (status, body) = answer(request).await;
        assert_eq!((status, body["error"].as_str()), (StatusCode::BAD_REQUEST, Some(code)));
    }
    let json = site.to(Upstream::Intune, Method::POST, token_path(Upstream::Intune)).json(&1);
    assert_eq!(answer(json).await.1["error"], "invalid_request");
}

#[tokio::test]
async fn basic_authentication_buys_a_bearer_token() {
    let site = Site::open().await;
    let path = "/api/v1/auth/token";
    let right = site.to(Upstream::Jamf, Method::POST, path).basic_auth(USERNAME, Some(PASSWORD));
    let (status, body) = answer(right).await;
    assert_eq!(status, StatusCode::OK);
    assert!(body["expires"].as_str().unwrap().ends_with('Z'));
    let token = body["token"].as_str().unwrap();
    let list = site.to(Upstream::Jamf, Method::GET, PACKAGES).bearer_auth(token);
    assert_eq!(answer(list).await.0, StatusCode::OK);
    let wrong = site.to(Upstream::Jamf, Method::POST, path).basic_auth(USERNAME, Some("wrong"));
    assert_eq!(answer(wrong).await.0, StatusCode::UNAUTHORIZED);
}
