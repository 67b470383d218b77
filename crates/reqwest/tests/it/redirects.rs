//! What is known of a call that was led elsewhere.

use buttress_http::TransportKind;
use buttress_reqwest::{Client, Reqwest, noting_redirects};
use reqwest::redirect::Policy;

use crate::peer::{Peer, answer, bare, nobody, redirect, soon};

fn following(policy: Policy) -> Client {
    let http = reqwest::Client::builder().no_proxy().redirect(policy).build().unwrap();
    Client::over("peer", http.clone(), Reqwest::new(http))
}

#[tokio::test]
async fn the_response_knows_the_url_that_was_answered() {
    let peer = Peer::answering(|seen| match seen.line() {
        "GET /from" => redirect(302, "/to?a=b"),
        _ => answer(200, ""),
    })
    .await;
    for client in [bare("peer"), following(noting_redirects(Policy::default()))] {
        let response = soon(client.get(peer.url("/from")).send()).await.unwrap();
        assert_eq!(response.url().as_str(), peer.url("/to?a=b"));
    }
    let there = soon(bare("peer").get(peer.url("/to")).send()).await.unwrap();
    assert_eq!(there.url().as_str(), peer.url("/to"));
}

#[tokio::test]
async fn a_post_that_was_answered_by_a_redirect_is_never_told_as_unsent() {
    let nobody = nobody();
    let nowhere = nobody.url("/");
    for status in [301, 302, 303, 307, 308] {
        let nowhere = nowhere.clone();
        let peer = Peer::answering(move |_| redirect(status, &nowhere)).await;
        let noting = following(noting_redirects(Policy::default()));
        let error = soon(noting.post(peer.url("/")).body("order").send()).await.unwrap_err();
        assert_eq!(error.transport().unwrap().kind(), TransportKind::Interrupted, "{status}");
        assert!(!error.is_connect());
        assert_eq!(peer.only().body, "order");
    }
}

#[tokio::test]
async fn a_policy_that_is_not_wrapped_tells_nothing() {
    let nobody = nobody();
    let nowhere = nobody.url("/");
    let peer = Peer::answering(move |_| redirect(303, &nowhere)).await;
    let error = soon(following(Policy::default()).post(peer.url("/")).send()).await.unwrap_err();
    assert!(error.is_connect(), "as the documentation of `noting_redirects` says");
}

#[tokio::test]
async fn a_first_connection_is_still_told_as_one_by_a_wrapped_policy() {
    let client = following(noting_redirects(Policy::default()));
    // A redirect of another call on the same thread must not be taken for one of this call.
    let peer =
        Peer::answering(|seen| if seen.line() == "GET /" { redirect(302, "/to") } else { answer(200, "") })
            .await;
    soon(client.get(peer.url("/")).send()).await.unwrap();
    let error = soon(client.get(nobody().url("/")).send()).await.unwrap_err();
    assert!(error.is_connect());
}

#[tokio::test]
async fn a_wrapped_policy_decides_as_before() {
    let peer = Peer::answering(|_| redirect(302, "/again")).await;
    let stopped = soon(following(noting_redirects(Policy::none())).get(peer.url("/")).send()).await.unwrap();
    assert_eq!((stopped.status().as_u16(), peer.seen().len()), (302, 1));
    let error =
        soon(following(noting_redirects(Policy::limited(2))).get(peer.url("/")).send()).await.unwrap_err();
    assert_eq!(error.transport().unwrap().kind(), TransportKind::Invalid);
    assert_eq!(peer.seen().len(), 1 + 3);
}

#[tokio::test]
async fn credentials_stay_behind_when_a_redirect_leads_to_another_host() {
    let other = Peer::answering(|_| answer(200, "")).await;
    let to = other.url("/");
    let peer = Peer::answering(move |_| redirect(302, &to)).await;
    let request = bare("peer").get(peer.url("/")).bearer_auth("hunter2").header("x-correlation-id", "flow-1");
    soon(request.send()).await.unwrap();
    assert_eq!(peer.only().value("authorization"), Some("Bearer hunter2"));
    assert_eq!(other.only().value("authorization"), None);
    assert_eq!(other.only().value("x-correlation-id"), Some("flow-1"), "which is no secret");
    assert_eq!(other.only().value("referer"), Some(peer.url("/").as_str()), "as docs/reqwest.md warns");
}
