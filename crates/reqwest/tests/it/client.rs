//! The client: what layers get to see, and what a failed call tells.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use buttress_core::{BoxError, Context, CorrelationId, Kind, Refused, Rejection};
use buttress_http::{TransportError, TransportKind};
use buttress_reqwest::{
    ApiClient, ApiClientBuilder, ApiError, ApiRequest, ApiResponse, Client, Error, EventsLayer,
    RequestBuilder, Reqwest,
};
use http::{Response, StatusCode};
use reqwest::Body;
use tower::{Layer, ServiceExt, service_fn};

use crate::peer::{Peer, answer, bare, http, soon};

fn id(text: &str) -> CorrelationId {
    text.parse().unwrap()
}

/// What the stack of a client was given.
#[derive(Clone, Default)]
struct Given(Arc<Mutex<Vec<http::Request<Body>>>>);

impl Given {
    /// A client whose stack takes everything and answers 204.
    fn client(&self) -> Client {
        let given = self.clone();
        let stack = service_fn(move |request: http::Request<Body>| {
            given.0.lock().unwrap().push(request);
            let mut response = Response::new(Body::default());
            *response.status_mut() = StatusCode::NO_CONTENT;
            async { Ok(response) }
        });
        Client::over("peer", http(), stack)
    }

    fn last(&self) -> http::Request<Body> {
        self.0.lock().unwrap().pop().expect("a request came")
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Mark(u32);

#[tokio::test]
async fn layers_see_what_was_put_on_the_request() {
    let (given, client) = {
        let given = Given::default();
        (given.clone(), given.client())
    };
    let request = client.post("http://peer/?q=1").json(&[1]).extension(Mark(7)).correlation_id(id("flow-1"));
    request.idempotency_key("order-42").send().await.unwrap();
    let request = given.last();
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "http://peer/?q=1");
    assert_eq!(request.extensions().get(), Some(&Mark(7)));
    assert_eq!(request.extensions().get(), Some(&id("flow-1")));
    assert_eq!(request.headers()["idempotency-key"], "order-42");
    assert_eq!(request.body().as_bytes(), Some(&b"[1]"[..]), "a body in memory is not wrapped");
}

#[tokio::test]
async fn extensions_of_a_request_of_http_reach_the_layers() {
    let given = Given::default();
    let mut request = http::Request::get("http://peer/").body("").unwrap();
    request.extensions_mut().insert(Mark(8));
    let request = reqwest::Request::try_from(request).unwrap();
    given.client().execute(request).await.unwrap();
    assert_eq!(given.last().extensions().get(), Some(&Mark(8)));
}

#[tokio::test]
async fn values_survive_down_to_the_transport_and_the_answer_comes_up() {
    let peer = Peer::answering(|_| answer(201, "made")).await;
    let seen = Arc::new(Mutex::new(None));
    let note = Arc::clone(&seen);
    let stack = Reqwest::new(http()).map_request(move |request: http::Request<Body>| {
        *note.lock().unwrap() = request.extensions().get::<Mark>().cloned();
        request
    });
    let client = Client::over("peer", http(), stack);
    let response = soon(client.get(peer.url("/")).extension(Mark(9)).send()).await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (201, http::Version::HTTP_11));
    assert_eq!(response.remote_addr(), Some(peer.address));
    assert_eq!(*seen.lock().unwrap(), Some(Mark(9)));
}

