//! What is logged of a call, and what never is.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use buttress_core::{BoxError, Context, CorrelationId, Kind, Refused, Rejection};
use buttress_http::{TransportError, TransportKind};
use buttress_reqwest::{ApiClient, Client, EventsLayer, Reqwest};
use http::{Request, Response};
use reqwest::Body;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::lines::Lines;
use crate::peer::{Peer, Talk, answer, http, nobody, redirect, soon};

fn id(text: &str) -> CorrelationId {
    text.parse().unwrap()
}

fn logged(layer: &EventsLayer) -> Client {
    Client::over("peer", http(), layer.layer(Reqwest::new(http())))
}

/// An event with the milliseconds left out, which nobody can foretell.
fn without_time(line: &str) -> String {
    match line.split_once(" elapsed_ms=") {
        None => line.to_owned(),
        Some((before, after)) => {
            let millis: f64 = after.split(' ').next().unwrap().parse().unwrap();
            assert!((0.0..60_000.0).contains(&millis), "{line}");
            let rest = after.split_once(' ').map_or(String::new(), |(_, rest)| format!(" {rest}"));
            format!("{before}{rest}")
        }
    }
}

fn told(lines: &Lines) -> Vec<String> {
    lines.events().iter().map(|line| without_time(line.trim_start())).collect()
}

#[tokio::test]
async fn a_call_is_told_when_it_goes_out_and_when_it_is_answered() {
    for (status, level) in [(200, "INFO"), (404, "INFO"), (499, "INFO"), (500, "WARN"), (503, "WARN")] {
        let peer = Peer::answering(move |_| answer(status, "")).await;
        let (lines, _listening) = Lines::listen();
        let client = logged(&EventsLayer::new("intune").with_breaker_state(|| "closed"));
        soon(client.post(peer.url("/v1.0/devices?token=t")).correlation_id(id("DEPLOY-123")).send())
            .await
            .unwrap();
        let fields = format!(
            r#"service="intune" method="POST" url={} correlation_id="DEPLOY-123" circuit_breaker_state="closed""#,
            peer.url("/v1.0/devices")
        );
        let expected = [
            format!("INFO buttress_reqwest::events: HTTP POST request {fields}"),
            format!("{level} buttress_reqwest::events: HTTP POST response {fields} status_code={status}"),
        ];
        assert_eq!(told(&lines), expected);
    }
}

