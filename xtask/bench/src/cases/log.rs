//! One log line of a request: an event with eleven fields, inside the request's span, written to nowhere.

use std::io;

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
        Subject::ours("buttress, redacted, with the IDs of the request", ours)
            .within(Budget::instructions(6_000).allocations(0).half_of(PEER)),
        Subject::peer(PEER, || events(Dispatch::new(stock(io::sink)))),
        Subject::peer("the same through tracing-appender", || {
            let (writer, guard) = tracing_appender::non_blocking(io::sink());
            // It stops to write when this is dropped.
            std::mem::forget(guard);
            events(Dispatch::new(stock(writer)))
        }),
    ],
};

fn ours() -> Shared {
    let builder = Logs::builder().format(LogFormat::Json).service_name("control-plane").to_writer(io::sink());
    let (subscriber, guard) = built(builder.build()).into_subscriber();
    drop(guard);
    let dispatch = Dispatch::new(subscriber);
    let caller = Caller::unknown();
    caller.identify(Principal::user("6ba7b810").with_tenant("acme"));
    let id = built(CorrelationId::new("7c9e6679-7425-40de-944b-e07fc1f90ae7"));
    let context = Context::new().with_correlation_id(id).with_caller(caller);
    operation(move || {
        let (dispatch, mut context) = (dispatch.clone(), context.clone());
        move |_| with_default(&dispatch, || context.lend(event))
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
    operation(move || {
        let dispatch = dispatch.clone();
        move |_| with_default(&dispatch, event)
    })
}

fn event() {
    tracing::info!(
        event = "http_request",
        method = "GET",
        route = "/api/v1/devices/{id}",
        path = "/api/v1/devices/17",
        status_code = 200_u16,
        duration_ms = 12.345,
        headers_ms = 3.5,
        bytes_in = 0_u64,
        bytes_out = 1234_u64,
        outcome = "ok",
        retried = false,
    );
}
