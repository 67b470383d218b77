//! A time limit that a request brings along holds in any stack.

use std::time::Duration;

use buttress_core::Deadline;
use buttress_http::TransportKind;
use buttress_reqwest::{ApiClient, Client};
use http::Response;
use reqwest::Body;
use tower::service_fn;

use crate::peer::{Peer, Talk, answer, bare, http, soon};

const LIMIT: Duration = Duration::from_secs(30);

/// Says something to every request and then nothing more.
async fn stuck(says: &'static str) -> Peer {
    Peer::start(move |mut talk: Talk| async move {
        talk.request().await;
        talk.say(says).await;
        talk.until_gone().await;
    })
    .await
}

const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";

#[tokio::test]
async fn a_call_without_an_answer_ends_when_its_limit_has_passed() {
    let peer = stuck("").await;
    let started = tokio::time::Instant::now();
    let (error, ()) = soon(async {
        tokio::join!(bare("peer").get(peer.url("/")).timeout(LIMIT).send(), async {
            peer.until_seen(1).await;
            // From here on time passes as soon as everybody waits.
            tokio::time::pause();
        })
    })
    .await;
    let error = error.unwrap_err();
    assert!(error.is_timeout() && !error.is_connect());
    assert_eq!(error.transport().unwrap().kind(), TransportKind::TimedOut);
    let cause = std::error::Error::source(error.transport().unwrap()).unwrap();
    assert_eq!(cause.to_string(), "no complete answer within 30s");
    assert!(started.elapsed() < LIMIT * 2, "and not much later");
}

#[tokio::test]
async fn the_limit_goes_on_while_the_body_is_read() {
    let peer = stuck(HALF).await;
    let response = soon(bare("peer").get(peer.url("/")).timeout(LIMIT).send()).await.unwrap();
    assert_eq!(response.content_length(), Some(10));
    tokio::time::pause();
    let error = soon(response.bytes()).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
}

#[tokio::test]
async fn an_api_client_tells_a_body_that_took_too_long_as_a_timeout() {
    let peer = stuck(HALF).await;
    let api = ApiClient::new(bare("peer"), &peer.url("/")).unwrap();
    let response = soon(api.get("/").timeout(LIMIT).send()).await.unwrap();
    tokio::time::pause();
    assert!(soon(response.bytes()).await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_limit_that_was_kept_changes_nothing() {
    let peer = Peer::answering(|_| answer(200, "whole")).await;
    let response = soon(bare("peer").get(peer.url("/")).timeout(LIMIT).send()).await.unwrap();
    assert_eq!((response.content_length(), response.url().as_str()), (Some(5), peer.url("/").as_str()));
    assert_eq!(soon(response.text()).await.unwrap(), "whole");
}

/// A client whose stack answers with the deadline that it was given, in milliseconds from now.
fn telling_the_deadline() -> Client {
    let stack = service_fn(|request: http::Request<Body>| async move {
        let now = tokio::time::Instant::now().into_std();
        let left = request.extensions().get::<Deadline>().map(|deadline| deadline.remaining(now).as_millis());
        Ok(Response::new(Body::from(format!("{left:?}"))))
    });
    Client::over("peer", http(), stack)
}

#[tokio::test(start_paused = true)]
async fn layers_see_the_limit_as_a_deadline_and_an_earlier_one_stays() {
    let client = telling_the_deadline();
    let at = |millis| Deadline::after(tokio::time::Instant::now().into_std(), Duration::from_millis(millis));
    let begun = || client.get("http://peer/");
    let adopted = client.adopt(reqwest::Client::new().get("http://peer/").timeout(Duration::from_secs(7)));
    for (request, expected) in [
        (begun(), "None"),
        (begun().timeout(Duration::from_secs(5)), "Some(5000)"),
        (begun().with(|request| request.timeout(Duration::from_secs(6))), "Some(6000)"),
        (adopted, "Some(7000)"),
        (begun().extension(at(3_000)), "Some(3000)"),
        (begun().extension(at(3_000)).timeout(Duration::from_secs(5)), "Some(3000)"),
        (begun().extension(at(9_000)).timeout(Duration::from_secs(5)), "Some(5000)"),
    ] {
        assert_eq!(request.send().await.unwrap().text().await.unwrap(), expected);
    }
    let endless = begun().timeout(Duration::MAX).send().await.unwrap().text().await.unwrap();
    assert!(endless.starts_with("Some(3"), "a limit beyond the clock is a year: {endless}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_with_the_end_of_the_limit_counts() {
    let stack = service_fn(|_: http::Request<Body>| async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Ok(Response::new(Body::from("just in time")))
    });
    let client = Client::over("peer", http(), stack);
    let request = client.get("http://peer/").timeout(Duration::from_secs(5));
    assert_eq!(request.send().await.unwrap().status(), 200);
    let request = client.get("http://peer/").timeout(Duration::from_millis(4_999));
    assert!(request.send().await.unwrap_err().is_timeout());
}
