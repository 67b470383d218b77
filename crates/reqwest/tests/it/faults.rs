//! What a failed call is called, and that its cause is found.

use std::future::{Pending, pending};
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use buttress_core::{BoxError, find_cause};
use buttress_http::{TransportError, TransportKind};
use buttress_reqwest::Reqwest;
use buttress_testkit::{ScriptedBody, Step};
use http_body_util::BodyExt;
use reqwest::Body;
use tower::{Layer, Service, ServiceExt};

use crate::lines::shown;
use crate::peer::{Peer, Talk, answer, bare, http, nobody, redirect, soon};

fn get(url: &str) -> http::Request<Body> {
    http::Request::get(url).body(Body::default()).unwrap()
}

fn kind(error: &BoxError) -> TransportKind {
    TransportError::in_error(error).expect("every error of the transport has a kind").kind()
}

async fn failure(client: reqwest::Client, request: http::Request<Body>) -> BoxError {
    soon(Reqwest::new(client).oneshot(request)).await.expect_err("the call should fail")
}

#[tokio::test]
async fn a_refused_connection_is_told_as_one_and_its_cause_is_found() {
    let error = failure(http(), get(&nobody().url("/"))).await;
    assert_eq!(kind(&error), TransportKind::Connect);
    assert!(find_cause::<reqwest::Error, _>(&error).unwrap().is_connect());
    assert_eq!(find_cause::<io::Error, _>(&error).unwrap().kind(), io::ErrorKind::ConnectionRefused);
}

/// Reads the request, says something, and ends the connection.
async fn breaks_off(after: &'static str, reset: bool, client: reqwest::Client) -> BoxError {
    let peer = Peer::start(move |mut talk: Talk| async move {
        talk.request().await;
        talk.say(after).await;
        if reset {
            talk.reset();
        }
    })
    .await;
    failure(client, get(&peer.url("/"))).await
}

