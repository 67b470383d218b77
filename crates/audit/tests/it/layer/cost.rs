//! How much memory a request takes.

use buttress_audit::{AuditLayer, MemoryRecorder};
use buttress_testkit::{allocations_of, message};
use http::Response;
use tower::{Layer, ServiceExt, service_fn};

use super::Body;

#[tokio::test(start_paused = true)]
async fn a_request_that_is_recorded_takes_few_allocations() {
    let layer = AuditLayer::inbound(MemoryRecorder::with_capacity(1)).build().unwrap();
    let inner = service_fn(|_: http::Request<Body>| {
        std::future::ready(Ok::<_, std::convert::Infallible>(Response::new(Body::default())))
    });
    let service = layer.layer(inner);
    for _ in 0..2 {
        let mut request = message::get("/bookings/7");
        request.headers_mut().insert("user-agent", "curl/8".parse().unwrap());
        request.extensions_mut().insert(7_u8);
        let (answer, report) = allocations_of(service.clone().oneshot(request)).await;
        assert_eq!(answer.unwrap().status(), 200);
        // The event, what the handler may say and its place in the extensions, who asks; the URI and the name of the
        // client, which are shared with the request, and were nobody else's before.
        assert!(report.count <= 8, "{report:?}");
    }
}