#[tokio::test]
async fn a_request_that_cannot_be_built_never_enters_the_stack() {
    let given = Given::default();
    let client = given.client();
    let long = format!("http://peer/{}", "a".repeat(70_000));
    for request in [
        client.get("no url"),
        client.get("http://peer/").header("a b", "c"),
        client.get("http://peer/").header("a", "line\nbreak"),
        client.get("http://peer/").idempotency_key("line\nbreak"),
        client.get("http://peer/").query(&7),
        client.get(&long),
    ] {
        let error = request.correlation_id(id("flow-1")).send().await.unwrap_err();
        assert_eq!(error.transport().map(TransportError::kind), Some(TransportKind::Invalid), "{error:?}");
        assert_eq!(error.correlation_id(), Some(&id("flow-1")));
        assert_eq!(error.service(), "peer");
    }
    assert!(given.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_error_names_the_work_that_the_call_was_part_of() {
    let client = failing(|| "lost".into());
    let of = |error: Error| error.correlation_id().map(ToString::to_string);
    let call = || async { of(client.get("http://peer/").send().await.unwrap_err()) };
    let own = || async { of(client.get("http://peer/").correlation_id(id("own")).send().await.unwrap_err()) };
    assert_eq!(call().await, None);
    let context = || Context::new().with_correlation_id(id("around"));
    assert_eq!(context().scope(call()).await.as_deref(), Some("around"));
    assert_eq!(context().scope(own()).await.as_deref(), Some("own"));
}

/// A client whose stack fails every call.
fn failing(error: impl Fn() -> BoxError + Clone + Send + Sync + 'static) -> Client {
    let stack = service_fn(move |_: http::Request<Body>| {
        let error = error();
        async { Err::<Response<Body>, _>(error) }
    });
    Client::over("peer", http(), stack)
}

#[derive(Clone, Copy, Debug)]
struct Says {
    layer: &'static str,
    kind: Kind,
    wait: Option<Duration>,
}

impl fmt::Display for Says {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not now")
    }
}

impl std::error::Error for Says {}

impl Rejection for Says {
    fn kind(&self) -> Kind {
        self.kind
    }
    fn code(&self) -> &'static str {
        "not_now"
    }
    fn layer(&self) -> &'static str {
        self.layer
    }
    fn retry_after(&self) -> Option<Duration> {
        self.wait
    }
    fn reached_inner(&self) -> bool {
        false
    }
    fn public(&self) -> Cow<'static, str> {
        "not now".into()
    }
}

#[derive(Debug, PartialEq)]
struct Answers {
    circuit_open: bool,
    timeout: bool,
    connect: bool,
    retry_after: Option<Duration>,
    code: Option<&'static str>,
    transport: Option<TransportKind>,
}

fn answers(error: &Error) -> Answers {
    Answers {
        circuit_open: error.is_circuit_open(),
        timeout: error.is_timeout(),
        connect: error.is_connect(),
        retry_after: error.retry_after(),
        code: error.refused().map(Refused::code),
        transport: error.transport().map(TransportError::kind),
    }
}

const NOTHING: Answers = Answers {
    circuit_open: false,
    timeout: false,
    connect: false,
    retry_after: None,
    code: None,
    transport: None,
};

#[tokio::test]
async fn a_failed_call_answers_the_usual_questions() {
    const WAIT: Option<Duration> = Some(Duration::from_secs(3));
    let open = Says { layer: "circuit-breaker", kind: Kind::Unavailable, wait: WAIT };
    let late = Says { layer: "timeout", kind: Kind::TimedOut, wait: None };
    let full = Says { layer: "bulkhead", kind: Kind::Overloaded, wait: WAIT };
    let refused = |says: Says| move || BoxError::from(Refused::new(says));
    let transport = |kind| move || BoxError::from(TransportError::new(kind, "why"));
    let code = Some("not_now");
    let of_kind = |kind| Answers { transport: Some(kind), ..NOTHING };
    let table: [(Client, Answers); 7] = [
        (failing(refused(open)), Answers { circuit_open: true, retry_after: WAIT, code, ..NOTHING }),
        (failing(refused(late)), Answers { timeout: true, code, ..NOTHING }),
        (failing(refused(full)), Answers { retry_after: WAIT, code, ..NOTHING }),
        (
            failing(transport(TransportKind::Connect)),
            Answers { connect: true, ..of_kind(TransportKind::Connect) },
        ),
        (
            failing(transport(TransportKind::TimedOut)),
            Answers { timeout: true, ..of_kind(TransportKind::TimedOut) },
        ),
        (failing(transport(TransportKind::Interrupted)), of_kind(TransportKind::Interrupted)),
        (failing(|| "something else".into()), NOTHING),
    ];
    for (client, expected) in table {
        let error = client.get("http://peer/").send().await.unwrap_err();
        assert_eq!(answers(&error), expected, "{error:?}");
        let api = ApiClient::new(client, "http://peer/").unwrap();
        let error = api.get("/").send().await.unwrap_err();
        let asked = (error.is_circuit_open(), error.is_timeout(), error.is_connect(), error.retry_after());
        let same = (expected.circuit_open, expected.timeout, expected.connect, expected.retry_after);
        assert_eq!((asked, error.refused().map(Refused::code)), (same, expected.code), "{error:?}");
        assert_eq!((error.status(), error.service()), (None, "peer"));
    }
}

