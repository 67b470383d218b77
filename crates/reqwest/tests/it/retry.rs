//! A retry layer over reqwest: what each attempt sends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use buttress_backoff::{Backoff, Jitter};
use buttress_reqwest::{AsReqwestBody, Client, Reqwest, noting_redirects};
use buttress_retry::RetryLayer;
use buttress_testkit::{ScriptedBody, Step};
use reqwest::Body;
use reqwest::redirect::Policy;
use serde_json::json;
use tower::Layer;

use crate::peer::{Peer, Seen, Talk, answer, nobody, redirect, soon};

/// A client that tries three times.
fn retrying() -> Client {
    let backoff = Backoff::constant(Duration::from_millis(1)).jitter(Jitter::None);
    let retry = RetryLayer::builder().wrap_body(AsReqwestBody).replay_cap_bytes(64).backoff(backoff);
    let policy = noting_redirects(Policy::default());
    let http = reqwest::Client::builder().no_proxy().redirect(policy).build().unwrap();
    Client::over("peer", http.clone(), retry.build().unwrap().layer(Reqwest::new(http)))
}

/// Answers 503 until it has been asked that often.
async fn failing_before(success: usize) -> Peer {
    let asked = AtomicUsize::new(0);
    Peer::answering(move |_| {
        let asked = asked.fetch_add(1, Ordering::Relaxed) + 1;
        answer(if asked < success { 503 } else { 200 }, "")
    })
    .await
}

fn stream(parts: &[&'static str]) -> Body {
    Body::wrap(ScriptedBody::new(parts.iter().map(|part| Step::Data((*part).into()))).0)
}

fn framing(seen: &Seen) -> (Option<&str>, Option<&str>) {
    (seen.value("content-length"), seen.value("transfer-encoding"))
}

#[tokio::test]
async fn every_attempt_at_a_body_in_memory_has_its_length() {
    let peer = failing_before(3).await;
    let request =
        retrying().post(peer.url("/orders")).json(&json!({ "item": 7 })).idempotency_key("order-42");
    assert_eq!(soon(request.send()).await.unwrap().status(), 200);
    let seen = peer.seen();
    let attempts: Vec<_> = seen.iter().map(|seen| seen.value("x-retry-attempt")).collect();
    assert_eq!(attempts, [None, Some("2"), Some("3")]);
    for seen in &seen {
        assert_eq!(framing(seen), (Some("10"), None), "{}", seen.head);
        assert_eq!((seen.body.as_str(), seen.value("idempotency-key")), (r#"{"item":7}"#, Some("order-42")));
    }
}

#[tokio::test]
async fn an_attempt_without_a_body_announces_none() {
    let peer = failing_before(2).await;
    soon(retrying().get(peer.url("/")).send()).await.unwrap();
    let seen = peer.seen();
    assert_eq!(seen.iter().map(framing).collect::<Vec<_>>(), [(None, None), (None, None)]);
}

#[tokio::test]
async fn a_stream_is_sent_again_from_its_beginning() {
    let peer = failing_before(2).await;
    soon(retrying().put(peer.url("/")).body(stream(&["ab", "c"])).send()).await.unwrap();
    let [first, second] = &peer.seen()[..] else { panic!("two attempts") };
    assert_eq!(
        (first.body.as_str(), framing(first)),
        ("2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", (None, Some("chunked")))
    );
    assert_eq!(
        (second.body.as_str(), framing(second)),
        ("abc", (Some("3"), None)),
        "by now its length is known"
    );
}

#[tokio::test]
async fn a_body_above_the_cap_is_sent_once_and_whole() {
    const LARGE: &str = "0123456789012345678901234567890123456789012345678901234567890123456789";
    for body in [Body::from(LARGE), stream(&[LARGE, "!"])] {
        let peer = failing_before(2).await;
        let response = soon(retrying().put(peer.url("/")).body(body).send()).await.unwrap();
        assert_eq!(response.status(), 503, "the last real answer");
        assert!(peer.only().body.contains(LARGE));
    }
}

#[tokio::test]
async fn a_body_is_back_for_the_next_attempt_when_the_connection_broke() {
    for body in [Body::from("abc"), stream(&["abc"])] {
        let peer = Peer::start(|mut talk: Talk| async move {
            talk.request().await;
            if talk.connection > 0 {
                talk.say(answer(200, "")).await;
            }
        })
        .await;
        assert_eq!(soon(retrying().put(peer.url("/")).body(body).send()).await.unwrap().status(), 200);
        assert_eq!(peer.seen().len(), 2);
    }
}

#[tokio::test]
async fn a_body_in_memory_still_follows_a_redirect() {
    let peer = Peer::answering(|seen| match seen.line() {
        "POST /from" => redirect(307, "/to"),
        _ => answer(200, ""),
    })
    .await;
    assert_eq!(soon(retrying().post(peer.url("/from")).body("order").send()).await.unwrap().status(), 200);
    let seen = peer.seen();
    let sent: Vec<_> = seen.iter().map(|seen| (seen.line(), seen.body.as_str())).collect();
    assert_eq!(sent, [("POST /from", "order"), ("POST /to", "order")]);
}

#[tokio::test]
async fn an_order_that_was_taken_is_not_sent_again_because_a_redirect_led_nowhere() {
    let nobody = nobody();
    let nowhere = nobody.url("/");
    let peer = Peer::answering(move |_| redirect(303, &nowhere)).await;
    soon(retrying().post(peer.url("/orders")).body("order").send()).await.unwrap_err();
    assert_eq!(peer.only().body, "order");
}
