//! How much memory a request takes.

use buttress_audit::{Action, AuditLayer, Event, Level, MemoryRecorder, Resource, Rule};
use buttress_core::{Mode, Principal};
use buttress_redact::Redactor;
use buttress_testkit::{allocations_during, allocations_of, message};
use http::Response;
use tower::{Layer, ServiceExt, service_fn};

use super::Body;

/// How many allocations a request takes, of a layer that has seen some before.
async fn allocations(layer: AuditLayer<MemoryRecorder>) -> u64 {
    let inner = service_fn(|_: http::Request<Body>| {
        std::future::ready(Ok::<_, std::convert::Infallible>(Response::new(Body::default())))
    });
    let service = layer.layer(inner);
    // Its texts are shared with others already, as those of a server's requests are with the connection's buffer.
    let request = message::get("/bookings/7");
    let mut last = 0;
    for _ in 0..3 {
        let mut request = request.clone();
        request.extensions_mut().insert(7_u8);
        let (answer, report) = allocations_of(service.clone().oneshot(request)).await;
        assert_eq!(answer.unwrap().status(), 200);
        last = report.count;
    }
    last
}

fn with(rule: Rule) -> AuditLayer<MemoryRecorder> {
    AuditLayer::inbound(MemoryRecorder::with_capacity(2)).rule(rule).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_documented_allocations_are_the_real_ones() {
    assert_eq!(allocations(with(Rule::any())).await, 4);
    assert_eq!(allocations(with(Rule::any().action(Action::LOGIN))).await, 6);
    assert_eq!(allocations(with(Rule::any().level(Level::None))).await, 4);
    let off = with(Rule::any());
    off.mode().set(Mode::Off);
    assert_eq!(allocations(off).await, 0);
}

#[test]
fn an_event_with_nothing_to_hide_is_encoded_with_one_allocation_and_one_more_for_details() {
    let event = || {
        let ann = Principal::user("ann@example.com");
        Event::builder(Action::UPDATE).actor(ann).resource(Resource::new("booking", "b-17"))
    };
    let redactor = Redactor::default();
    let mut out = Vec::with_capacity(4096);
    for (event, count) in [(event().build(), 1), (event().detail("nights", 2).build(), 2)] {
        event.encode(&redactor, &mut out);
        out.clear();
        let ((), report) = allocations_during(|| event.encode(&redactor, &mut out));
        assert_eq!(report.count, count, "{report:?}");
    }
}
