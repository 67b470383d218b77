//! Bodies stream, and nothing outlives a call that was given up.

use buttress_reqwest::Reqwest;
use buttress_testkit::{ScriptedBody, Step};
use http_body_util::BodyExt;
use reqwest::Body;
use tokio::sync::mpsc;
use tower::{Service, ServiceExt};

use crate::peer::{Peer, Talk, answer, bare, http, soon};

fn request(url: &str, body: Body) -> http::Request<Body> {
    http::Request::post(url).body(body).unwrap()
}

#[tokio::test]
async fn a_request_body_is_sent_as_it_comes() {
    let (note, mut arrived) = mpsc::channel(1);
    let peer = Peer::start(move |mut talk: Talk| {
        let note = note.clone();
        async move {
            talk.through("first").await;
            note.send(()).await.unwrap();
            talk.through("second").await;
            talk.say(answer(200, "")).await;
        }
    })
    .await;
    let (body, source) =
        ScriptedBody::new([Step::Data("first".into()), Step::Hold, Step::Data("second".into())]);
    let call = Reqwest::new(http()).oneshot(request(&peer.url("/"), Body::wrap(body)));
    let (response, ()) = soon(async {
        tokio::join!(call, async {
            arrived.recv().await.expect("the first part comes before there is a second");
            source.release();
        })
    })
    .await;
    assert_eq!(response.unwrap().status(), 200);
}

#[tokio::test]
async fn a_response_body_is_read_as_it_comes() {
    let (go_on, gate) = mpsc::channel::<()>(1);
    let gate = std::sync::Arc::new(tokio::sync::Mutex::new(gate));
    let peer = Peer::start(move |mut talk: Talk| {
        let gate = std::sync::Arc::clone(&gate);
        async move {
            talk.request().await;
            talk.say("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nfirst").await;
            gate.lock().await.recv().await;
            talk.say("second").await;
        }
    })
    .await;
    let mut response = soon(bare("peer").get(peer.url("/")).send()).await.unwrap();
    assert_eq!(response.content_length(), Some(11));
    assert_eq!(soon(response.chunk()).await.unwrap().unwrap(), "first");
    go_on.send(()).await.unwrap();
    assert_eq!(soon(response.chunk()).await.unwrap().unwrap(), "second");
    assert_eq!(soon(response.chunk()).await.unwrap(), None);
}

/// A peer that says something to its only request and then tells when the client has gone.
async fn left_behind(says: &'static str) -> (Peer, mpsc::Receiver<()>) {
    let (note, gone) = mpsc::channel(1);
    let peer = Peer::start(move |mut talk: Talk| {
        let note = note.clone();
        async move {
            talk.request().await;
            talk.say(says).await;
            talk.until_gone().await;
            note.send(()).await.unwrap();
        }
    })
    .await;
    (peer, gone)
}

#[tokio::test]
async fn a_dropped_call_closes_its_connection() {
    let (peer, mut gone) = left_behind("").await;
    let mut service = Reqwest::new(http());
    let call = service.call(request(&peer.url("/"), Body::default()));
    soon(async {
        tokio::select! {
            _ = call => panic!("nobody answers"),
            () = peer.until_seen(1) => (),
        }
    })
    .await;
    soon(gone.recv()).await.expect("the connection ends while the client lives");
    drop(service);
}

#[tokio::test]
async fn a_response_dropped_halfway_closes_its_connection() {
    let (peer, mut gone) = left_behind("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
    let client = bare("peer");
    let mut response = soon(client.get(peer.url("/")).send()).await.unwrap();
    assert_eq!(soon(response.chunk()).await.unwrap().unwrap(), "half");
    drop(response);
    soon(gone.recv()).await.expect("the connection ends while the client lives");
    drop(client);
}

#[tokio::test]
async fn a_dropped_call_lets_go_of_its_request_body() {
    let (note, mut arrived) = mpsc::channel(1);
    let peer = Peer::start(move |mut talk: Talk| {
        let note = note.clone();
        async move {
            talk.through("first").await;
            note.send(()).await.unwrap();
            talk.until_gone().await;
        }
    })
    .await;
    let (body, source) = ScriptedBody::new([Step::Data("first".into()), Step::Hold]);
    let mut service = Reqwest::new(http());
    let call = service.call(request(&peer.url("/"), Body::wrap(body)));
    soon(async {
        tokio::select! {
            _ = call => panic!("nobody answers"),
            _ = arrived.recv() => (),
        }
        while !source.is_dropped() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_whole_body_comes_back_as_bytes_of_http_too() {
    let peer = Peer::answering(|_| answer(200, "whole")).await;
    let response =
        soon(Reqwest::new(http()).oneshot(request(&peer.url("/"), Body::default()))).await.unwrap();
    assert_eq!(soon(response.into_body().collect()).await.unwrap().to_bytes(), "whole");
}
