//! What a line costs the one who logs.

use buttress_core::{Caller, Context, CorrelationId, Principal};
use buttress_testkit::allocations_during;

use crate::sink::{LONG, Seen, builder};

fn eleven_fields() {
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
        retried = false
    );
}

#[test]
fn a_line_allocates_nothing_once_the_thread_has_its_buffers() {
    let seen = Seen::by(builder().service_name("control-plane"));
    let caller = Caller::unknown();
    caller.identify(Principal::user("u-17").with_tenant("acme"));
    let id = CorrelationId::new("7c9e6679-7425-40de-944b-e07fc1f90ae7").unwrap();
    Context::new().with_correlation_id(id).with_caller(caller).run(|| {
        let span = tracing::info_span!("request", method = "GET", correlation_id_source = "minted");
        span.in_scope(|| {
            for _ in 0..3 {
                eleven_fields();
            }
            assert!(seen.guard.flush(LONG));
            eleven_fields();
            let ((), report) = allocations_during(eleven_fields);
            assert_eq!(report.count, 0, "{report:?}");
        });
    });
}

#[test]
fn a_span_allocates_what_its_fields_need_and_an_event_that_is_not_wanted_nothing() {
    let seen = Seen::by(builder().filter("info"));
    let make = || tracing::info_span!("request", method = "GET", correlation_id_source = "minted");
    drop(make());
    let (span, report) = allocations_during(make);
    assert!(report.count <= 5, "{report:?}");
    drop(span);
    let ((), report) = allocations_during(|| tracing::debug!(costly = %"x".repeat(3), "not wanted"));
    assert_eq!(report.count, 0);
    drop(seen);
}
