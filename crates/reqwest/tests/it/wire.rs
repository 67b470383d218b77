//! The bytes that the service at the other end sees.

use buttress_reqwest::Client;
use buttress_testkit::{ScriptedBody, Step};
use reqwest::{Body, Method};
use serde_json::json;

use crate::peer::{Peer, Talk, answer, bare, http, soon};

async fn peer() -> (Peer, Client) {
    (Peer::answering(|_| answer(200, "")).await, bare("peer"))
}

#[tokio::test]
async fn every_method_helper_sends_its_method() {
    let (peer, client) = peer().await;
    let url = peer.url("/a/b?c=d");
    for request in [
        client.get(&url),
        client.post(&url),
        client.put(&url),
        client.patch(&url),
        client.delete(&url),
        client.head(&url),
        client.request(Method::OPTIONS, &url),
    ] {
        assert_eq!(soon(request.send()).await.unwrap().status(), 200);
    }
    let seen = peer.seen();
    let lines: Vec<_> = seen.iter().map(|seen| seen.line().split_once(' ').unwrap()).collect();
    for (line, method) in lines.iter().zip(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]) {
        assert_eq!(*line, (method, "/a/b?c=d"));
    }
    assert_eq!(lines.len(), 7);
}

#[tokio::test]
async fn a_request_without_a_body_announces_none() {
    let (peer, client) = peer().await;
    for method in [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS] {
        soon(client.request(method, peer.url("/")).send()).await.unwrap();
    }
    for seen in peer.seen() {
        assert_eq!(seen.value("content-length"), None, "{}", seen.head);
        assert_eq!(seen.value("transfer-encoding"), None, "{}", seen.head);
    }
    soon(http().post(peer.url("/")).send()).await.unwrap();
    soon(client.post(peer.url("/")).send()).await.unwrap();
    let [.., theirs, ours] = &peer.seen()[..] else { panic!("six requests") };
    assert_eq!(ours.head, theirs.head);
}

#[tokio::test]
async fn a_body_in_memory_has_its_length_and_a_stream_has_chunks() {
    let (peer, client) = peer().await;
    soon(client.post(peer.url("/")).json(&json!({ "a": 1 })).send()).await.unwrap();
    let (body, _source) = ScriptedBody::new([Step::Data("ab".into()), Step::Data("c".into())]);
    soon(client.post(peer.url("/")).body(Body::wrap(body)).send()).await.unwrap();
    let (body, _source) = ScriptedBody::new([Step::Data("ab".into()), Step::Data("c".into())]);
    soon(client.post(peer.url("/")).body(Body::wrap(body.sized())).send()).await.unwrap();

    let [json, stream, sized] = &peer.seen()[..] else { panic!("three requests") };
    assert_eq!((json.value("content-length"), json.value("transfer-encoding")), (Some("7"), None));
    assert_eq!((json.value("content-type"), json.body.as_str()), (Some("application/json"), r#"{"a":1}"#));
    assert_eq!((stream.value("content-length"), stream.value("transfer-encoding")), (None, Some("chunked")));
    assert_eq!(stream.body, "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
    assert_eq!((sized.value("content-length"), sized.body.as_str()), (Some("3"), "abc"));
}

#[tokio::test]
async fn a_request_of_reqwests_builder_arrives_unchanged() {
    let (peer, client) = peer().await;
    let sent = |request: reqwest::RequestBuilder| {
        request
            .header("x-a", "1")
            .header("x-a", "2")
            .basic_auth("user", Some("pass"))
            .query(&[("q", "a b&c")])
            .json(&json!(["x"]))
    };
    let url = peer.url("/path?z=1");
    soon(sent(http().post(&url)).send()).await.unwrap();
    soon(client.adopt(sent(reqwest::Client::new().post(&url))).send()).await.unwrap();
    soon(client.execute(sent(reqwest::Client::new().post(&url)).build().unwrap())).await.unwrap();
    let [plain, adopted, executed] = &peer.seen()[..] else { panic!("three requests") };
    assert_eq!(plain.line(), "POST /path?z=1&q=a+b%26c");
    assert_eq!(plain.values("x-a"), ["1", "2"]);
    for taken in [adopted, executed] {
        assert_eq!((&taken.head, &taken.body), (&plain.head, &plain.body));
    }
}

#[tokio::test]
async fn our_builder_sends_what_reqwests_does() {
    let (peer, client) = peer().await;
    let url = peer.url("/");
    let theirs = http();
    let fields = || http::HeaderMap::from_iter([("x-c".parse().unwrap(), "3".parse().unwrap())]);
    let theirs =
        theirs.put(&url).header("x-a", "1").headers(fields()).bearer_auth("t").query(&[("q", 1)]).body("b");
    soon(theirs.send()).await.unwrap();
    let ours =
        client.put(&url).header("x-a", "1").headers(fields()).bearer_auth("t").query(&[("q", 1)]).body("b");
    soon(ours.send()).await.unwrap();
    let ours = client.put(&url).with(|request| request.header("x-a", "1")).headers(fields());
    soon(ours.bearer_auth("t").query(&[("q", 1)]).body("b").send()).await.unwrap();
    let [theirs, ours @ ..] = &peer.seen()[..] else { panic!("three requests") };
    for ours in ours {
        assert_eq!((&ours.head, &ours.body), (&theirs.head, &theirs.body));
    }
    assert_eq!(ours.len(), 2);
}

#[tokio::test]
async fn a_user_in_the_url_becomes_a_credential_as_with_reqwest() {
    let (peer, client) = peer().await;
    soon(client.get(peer.url("/").replacen("://", "://user:pass@", 1)).send()).await.unwrap();
    assert_eq!(peer.only().value("authorization"), Some("Basic dXNlcjpwYXNz"));
    assert_eq!(peer.only().value("host"), Some(peer.address.to_string().as_str()));
}

#[tokio::test]
async fn an_error_status_is_a_response_and_its_connection_is_used_again() {
    let peer =
        Peer::answering(|seen| answer(if seen.line() == "GET /bad" { 500 } else { 200 }, "body")).await;
    let client = bare("peer");
    let bad = soon(client.get(peer.url("/bad")).send()).await.unwrap();
    assert_eq!(bad.status(), 500);
    assert_eq!(soon(bad.text()).await.unwrap(), "body");
    soon(client.get(peer.url("/good")).send()).await.unwrap();
    let connections: Vec<_> = peer.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 0]);
}

#[tokio::test]
async fn a_head_request_and_a_204_have_no_body_to_wait_for() {
    let peer = Peer::start(|mut talk: Talk| async move {
        while let Some(seen) = talk.request().await {
            let status = if seen.line().starts_with("HEAD") {
                "200 OK\r\ncontent-length: 5"
            } else {
                "204 No Content"
            };
            talk.say(format!("HTTP/1.1 {status}\r\n\r\n")).await;
        }
    })
    .await;
    let client = bare("peer");
    for (method, status) in [(Method::HEAD, 200), (Method::DELETE, 204), (Method::GET, 204)] {
        let response = soon(client.request(method, peer.url("/")).send()).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(soon(response.bytes()).await.unwrap(), "");
    }
    assert!(peer.seen().iter().all(|seen| seen.connection == 0), "the connection stays in order");
}