#[tokio::test]
async fn a_connection_that_ends_before_the_head_is_complete_was_interrupted() {
    for said in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n"] {
        for reset in [false, true] {
            let error = breaks_off(said, reset, http()).await;
            assert_eq!(kind(&error), TransportKind::Interrupted, "{said:?}, reset: {reset}: {error:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_neither_interrupted_nor_unsent() {
    let error = breaks_off("SSH-2.0-OpenSSH\r\n\r\n", false, http()).await;
    assert_eq!(kind(&error), TransportKind::Other);
    assert!(TransportKind::Other.may_have_arrived());
}

#[tokio::test]
async fn a_body_that_ends_early_fails_where_it_is_read() {
    for reset in [false, true] {
        let peer = Peer::start(move |mut talk: Talk| async move {
            talk.request().await;
            talk.say("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
            if reset {
                talk.reset();
            }
        })
        .await;
        let response = soon(Reqwest::new(http()).oneshot(get(&peer.url("/")))).await;
        // A reset may overtake the head; then the call itself was interrupted.
        let error: BoxError = match response {
            Ok(response) => soon(response.into_body().collect()).await.expect_err("half of it").into(),
            Err(error) => error,
        };
        assert!(!find_cause::<reqwest::Error, _>(&error).unwrap().is_timeout());
        assert!(find_cause::<hyper::Error, _>(&error).is_some(), "the cause is found: {error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn reqwests_own_time_limit_is_a_timeout() {
    let peer = Peer::start(|mut talk: Talk| async move {
        talk.request().await;
        talk.until_gone().await;
    })
    .await;
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap();
    let error = failure(client, get(&peer.url("/"))).await;
    assert_eq!(kind(&error), TransportKind::TimedOut);
}

/// Never makes a connection.
#[derive(Clone)]
struct Unreachable;

#[derive(Clone)]
struct NoConnection<S>(S);

impl<S> Layer<S> for Unreachable {
    type Service = NoConnection<S>;

    fn layer(&self, inner: S) -> NoConnection<S> {
        NoConnection(inner)
    }
}

impl<S: Service<R>, R> Service<R> for NoConnection<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pending<Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, _: R) -> Self::Future {
        pending()
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_takes_too_long_was_none() {
    let client = reqwest::Client::builder()
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        .connector_layer(Unreachable)
        .build()
        .unwrap();
    let error = failure(client, get("http://127.0.0.1/")).await;
    assert_eq!(kind(&error), TransportKind::Connect);
    assert!(find_cause::<reqwest::Error, _>(&error).unwrap().is_timeout());
}

#[tokio::test]
async fn a_request_that_cannot_be_sent_is_invalid() {
    let rounds = Peer::answering(|_| redirect(302, "/again")).await;
    let elsewhere = Peer::answering(|_| redirect(302, "ftp://127.0.0.1/")).await;
    for url in ["/only/a/path", "ftp://127.0.0.1/", &rounds.url("/"), &elsewhere.url("/")] {
        let error = failure(http(), get(url)).await;
        assert_eq!(kind(&error), TransportKind::Invalid, "{url}: {error:?}");
    }
    assert_eq!(rounds.seen().len(), 11, "reqwest follows ten redirects");
}

#[tokio::test]
async fn a_request_body_that_fails_is_not_the_services_fault() {
    let peer = Peer::start(|mut talk: Talk| async move {
        talk.until_gone().await;
    })
    .await;
    for steps in [
        vec![Step::Fail("the source is gone".into())],
        vec![Step::Data("some".into()), Step::Fail("the source is gone".into())],
    ] {
        let (body, _probe) = ScriptedBody::new(steps);
        let request = http::Request::post(peer.url("/")).body(Body::wrap(body)).unwrap();
        let error = failure(http(), request).await;
        assert_eq!(kind(&error), TransportKind::RequestBody, "{error:?}");
        let source = std::iter::successors(error.source(), |error| error.source()).last();
        assert_eq!(source.unwrap().to_string(), "the source is gone");
    }
}

#[tokio::test]
async fn a_cause_that_quotes_another_url_with_its_secrets_is_left_out() {
    let peer = Peer::start(|mut talk: Talk| async move {
        talk.until_gone().await;
    })
    .await;
    let quoting = || {
        let error = http().get("http://peer/").header("a b", "c").build().unwrap_err();
        error.with_url("http://peer/?token=hunter2".parse().unwrap())
    };
    for source in [BoxError::from(quoting()), BoxError::from(io::Error::other(quoting()))] {
        assert!(shown(&*source).contains("hunter2"), "or the rest of this test shows nothing");
        let (body, _probe) = ScriptedBody::new([Step::Fail(source)]);
        let request = http::Request::post(peer.url("/")).body(Body::wrap(body)).unwrap();
        let error = failure(http(), request).await;
        assert_eq!(kind(&error), TransportKind::RequestBody);
        assert!(!shown(&*error).contains("hunter2"), "{}", shown(&*error));
    }
}

#[tokio::test]
async fn the_next_call_after_a_broken_connection_has_a_new_one() {
    let peer = Peer::start(|mut talk: Talk| async move {
        talk.request().await;
        if talk.connection > 0 {
            talk.say(answer(200, "")).await;
        }
    })
    .await;
    let mut service = Reqwest::new(http());
    let error = soon(service.call(get(&peer.url("/")))).await.expect_err("the first breaks");
    assert_eq!(kind(&error), TransportKind::Interrupted);
    assert_eq!(soon(service.call(get(&peer.url("/")))).await.unwrap().status(), 200);
}

#[tokio::test]
async fn no_error_shows_the_query_or_the_password_of_its_url() {
    let rounds = Peer::answering(|_| redirect(302, "http://user:hunter2@localhost:1/?token=hunter2")).await;
    let closes = Peer::start(|mut talk: Talk| async move {
        talk.request().await;
    })
    .await;
    let secret = |url: String| url.replacen("://", "://user:hunter2@", 1) + "?token=hunter2#hunter2";
    let (nobody, client) = (nobody(), bare("inventory"));
    for url in [
        nobody.url("/devices"),
        rounds.url("/devices"),
        closes.url("/devices"),
        "ftp://127.0.0.1/devices".to_owned(),
        "http://[::1/devices".to_owned(),
    ] {
        let url = secret(url);
        let error = soon(client.get(&url).send()).await.expect_err("the call should fail");
        let shown = shown(&error);
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(error.transport().is_some());
    }
    let shown = shown(&soon(client.get(secret(nobody.url("/devices"))).send()).await.unwrap_err());
    assert!(shown.contains(&nobody.url("/devices")), "where it failed is still told: {shown}");
}
