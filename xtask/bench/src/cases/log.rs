//! One log line of a request: an event with eleven fields, inside the request's span, written to nowhere.
//!
//! No two lines in a row tell of the same request: IDs, paths, times and sizes are others each time, as on a server, and
//! come back only after so many that nothing remembers them.

use std::io;
use std::sync::Arc;

use buttress_core::{Caller, Context, CorrelationId, Principal};
use buttress_telemetry::{LogFormat, Logs};
use tracing::dispatcher::{Dispatch, with_default};
use tracing_subscriber::layer::SubscriberExt;

use super::built;
use crate::budget::Budget;
use crate::drive::operation;
use crate::subject::{Case, Shared, Subject};

const PEER: &str = "tracing-subscriber, JSON, flat";

pub(crate) const LINE: Case = Case {
    name: "log-line",
    what: "one line of eleven fields, as JSON",
    bare: Subject::bare("nobody listens", || events(Dispatch::none())),
    rows: &[
        Subject::ours("buttress, redacted, with the IDs of the request", || ours(REQUESTS))
            .within(Budget::instructions(6_000).allocations(0).half_of(PEER)),
        Subject::ours("the same line again and again", || ours(1)),
        Subject::peer(PEER, || events(Dispatch::new(stock(io::sink)))),
        Subject::peer("the same through tracing-appender", || {
            let (writer, guard) = tracing_appender::non_blocking(io::sink());
            // It stops to write when this is dropped.
            std::mem::forget(guard);
            events(Dispatch::new(stock(writer)))
        }),
    ],
};

/// What differs from request to request.
struct Request {
    context: Context,
    path: String,
    took_ms: f64,
    headers_ms: f64,
    sent: u64,
}

const REQUESTS: u32 = 1_024;

fn requests(count: u32) -> Arc<[Request]> {
    let caller = Caller::unknown();
    caller.identify(Principal::user("6ba7b810").with_tenant("acme"));
    let request = |number: u32| {
        // As good as drawn: nothing that is placed by its bytes falls into a pattern.
        let drawn = number.wrapping_mul(0x9e37_79b1);
        let id = built(CorrelationId::new(&format!("7c9e6679-7425-40de-944b-e07f{drawn:08x}")));
        Request {
            context: Context::new().with_correlation_id(id).with_caller(caller.clone()),
            path: format!("/api/v1/devices/{}", drawn % 100_000),
            took_ms: f64::from(drawn % 50_000) / 1_000.0,
            headers_ms: f64::from(drawn % 5_000) / 1_000.0,
            sent: u64::from(drawn % 20_000),
        }
    };
    (0..count).map(request).collect()
}

fn ours(count: u32) -> Shared {
    let builder = Logs::builder().format(LogFormat::Json).service_name("control-plane").to_writer(io::sink());
    let (subscriber, guard) = built(builder.build()).into_subscriber();
    drop(guard);
    let dispatch = Dispatch::new(subscriber);
    let requests = requests(count);
    operation(move || {
        let (dispatch, requests) = (dispatch.clone(), Arc::clone(&requests));
        let contexts = requests.iter().map(|request| request.context.clone());
        let (mut contexts, mut next) = (contexts.collect::<Vec<_>>(), 0);
        move |_| {
            let (context, request) = (&mut contexts[next], &requests[next]);
            next = (next + 1) % requests.len();
            with_default(&dispatch, || context.lend(|| event(request)));
        }
    })
}

fn stock<W>(writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> tracing_subscriber::fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false);
    tracing_subscriber::registry().with(lines.with_writer(writer))
}

fn events(dispatch: Dispatch) -> Shared {
    let requests = requests(REQUESTS);
    operation(move || {
        let (dispatch, requests, mut next) = (dispatch.clone(), Arc::clone(&requests), 0);
        move |_| {
            let request = &requests[next];
            next = (next + 1) % requests.len();
            with_default(&dispatch, || event(request));
        }
    })
}

fn event(request: &Request) {
    tracing::info!(
        event = "http_request",
        method = "GET",
        route = "/api/v1/devices/{id}",
        path = request.path,
        status_code = 200_u16,
        duration_ms = request.took_ms,
        headers_ms = request.headers_ms,
        bytes_in = 0_u64,
        bytes_out = request.sent,
        outcome = "ok",
        retried = false,
    );
}
