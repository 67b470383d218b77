//! Whose line it is follows the request: into its handler, its tasks and its messages.

use std::convert::Infallible;
use std::fmt;
use std::sync::Barrier;

use buttress_core::{Caller, Context, CorrelationId, Principal};
use buttress_correlation_id::{CorrelationIdLayer, extract, inject, spawn, spawn_blocking};
use buttress_telemetry::RequestLogLayer;
use http::{Request, Response};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};

use crate::sink::Seen;

type Headers = Vec<(String, String)>;

/// The line with this message.
fn line(lines: &[Map<String, Value>], message: &str) -> Map<String, Value> {
    let found = lines.iter().find(|line| line.get("message").is_some_and(|said| said == message));
    found.unwrap_or_else(|| panic!("{message} in {lines:?}")).clone()
}

fn whose(line: &Map<String, Value>) -> [Option<&str>; 3] {
    ["correlation_id", "tenant_id", "user_id"].map(|name| line.get(name).and_then(Value::as_str))
}

/// What stands in for the application's authentication.
fn authenticate() {
    Principal::user("u-17").with_tenant("acme").announce();
}

#[tokio::test]
async fn lines_of_a_request_say_whose_they_are_in_handler_tasks_and_access_line() {
    let seen = Seen::json();
    let handler = service_fn(|_: Request<String>| async {
        tracing::info!("before login");
        authenticate();
        tokio::task::yield_now().await;
        tracing::info!("in the handler");
        spawn(async {
            tokio::task::yield_now().await;
            tracing::info!("in a task");
        })
        .await
        .unwrap();
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        spawn_blocking(move || {
            tracing::dispatcher::with_default(&dispatch, || tracing::info!("on a thread"));
        })
        .await
        .unwrap();
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let service = ServiceBuilder::new()
        .layer(CorrelationIdLayer::default())
        .layer(RequestLogLayer::new())
        .service(handler);
    let request = Request::builder().header("x-correlation-id", "CAB-456").body(String::new()).unwrap();
    drop(service.oneshot(request).await.unwrap());
    let lines = seen.objects();
    assert_eq!(whose(&line(&lines, "before login")), [Some("CAB-456"), None, None]);
    for message in ["in the handler", "in a task", "on a thread"] {
        assert_eq!(whose(&line(&lines, message)), [Some("CAB-456"), Some("acme"), Some("u-17")], "{message}");
    }
    let access = lines.iter().find(|line| line.get("event").is_some()).unwrap();
    assert_eq!(whose(access), [Some("CAB-456"), Some("acme"), Some("u-17")]);
    assert_eq!(access["correlation_id_source"], "header");
}

#[tokio::test]
async fn a_worker_that_opens_an_envelope_logs_under_the_id_of_whoever_sent_it() {
    let seen = Seen::json();
    let mut envelope = Headers::new();
    let id = buttress_core::CorrelationId::new("DEPLOY-123").unwrap();
    Context::new().with_correlation_id(id).run(|| inject(&mut envelope));
    let work = async {
        let worker = buttress_core::Caller::unknown();
        let context = Context::current().with_caller(worker);
        context
            .scope(async {
                authenticate();
                tracing::info!(job_id = "j-1", job_type = "sync", "job done");
            })
            .await;
    };
    let extracted = extract(&envelope);
    extracted.scope(work).await;
    let lines = seen.objects();
    assert_eq!(whose(&line(&lines, "job done")), [Some("DEPLOY-123"), Some("acme"), Some("u-17")]);
}

#[tokio::test]
async fn two_requests_at_once_do_not_mix_their_names() {
    let seen = Seen::json();
    let handler = service_fn(|request: Request<&'static str>| async move {
        Principal::user(*request.body()).announce();
        for _ in 0..3 {
            tokio::task::yield_now().await;
            tracing::info!(expected = request.body(), "working");
        }
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let layer = RequestLogLayer::new();
    let (one, two) = (layer.layer(handler), layer.layer(handler));
    let _ = tokio::join!(one.oneshot(Request::new("ann")), two.oneshot(Request::new("bob")));
    let lines = seen.objects();
    let working: Vec<_> = lines.iter().filter(|line| line.contains_key("expected")).collect();
    assert_eq!(working.len(), 6);
    assert!(working.iter().all(|line| line["user_id"] == line["expected"]), "{working:?}");
}

fn known_texts(of: &'static [&'static str]) -> impl Strategy<Value = Option<&'static str>> {
    prop::option::of(prop::sample::select(of))
}

proptest! {
    #[test]
    fn a_line_names_its_own_context_whichever_were_named_before(
        contexts in prop::collection::vec(
            (
                known_texts(&["a", "DEPLOY-123", "4111-1111-1111-1111", "7c9e6679-7425-40de-944b-e07fc1f90ae7"]),
                known_texts(&["", "a", "ab", "acme", "pw=x"]),
                known_texts(&["", "b", "bc", "c", "john@example.com"]),
                prop::bool::ANY,
            ),
            1..20,
        ),
    ) {
        let redactor = buttress_redact::Redactor::default();
        let seen = Seen::json();
        for (id, tenant, user, is_secret) in &contexts {
            let caller = Caller::unknown();
            if let Some(user) = user {
                let principal = Principal::user(*user);
                caller.identify(match tenant {
                    Some(tenant) => principal.with_tenant(*tenant),
                    None => principal,
                });
            }
            let context = Context::new().with_caller(caller);
            let context = match id {
                Some(id) => context.with_correlation_id(CorrelationId::new(id).unwrap()),
                None => context,
            };
            let said = if *is_secret { "token=abc" } else { "nothing" };
            context.run(|| tracing::info!(said, "line"));
        }
        for (line, (id, tenant, user, _)) in seen.objects().iter().zip(&contexts) {
            let expected = [
                id.map(|id| redactor.field("correlation_id", id)),
                tenant.filter(|_| user.is_some()).map(|tenant| redactor.field("tenant_id", tenant)),
                user.map(|user| redactor.field("user_id", user)),
            ];
            prop_assert_eq!(whose(line), expected.each_ref().map(Option::as_deref));
        }
    }
}

/// Says when it is being printed, and waits until it may be.
struct Slow<'a>(&'a Barrier);

impl fmt::Debug for Slow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.wait();
        self.0.wait();
        f.write_str("slow")
    }
}

#[test]
fn a_span_keeps_its_fields_while_another_thread_adds_to_them() {
    let seen = Seen::json();
    let none = tracing::field::Empty;
    let span = tracing::info_span!("job", job_id = 7, slow = none, quick = none);
    let printing = Barrier::new(2);
    let log = tracing::dispatcher::get_default(Clone::clone);
    std::thread::scope(|scope| {
        let (span, printing) = (&span, &printing);
        scope.spawn(move || {
            let slow = Slow(printing);
            tracing::dispatcher::with_default(&log, || span.record("slow", tracing::field::debug(slow)));
        });
        printing.wait();
        span.in_scope(|| tracing::info!("meanwhile"));
        span.record("quick", 5);
        printing.wait();
    });
    span.in_scope(|| tracing::info!("afterwards"));
    let lines = seen.objects();
    assert_eq!(line(&lines, "meanwhile")["job_id"], 7);
    let after = line(&lines, "afterwards");
    assert_eq!([&after["job_id"], &after["quick"], &after["slow"]], [&json!(7), &json!(5), &json!("slow")]);
}
