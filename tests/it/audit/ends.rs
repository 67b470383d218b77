//! Requests that end before their time.

use std::time::Duration;

use control_plane::ControlPlane;
use fleet_sim::{Fault, Upstream};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Audited, DEPLOYMENTS, KEY, PACKAGES, is_end};
use crate::world::{Answer, IDEMPOTENCY_KEY, new_key, no_retry, package, until, within};

/// How large a body may be.
const MOST: usize = 64 * 1024;
const DEVICES: &str = "/api/v1/devices/intune";

async fn upstream_is_reached(server: &Audited) {
    until(async || !server.world.sim().requests(Upstream::Intune).is_empty()).await;
}

/// Lets everything that the upstream is asked hang, with a deployment that has yet to ask.
async fn hanging(server: &Audited) -> Value {
    let id = server.post("take-in", PACKAGES, package("Mail", &["windows"], 0.1)).await.created();
    server.world.sim().set_fault(Upstream::Intune, Fault::hang()).unwrap();
    json!({ "package_id": id, "ring": "canary" })
}

/// Sends one byte too many without saying before how many there will be, and returns how the answer begins.
async fn send_in_pieces(server: &Audited, id: &str) -> String {
    let head = format!(
        "POST {PACKAGES} HTTP/1.1\r\nhost: x\r\nx-correlation-id: {id}\r\nidempotency-key: {}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n",
        new_key(),
        MOST + 1
    );
    within(async {
        let mut stream = TcpStream::connect(server.world.addr()).await.expect("it listens");
        stream.write_all(head.as_bytes()).await.expect("it reads");
        stream.write_all(&vec![b'x'; MOST + 1]).await.expect("it reads");
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).await.expect("it answers");
        String::from_utf8(begin.to_vec()).expect("text")
    })
    .await
}

fn told(event: &Value) -> [&Value; 4] {
    [&event["outcome"], &event["reason"], &event["stage"], &event["request"]["status"]]
}

#[tokio::test]
async fn a_body_that_is_too_large_is_denied() {
    let server = Audited::start().await;
    let request = server.request("declared", Method::POST, PACKAGES).header("x-api-key", KEY);
    let request = request.header(IDEMPOTENCY_KEY, new_key()).header("content-type", "application/json");
    let code = Answer::to(request.body(vec![b'x'; MOST + 1])).await.problem(413);
    assert_eq!(send_in_pieces(&server, "streamed").await, "HTTP/1.1 413");
    for id in ["declared", "streamed"] {
        let end = server.place.end_of(id);
        assert_eq!((&end["outcome"], &end["stage"]), (&json!("denied"), &json!("complete")), "{end}");
        assert_eq!(end["request"]["status"], 413, "{end}");
        assert_eq!(end["reason"], code, "{end}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_is_recorded_at_once_and_the_work_that_goes_on_when_it_is_done() {
    let server = Audited::start().await;
    let body = hanging(&server).await;
    tokio::select! {
        answer = server.post("left", DEPLOYMENTS, body) => panic!("it hangs: {answer:?}"),
        () = upstream_is_reached(&server) => {}
    }
    let end = server.ended("left").await;
    assert_eq!(
        told(&end),
        [&json!("unknown"), &json!("cancelled"), &json!("cancelled"), &Value::Null],
        "{end}"
    );
    assert_eq!(end["action"], "DEPLOYMENT_STARTED");
    let [started] = &server.place.calls_of("left")[..] else { panic!("it was begun, and no more") };
    assert_eq!((&started["stage"], &started["outcome"]), (&json!("started"), &json!("unknown")), "{started}");

    server.world.sim().clear_fault(Upstream::Intune);
    until(async || server.place.calls_of("left").len() == 2).await;
    let place = server.stop().await;
    assert_eq!(place.calls_of("left")[1]["outcome"], "success");
    assert_eq!(place.of("left").iter().filter(|event| is_end(event)).count(), 1);
}

#[tokio::test]
async fn a_call_that_is_given_up_with_its_client_is_recorded_too() {
    let server = Audited::start().await;
    server.world.sim().set_fault(Upstream::Intune, Fault::hang()).unwrap();
    tokio::select! {
        answer = server.get("left", DEVICES) => panic!("it hangs: {answer:?}"),
        () = upstream_is_reached(&server) => {}
    }
    let end = server.ended("left").await;
    assert_eq!(
        told(&end),
        [&json!("unknown"), &json!("cancelled"), &json!("cancelled"), &Value::Null],
        "{end}"
    );
    until(async || !server.place.calls_of("left").is_empty()).await;
    let place = server.stop().await;
    let calls = place.calls_of("left");
    let [call] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!((&call["outcome"], &call["reason"]), (&json!("unknown"), &json!("cancelled")), "{call}");
}

#[tokio::test]
async fn a_request_whose_time_is_over_has_timed_out() {
    let short = ControlPlane::builder().resilience(no_retry()).request_timeout(Duration::from_secs(1));
    let server = Audited::with(short).await;
    let body = hanging(&server).await;
    assert_eq!(server.post("late", DEPLOYMENTS, body).await.problem(504), "timed_out");
    let end = server.place.end_of("late");
    assert_eq!(
        told(&end),
        [&json!("failure"), &json!("timed_out"), &json!("complete"), &json!(504)],
        "{end}"
    );
    server.world.sim().clear_fault(Upstream::Intune);
    server.stop().await;
}
