//! The client for an HTTP API: where it sends, what it reads, what its one error tells.

use std::error::Error as _;
use std::time::Duration;

use axum::extract::{Path, Query};
use axum::routing::{get, post};
use axum::{Json, Router};
use buttress_core::{Context, CorrelationId};
use buttress_http::{BodyTooLarge, TransportError, TransportKind};
use buttress_reqwest::{ApiClient, ApiClientBuilder, ApiError, ApiErrorKind};
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::lines::shown;
use crate::peer::{Peer, Talk, answer, bare, nobody, soon};

fn id(text: &str) -> CorrelationId {
    text.parse().unwrap()
}

fn over(peer: &Peer) -> ApiClient {
    ApiClient::new(bare("peer"), &peer.url("/api")).unwrap()
}

fn builder(peer: &Peer) -> ApiClientBuilder {
    ApiClient::builder(bare("peer"), &peer.url("/api"))
}

/// Always answers the same.
async fn saying(status: u16, body: &'static str) -> (Peer, ApiClient) {
    let peer = Peer::answering(move |_| answer(status, body)).await;
    let api = over(&peer);
    (peer, api)
}

async fn failure(api: &ApiClient) -> ApiError {
    soon(api.get("/devices").send()).await.expect_err("the call should fail")
}

#[derive(Debug, Deserialize, Serialize, PartialEq)]
struct Device {
    id: u32,
    name: String,
}

#[derive(Deserialize)]
struct Paging {
    top: u32,
}

