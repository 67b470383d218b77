use std::time::{Duration, Instant};

use fleet_sim::{Fault, Outcome, Upstream};
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::site::{Site, answer, within};

const DEVICES: &str = "/v1.0/deviceManagement/managedDevices";

#[tokio::test]
async fn an_outage_resets_the_connection_and_sends_no_byte() {
    let site = Site::open().await;
    site.sim.set_fault(Upstream::Intune, Fault::outage()).unwrap();
    let mut stream = TcpStream::connect(site.sim.addr()).await.unwrap();
    let request =
        b"POST /intune/oauth2/token HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut received = Vec::new();
    let end = within(stream.read_to_end(&mut received)).await;
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(received, b"");
}

#[tokio::test]
async fn an_outage_ends_a_connection_that_worked_before() {
    let site = Site::open().await;
    let mut stream = TcpStream::connect(site.sim.addr()).await.unwrap();
    let request = b"GET /intune/nothing HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = [0; 4096];
    let length = within(stream.read(&mut answer)).await.unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 404"));

    site.sim.set_fault(Upstream::Intune, Fault::outage()).unwrap();
    stream.write_all(request).await.unwrap();
    let end = within(stream.read(&mut answer)).await;
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn an_outage_leaves_the_other_upstream_and_the_control_routes_alone() {
    let site = Site::open().await;
    site.sim.set_fault(Upstream::Intune, Fault::outage()).unwrap();
    assert!(site.to(Upstream::Intune, Method::GET, DEVICES).send().await.is_err());
    site.token(Upstream::Jamf).await;
    let (status, fault) = answer(site.at(Method::GET, "/faults/intune")).await;
    assert_eq!((status, fault), (StatusCode::OK, serde_json::json!({ "outage": true })));
    site.sim.clear_fault(Upstream::Intune);
    site.token(Upstream::Intune).await;
}

#[tokio::test]
async fn latency_passes_before_the_answer() {
    let site = Site::open().await;
    let latency = Duration::from_millis(40);
    site.sim.set_fault(Upstream::Jamf, Fault::latency(latency)).unwrap();
    let start = Instant::now();
    site.token(Upstream::Jamf).await;
    assert!(start.elapsed() >= latency);
}

#[tokio::test]
async fn an_error_has_the_status_asked_for_and_retry_after() {
    let site = Site::open().await;
    let fault = Fault { retry_after_s: Some(7), ..Fault::answering(429) };
    for upstream in Upstream::ALL {
        site.sim.set_fault(upstream, fault).unwrap();
        let response = site.to(upstream, Method::GET, "/any").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()["retry-after"], "7");
        assert!(response.text().await.unwrap().contains("a fault was set"));
    }
}

#[tokio::test]
async fn retry_after_alone_changes_no_real_answer() {
    let site = Site::open().await;
    site.sim.set_fault(Upstream::Intune, Fault { retry_after_s: Some(7), ..Fault::default() }).unwrap();
    let response = site.to(Upstream::Intune, Method::GET, DEVICES).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(response.headers().get("retry-after").is_none());
}

#[tokio::test]
async fn the_same_fault_set_again_fails_the_same_requests() {
    let site = Site::open().await;
    let half = Fault { error_rate: Some(0.5), seed: Some(3), ..Fault::default() };
    let mut rounds = Vec::new();
    for _ in 0..2 {
        site.sim.set_fault(Upstream::Intune, half).unwrap();
        let mut statuses = Vec::new();
        for _ in 0..16 {
            let response = site.to(Upstream::Intune, Method::GET, DEVICES).send().await.unwrap();
            statuses.push(response.status().as_u16());
        }
        rounds.push(statuses);
    }
    assert_eq!(rounds[0], rounds[1]);
    assert!(rounds[0].contains(&503) && rounds[0].contains(&401), "{rounds:?}");
}

#[tokio::test]
async fn a_fault_with_times_clears_itself() {
    let site = Site::open().await;
    site.sim.set_fault(Upstream::Jamf, Fault::answering(500).times(2)).unwrap();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let response = site.to(Upstream::Jamf, Method::GET, "/api/v1/packages").send().await.unwrap();
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [500, 500, 401]);
    assert_eq!(site.sim.fault(Upstream::Jamf), Fault::default());
}

#[tokio::test]
async fn a_hanging_request_goes_on_when_the_fault_is_cleared() {
    let site = Site::open().await;
    site.sim.set_fault(Upstream::Intune, Fault::hang().times(1)).unwrap();
    let request = tokio::spawn(site.to(Upstream::Intune, Method::GET, DEVICES).send());
    let seen = within(site.sim.wait_for_requests(Upstream::Intune, 1)).await;
    assert_eq!((seen[0].outcome, seen[0].status), (Outcome::Pending, None));
    // The fault has run out by itself, which must not free the request it holds.
    assert_eq!(site.sim.fault(Upstream::Intune), Fault::default());
    site.token(Upstream::Intune).await;
    assert_eq!(site.sim.requests(Upstream::Intune)[0].outcome, Outcome::Pending);

    site.sim.clear_fault(Upstream::Intune);
    assert_eq!(within(request).await.unwrap().unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_hanging_request_meets_the_fault_that_replaces_the_hang() {
    let site = Site::open().await;
    for (next, status) in [(Fault::answering(502), Some(502)), (Fault::outage(), None)] {
        site.sim.set_fault(Upstream::Jamf, Fault::hang()).unwrap();
        let arrived = site.sim.requests(Upstream::Jamf).len() as u64;
        let request = tokio::spawn(site.to(Upstream::Jamf, Method::GET, "/x").send());
        within(site.sim.wait_for_requests(Upstream::Jamf, arrived + 1)).await;
        site.sim.set_fault(Upstream::Jamf, next).unwrap();
        let answer = within(request).await.unwrap();
        assert_eq!(answer.ok().map(|response| response.status().as_u16()), status);
    }
}

#[tokio::test]
async fn a_client_that_leaves_a_hang_is_noticed() {
    let site = Site::open().await;
    site.sim.set_fault(Upstream::Intune, Fault::hang()).unwrap();
    let post = site.to(Upstream::Intune, Method::POST, "/oauth2/token").body("a body");
    let request = tokio::spawn(post.send());
    within(site.sim.wait_for_requests(Upstream::Intune, 1)).await;
    request.abort();
    let seen =
        within(site.sim.wait_until(Upstream::Intune, |seen| seen[0].outcome != Outcome::Pending)).await;
    assert_eq!((seen[0].outcome, seen[0].status), (Outcome::Abandoned, None));
}

#[tokio::test]
async fn a_slow_body_sends_headers_first_and_then_every_byte() {
    let site = Site::open().await;
    let slow = Fault { slow_body_ms: Some(2), ..Fault::default() };
    site.sim.set_fault(Upstream::Intune, slow).unwrap();
    let response = site.to(Upstream::Intune, Method::GET, DEVICES).send().await.unwrap();
    let length: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let start = Instant::now();
    let body = within(response.bytes()).await.unwrap();
    assert_eq!(body.len(), length);
    let later_pauses = length.div_ceil(16) - 2;
    assert!(later_pauses > 3 && start.elapsed() >= Duration::from_millis(later_pauses as u64));
}

#[tokio::test]
async fn headers_do_not_wait_for_a_slow_body() {
    let site = Site::open().await;
    let slow = Fault { slow_body_ms: Some(60_000), ..Fault::default() };
    site.sim.set_fault(Upstream::Intune, slow).unwrap();
    let response = within(site.to(Upstream::Intune, Method::GET, DEVICES).send()).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}