#[tokio::test]
async fn an_error_says_each_thing_once() {
    let client = failing(|| TransportError::new(TransportKind::Connect, "refused by peer").into());
    let chain = |error: &dyn std::error::Error| {
        let causes = std::iter::successors(error.source(), |error| error.source());
        std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect::<Vec<_>>()
    };
    let expected = ["call to `peer` failed", "no connection could be made", "refused by peer"];
    let error = client.get("http://peer/").send().await.unwrap_err();
    assert_eq!(chain(&error), expected);
    let api = ApiClient::new(client, "http://peer/").unwrap();
    assert_eq!(chain(&api.get("/").send().await.unwrap_err()), expected);
}

#[tokio::test]
async fn clones_share_the_stack() {
    let given = Given::default();
    let client = given.client();
    client.clone().get("http://peer/a").send().await.unwrap();
    client.get("http://peer/b").send().await.unwrap();
    assert_eq!(given.last().uri(), "http://peer/b");
    assert_eq!(given.last().uri(), "http://peer/a");
    assert_eq!(client.name(), "peer");
}

#[test]
fn nothing_shows_secrets_when_it_is_printed_for_debugging() {
    let client = bare("peer");
    let request = client.get("http://user:hunter2@peer/?token=hunter2").header("x-api-key", "hunter2");
    let request = request.bearer_auth("hunter2").json("hunter2");
    let api = ApiClient::builder(client.clone(), "http://peer/");
    let api = api.header("x-api-key".parse().unwrap(), "hunter2".parse().unwrap());
    let unchecked = ApiClient::builder(client.clone(), "http://user:hunter2@peer/?token=hunter2");
    let printed = format!("{request:?} {client:?} {api:?} {unchecked:?}");
    let api = api.build().unwrap();
    let request = api.get("/?token=hunter2").bearer_auth("hunter2").json("hunter2");
    let fields = http::HeaderMap::from_iter([("x-api-key".parse().unwrap(), "hunter2".parse().unwrap())]);
    let service = Reqwest::new(reqwest::Client::builder().default_headers(fields).build().unwrap());
    assert!(format!("{:?}", service.get_ref()).contains("hunter2"), "reqwest itself shows it");
    let events = EventsLayer::new("peer").layer(service.clone());
    let printed = format!("{printed} {api:?} {request:?} {service:?} {events:?}");
    assert!(!printed.contains("hunter2"), "{printed}");
    assert!(printed.contains("peer"));
}

#[test]
fn everything_can_be_sent_and_shared() {
    fn shared<T: Send + Sync + 'static>() {}
    fn sent<T: Send + 'static>(_: &T) {}
    shared::<Client>();
    shared::<Error>();
    shared::<Reqwest>();
    shared::<EventsLayer>();
    shared::<ApiClient>();
    shared::<ApiClientBuilder>();
    shared::<ApiError>();
    shared::<RequestBuilder>();
    shared::<ApiRequest>();
    shared::<ApiResponse>();
    shared::<buttress_reqwest::ResponseFuture>();
    let api = ApiClient::new(bare("peer"), "http://peer/").unwrap();
    sent(&bare("peer").get("http://peer/").send());
    sent(&api.get("/").fetch::<()>());
}