/// A well-behaved API, and what keeps it running.
async fn devices() -> (String, JoinSet<()>) {
    async fn list(Query(paging): Query<Paging>) -> Json<Vec<Device>> {
        Json((0..paging.top).map(|id| Device { id, name: format!("device {id}") }).collect())
    }
    async fn create(Json(device): Json<Device>) -> (StatusCode, Json<Device>) {
        (StatusCode::CREATED, Json(Device { id: device.id + 1, ..device }))
    }
    async fn remove(Path(id): Path<u32>) -> StatusCode {
        if id == 7 { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
    }
    let router = Router::new()
        .route("/api/devices", get(list).post(create))
        .route("/api/devices/{id}", post(create).put(create).patch(create).delete(remove));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/api", listener.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (base, serving)
}

#[tokio::test]
async fn json_goes_out_and_comes_in() {
    let (base, _serving) = devices().await;
    let api = ApiClient::new(bare("devices"), &base).unwrap();
    let listed: Vec<Device> = soon(api.get("/devices").query(&[("top", 2)]).fetch()).await.unwrap();
    assert_eq!(listed[1], Device { id: 1, name: "device 1".to_owned() });

    let new = Device { id: 1, name: "new".to_owned() };
    let made = Device { id: 2, name: "new".to_owned() };
    let response = soon(api.post("/devices").json(&new).send()).await.unwrap();
    assert_eq!(
        (response.status(), response.headers()[CONTENT_TYPE].as_bytes()),
        (StatusCode::CREATED, &b"application/json"[..])
    );
    assert_eq!(soon(response.json::<Device>()).await.unwrap(), made);
    assert_eq!(soon(api.put("/devices/1").json(&new).fetch::<Device>()).await.unwrap(), made);
    assert_eq!(soon(api.patch("/devices/1").json(&new).fetch::<Device>()).await.unwrap(), made);

    soon(api.delete("/devices/7").fetch::<()>()).await.unwrap();
    assert_eq!(soon(api.delete("/devices/7").fetch::<Option<Device>>()).await.unwrap(), None);
    assert!(soon(api.delete("/devices/8").send()).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn an_endpoint_is_asked_below_the_base() {
    let peer = Peer::answering(|_| answer(200, "")).await;
    for (base, endpoint, expected) in [
        (peer.url(""), "/devices", "GET /devices"),
        (peer.url("/"), "devices", "GET /devices"),
        (peer.url("/v1.0"), "/devices?$top=1", "GET /v1.0/devices?$top=1"),
        (peer.url("/v1.0/"), "/a%2Fb/", "GET /v1.0/a%2Fb/"),
    ] {
        let api = ApiClient::new(bare("peer"), &base).unwrap();
        soon(api.get(endpoint).send()).await.unwrap();
        let seen = peer.seen().pop().unwrap();
        assert_eq!(seen.line(), expected);
        assert_eq!(seen.value("host"), Some(peer.address.to_string().as_str()));
    }
}

#[tokio::test]
async fn an_endpoint_is_asked_over_ipv6() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else { return };
    let peer = Peer::on(listener, |mut talk: Talk| async move {
        talk.request().await;
        talk.say(answer(200, "")).await;
    });
    soon(over(&peer).get("/devices").send()).await.unwrap();
    assert_eq!(peer.only().line(), "GET /api/devices");
    assert_eq!(peer.only().value("host"), Some(format!("[::1]:{}", peer.address.port()).as_str()));
}

#[tokio::test]
async fn an_endpoint_that_leads_out_of_the_base_is_refused_unsent() {
    let (peer, api) = saying(200, "").await;
    for endpoint in
        ["../admin", "/../admin", "/..", "a/../../admin", "/%2e%2e/admin", "..\\admin", ".\t./admin"]
    {
        let error = Context::new()
            .with_correlation_id(id("flow-1"))
            .scope(soon(api.get(endpoint).bearer_auth("t").send()))
            .await
            .expect_err(endpoint);
        let ApiErrorKind::Call(call) = error.kind() else { panic!("{error:?}") };
        assert_eq!(call.transport().map(TransportError::kind), Some(TransportKind::Invalid), "{endpoint}");
        assert_eq!(error.correlation_id(), Some(&id("flow-1")));
    }
    assert!(peer.seen().is_empty());
}

#[tokio::test]
async fn a_status_outside_200_to_299_is_an_error_with_everything_in_it() {
    let peer = Peer::answering(|_| {
        "HTTP/1.1 409 Conflict\r\nretry-after: 7\r\ncontent-length: 9\r\n\r\nno, twice".to_owned()
    })
    .await;
    let api = over(&peer);
    let error = soon(api.post("/devices").correlation_id(id("flow-1")).send()).await.unwrap_err();
    assert_eq!((error.service(), error.status()), ("peer", Some(StatusCode::CONFLICT)));
    assert_eq!(error.body().unwrap(), "no, twice");
    assert_eq!(error.correlation_id(), Some(&id("flow-1")));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(error.to_string(), "`peer` answered with status 409 Conflict");
    assert!(!error.is_circuit_open() && !error.is_timeout() && !error.is_connect());
    let around = Context::new().with_correlation_id(id("around")).scope(failure(&api)).await;
    assert_eq!(around.correlation_id(), Some(&id("around")));
}

#[tokio::test]
async fn each_question_is_answered_by_its_status_alone() {
    for status in [300, 304, 400, 401, 403, 404, 409, 412, 500, 503] {
        let (_peer, api) = saying(status, "").await;
        let error = failure(&api).await;
        let asked = (error.is_unauthorized(), error.is_not_found(), error.is_conflict());
        assert_eq!(asked, (status == 401, status == 404, status == 409), "{status}");
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
    }
}

#[tokio::test]
async fn the_body_of_an_error_is_kept_up_to_the_cap() {
    let peer = Peer::answering(|_| answer(500, "0123456789")).await;
    for (cap, kept) in [(0, ""), (4, "0123"), (10, "0123456789"), (11, "0123456789")] {
        let api = builder(&peer).max_error_bytes(cap).build().unwrap();
        assert_eq!(failure(&api).await.body().unwrap(), kept);
    }
}

#[tokio::test]
async fn an_error_body_that_breaks_off_is_kept_as_far_as_it_came() {
    let peer = Peer::start(|mut talk: Talk| async move {
        talk.request().await;
        talk.say("HTTP/1.1 500 No\r\ncontent-length: 10\r\n\r\nhalf").await;
    })
    .await;
    let error = failure(&over(&peer)).await;
    assert_eq!(
        (error.status(), error.body().unwrap()),
        (Some(StatusCode::INTERNAL_SERVER_ERROR), &b"half"[..].into())
    );
}

#[tokio::test]
async fn a_response_above_the_cap_is_an_error_whether_it_says_so_or_not() {
    let chunked =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n";
    let endless = "HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n";
    for said in [answer(200, "0123456789"), chunked.to_owned(), endless.to_owned()] {
        let peer = Peer::answering(move |_| said.clone()).await;
        let api = builder(&peer).max_response_bytes(9).build().unwrap();
        let response = soon(api.get("/").send()).await.unwrap();
        let error = soon(response.bytes()).await.unwrap_err();
        let ApiErrorKind::Call(call) = error.kind() else { panic!("{error:?}") };
        assert!(
            std::error::Error::source(call).is_some_and(<dyn std::error::Error>::is::<BodyTooLarge>),
            "{error:?}"
        );
        assert!(!error.is_timeout() && call.transport().is_none());
    }
    let peer = Peer::answering(|_| answer(200, "0123456789")).await;
    let api = builder(&peer).max_response_bytes(10).build().unwrap();
    assert_eq!(soon(soon(api.get("/").send()).await.unwrap().bytes()).await.unwrap(), "0123456789");
    let api = builder(&peer).max_response_bytes(1).build().unwrap();
    let streamed = soon(api.get("/").send()).await.unwrap().into_inner();
    assert_eq!(soon(streamed.bytes()).await.unwrap(), "0123456789", "whoever streams decides for themselves");
}

#[tokio::test]
async fn a_response_that_breaks_off_was_interrupted() {
    let peer = Peer::start(|mut talk: Talk| async move {
        talk.request().await;
        talk.say("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
    })
    .await;
    let error = soon(over(&peer).get("/").correlation_id(id("flow-1")).fetch::<Device>()).await.unwrap_err();
    let ApiErrorKind::Call(call) = error.kind() else { panic!("{error:?}") };
    assert_eq!(call.transport().map(TransportError::kind), Some(TransportKind::Interrupted));
    assert!(call.transport().unwrap().source().unwrap().is::<reqwest::Error>(), "the cause is found");
    assert_eq!(error.correlation_id(), Some(&id("flow-1")));
}

#[tokio::test]
async fn nobody_there_is_told_as_that() {
    let nobody = nobody();
    let api = ApiClient::new(bare("peer"), &nobody.url("")).unwrap();
    let error = failure(&api).await;
    assert!(error.is_connect() && !error.is_timeout());
    assert_eq!((error.status(), error.body()), (None, None));
}

#[tokio::test]
async fn no_error_quotes_a_body() {
    for (status, body) in [
        (200, r#"{"id":"hunter2","name":""}"#),
        (200, r#"{"id":1,"name":["hunter2"]}"#),
        (200, "hunter2"),
        (200, r#"{"hunter2":"#),
        (400, r#"{"password":"hunter2"}"#),
    ] {
        let (_peer, api) = saying(status, body).await;
        let error = soon(api.get("/").fetch::<Device>()).await.unwrap_err();
        assert!(!shown(&error).contains("hunter2"), "{}", shown(&error));
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        assert_eq!(matches!(error.kind(), ApiErrorKind::Decode { .. }), status == 200);
    }
}

#[tokio::test]
async fn a_response_of_another_shape_says_where_and_what_was_expected() {
    let (_peer, api) = saying(200, r#"{"id":"seven","name":""}"#).await;
    let error = soon(api.get("/").correlation_id(id("flow-1")).fetch::<Device>()).await.unwrap_err();
    let ApiErrorKind::Decode { status, error: cause } = error.kind() else { panic!("{error:?}") };
    assert_eq!((status.as_u16(), cause.line(), cause.column()), (200, 1, 13));
    assert_eq!(cause.to_string(), "invalid type, expected u32 at line 1 column 13");
    assert_eq!(
        error.to_string(),
        "the answer of `peer` with status 200 OK is not the JSON that was expected"
    );
    assert_eq!((error.service(), error.correlation_id()), ("peer", Some(&id("flow-1"))));
    assert_eq!((error.body(), error.retry_after()), (None, None));
}

#[tokio::test]
async fn a_field_of_the_request_replaces_the_clients() {
    let peer = Peer::answering(|_| answer(200, "")).await;
    let api = builder(&peer)
        .header(AUTHORIZATION, HeaderValue::from_static("Bearer default"))
        .header("x-tenant".parse().unwrap(), HeaderValue::from_static("one"))
        .build()
        .unwrap();
    let last = || peer.seen().pop().unwrap();
    soon(api.get("/").send()).await.unwrap();
    assert_eq!(last().values("authorization"), ["Bearer default"]);
    assert_eq!((last().values("x-tenant"), last().values("accept")), (vec!["one"], vec!["application/json"]));

    soon(
        api.get("/")
            .bearer_auth("own")
            .header("x-tenant".parse().unwrap(), HeaderValue::from_static("two"))
            .send(),
    )
    .await
    .unwrap();
    assert_eq!(
        (last().values("authorization"), last().values("x-tenant")),
        (vec!["Bearer own"], vec!["two"])
    );
    soon(api.get("/").basic_auth("user", Some("pass")).send()).await.unwrap();
    assert_eq!(last().values("authorization"), ["Basic dXNlcjpwYXNz"]);
    soon(api.get("/").header(ACCEPT, HeaderValue::from_static("text/csv")).send()).await.unwrap();
    assert_eq!(last().values("accept"), ["text/csv"]);
    soon(api.post("/").idempotency_key("order-42").with(|request| request.body("raw")).send()).await.unwrap();
    assert_eq!((last().value("idempotency-key"), last().body.as_str()), (Some("order-42"), "raw"));
}

#[tokio::test]
async fn a_bad_field_is_an_error_of_the_call() {
    let (peer, api) = saying(200, "").await;
    let error = soon(api.get("/").idempotency_key("line\nbreak").send()).await.unwrap_err();
    let ApiErrorKind::Call(call) = error.kind() else { panic!("{error:?}") };
    assert_eq!(call.transport().map(TransportError::kind), Some(TransportKind::Invalid));
    assert!(peer.seen().is_empty());
}

#[tokio::test]
async fn the_connection_is_used_again_after_an_error() {
    let (peer, api) = saying(404, "not here").await;
    failure(&api).await;
    failure(&api).await;
    let connections: Vec<_> = peer.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 0]);
}

#[test]
fn bad_settings_are_told_all_at_once_and_without_the_url() {
    let build = |url: &str| {
        ApiClient::builder(bare("peer"), url).max_response_bytes(0).max_error_bytes(1 << 30).build()
    };
    let error = build("http://user:hunter2@peer/").unwrap_err();
    assert_eq!(
        error.to_string(),
        "api-client: base_url is 25 bytes long, allowed: an absolute http or https URL without user, password, \
         query and fragment; api-client: max_response_bytes is 0, allowed: 1 to 1073741824; \
         api-client: max_error_bytes is 1073741824, allowed: 0 to 16777216"
    );
    for bad in [
        "",
        "peer",
        "/v1",
        "peer.example/v1",
        "ftp://peer/",
        "http://",
        "http://peer/?a",
        "http://peer/#a",
        "http://user@peer/",
        "data:x",
    ] {
        let error = ApiClient::new(bare("peer"), bad).expect_err(bad);
        assert_eq!(error.problems().len(), 1, "{bad}");
    }
    for good in ["http://peer", "https://peer:8443/v1.0/", "http://[::1]:80/a/b", "http://127.0.0.1"] {
        assert!(ApiClient::new(bare("peer"), good).is_ok(), "{good}");
    }
}