#[tokio::test]
async fn fields_that_are_not_known_are_not_there() {
    let peer = Peer::answering(|_| answer(200, "")).await;
    let (lines, _listening) = Lines::listen();
    soon(logged(&EventsLayer::new("peer")).get(peer.url("/")).send()).await.unwrap();
    let url = peer.url("/");
    let request =
        format!(r#"INFO buttress_reqwest::events: HTTP GET request service="peer" method="GET" url={url}"#);
    assert_eq!(told(&lines)[0], request);
}

#[tokio::test]
async fn the_correlation_id_is_the_requests_own_or_that_of_the_work_around() {
    let peer = Peer::answering(|_| answer(200, "")).await;
    let (lines, _listening) = Lines::listen();
    let client = logged(&EventsLayer::new("peer"));
    let around = || Context::new().with_correlation_id(id("around"));
    around().scope(soon(client.get(peer.url("/")).send())).await.unwrap();
    around().scope(soon(client.get(peer.url("/")).correlation_id(id("own")).send())).await.unwrap();
    let ids: Vec<_> = told(&lines)
        .iter()
        .map(|line| line.split_once("correlation_id=").unwrap().1.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(ids, [r#""around""#, r#""around""#, r#""own""#, r#""own""#]);
}

#[tokio::test]
async fn the_breakers_state_is_that_of_the_moment() {
    let open = Arc::new(AtomicBool::new(false));
    let (asked, opens) = (Arc::clone(&open), Arc::clone(&open));
    let layer = EventsLayer::new("peer")
        .with_breaker_state(move || if asked.load(Ordering::Relaxed) { "open" } else { "closed" });
    let trips = service_fn(move |_: Request<Body>| {
        opens.store(true, Ordering::Relaxed);
        async { Err::<Response<Body>, BoxError>("tripped".into()) }
    });
    let (lines, _listening) = Lines::listen();
    let _ = Client::over("peer", http(), layer.layer(trips)).get("http://peer/").send().await;
    let told = told(&lines);
    assert!(told[0].contains(r#"circuit_breaker_state="closed""#), "{}", told[0]);
    assert!(told[1].contains(r#"circuit_breaker_state="open""#), "{}", told[1]);
}

#[derive(Debug)]
struct Open;

impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the circuit is open\nERROR forged line")
    }
}

impl std::error::Error for Open {}

impl Rejection for Open {
    fn kind(&self) -> Kind {
        Kind::Unavailable
    }
    fn code(&self) -> &'static str {
        "circuit_open"
    }
    fn layer(&self) -> &'static str {
        "circuit-breaker"
    }
    fn reached_inner(&self) -> bool {
        false
    }
    fn public(&self) -> Cow<'static, str> {
        "not now".into()
    }
}

#[tokio::test]
async fn a_failure_is_an_error_and_a_refusal_a_warning() {
    let transport = |kind| BoxError::from(TransportError::new(kind, "why"));
    for (error, level, kind, text) in [
        (Refused::new(Open).into(), "WARN", "circuit_open", r"the circuit is open\nERROR forged line"),
        (transport(TransportKind::Connect), "ERROR", "connect", "no connection could be made: why"),
        (
            transport(TransportKind::RequestBody),
            "ERROR",
            "request_body",
            "the body of the request failed while it was sent: why",
        ),
        ("strange".into(), "ERROR", "other", "strange"),
    ] {
        let (lines, _listening) = Lines::listen();
        let error = std::sync::Mutex::new(Some(error));
        let service = EventsLayer::new("peer").layer(service_fn(move |_: Request<Body>| {
            let error = error.lock().unwrap().take().unwrap();
            async { Err::<Response<Body>, BoxError>(error) }
        }));
        service.oneshot(Request::get("http://peer/").body(Body::default()).unwrap()).await.unwrap_err();
        let expected = format!(
            r#"{level} buttress_reqwest::events: HTTP GET error service="peer" method="GET" url=http://peer/ error={text} error_type="{kind}""#
        );
        assert_eq!(told(&lines)[1..], [expected]);
    }
}

#[tokio::test]
async fn an_abandoned_call_is_told_once_and_a_finished_one_not_at_all() {
    let peer = Peer::start(|mut talk: Talk| async move {
        talk.request().await;
        talk.until_gone().await;
    })
    .await;
    let (lines, _listening) = Lines::listen();
    let client = logged(&EventsLayer::new("peer"));
    let call = client.get(peer.url("/"));
    soon(async {
        tokio::select! {
            _ = call.correlation_id(id("flow-1")).send() => panic!("nobody answers"),
            () = peer.until_seen(1) => (),
        }
    })
    .await;
    let abandoned = format!(
        r#"INFO buttress_reqwest::events: HTTP GET abandoned service="peer" method="GET" url={} correlation_id="flow-1""#,
        peer.url("/")
    );
    assert_eq!(told(&lines)[1..], [abandoned]);
}

#[tokio::test]
async fn a_call_that_was_never_polled_was_abandoned_too() {
    let (lines, _listening) = Lines::listen();
    let mut service = EventsLayer::new("peer").layer(Reqwest::new(http()));
    drop(service.call(Request::get("http://peer/").body(Body::default()).unwrap()));
    let told = told(&lines);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains("HTTP GET abandoned"), "{}", told[1]);
}

#[tokio::test]
async fn no_event_shows_a_secret() {
    let nobody = nobody();
    let led_away = Peer::answering(|_| redirect(302, "http://user:hunter2@127.0.0.1:1/?token=hunter2")).await;
    let led_wrong = Peer::answering(|_| redirect(302, "ftp://127.0.0.1/?token=hunter2")).await;
    let closes = Peer::start(|mut talk: Talk| async move {
        talk.request().await;
    })
    .await;
    let fails = Peer::answering(|_| answer(500, r#"{"password":"hunter2"}"#)).await;
    let (lines, _listening) = Lines::listen();
    for base in [nobody.url(""), led_away.url(""), led_wrong.url(""), closes.url(""), fails.url("")] {
        let client = logged(&EventsLayer::new("peer"));
        let url = base.replacen("://", "://us%65r:hunter2@", 1);
        let request = client.post(format!("{url}/devices?token=hunter2&a=%68unter2#hunter2"));
        let _ = soon(request.header("x-api-key", "hunter2").json("hunter2").send()).await;
        let api = ApiClient::new(client, &base).unwrap();
        let _ = soon(api.post("/devices?token=hunter2").bearer_auth("hunter2").json("hunter2").send()).await;
    }
    let events = lines.events();
    assert_eq!(events.len(), 20, "{events:#?}");
    for event in events {
        assert!(!event.contains("unter2") && !event.contains("us%65r"), "{event}");
        assert!(event.contains("/devices"), "{event}");
    }
}

#[tokio::test]
async fn an_error_that_quotes_reqwest_shows_no_secret_either() {
    let (lines, _listening) = Lines::listen();
    let fails = |wrap: fn(reqwest::Error) -> BoxError| {
        let service = service_fn(move |_: Request<Body>| {
            let secret = "http://peer/?token=hunter2".parse().unwrap();
            let error = http().get("http://peer/").header("a b", "c").build().unwrap_err().with_url(secret);
            async move { Err::<Response<Body>, BoxError>(wrap(error)) }
        });
        EventsLayer::new("peer")
            .layer(service)
            .oneshot(Request::get("http://peer/").body(Body::default()).unwrap())
    };
    assert!(fails(BoxError::from).await.unwrap_err().to_string().contains("hunter2"), "it would show one");
    fails(|error| std::io::Error::other(error).into()).await.unwrap_err();
    assert_eq!(lines.events().len(), 4);
    assert!(!lines.text().contains("hunter2"), "{}", lines.text());
}

#[tokio::test]
async fn no_path_can_forge_a_line() {
    let (lines, _listening) = Lines::listen();
    let service =
        || EventsLayer::new("peer").layer(service_fn(|_: Request<Body>| async { Ok(Response::new(())) }));
    for path in
        ["/a%0a2026 ERROR forged".replace(' ', "%20"), "/a\u{85}ERROR\u{2028}forged\u{202e}".to_owned()]
    {
        let uri = format!("http://peer{path}");
        service().oneshot(Request::get(uri).body(Body::default()).unwrap()).await.unwrap();
    }
    let text = lines.text();
    assert_eq!(text.lines().count(), 4);
    assert!(text.contains("url=http://peer/a%0a2026%20ERROR%20forged"), "{text}");
    assert!(!text.contains(['\u{85}', '\u{2028}', '\u{202e}']), "{text}");
}
