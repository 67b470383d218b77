use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use http_body_util::Full;

use buttress_core::Entropy;
use buttress_idempotency::{IdempotencyLayer, MemoryStore};
use buttress_testkit::contract::{self, Law};

fn layer() -> IdempotencyLayer<MemoryStore> {
    IdempotencyLayer::inbound(MemoryStore::default()).one_scope_for_all().build().unwrap()
}

#[test]
fn without_a_key_the_layer_keeps_the_contract() {
    contract::server(layer).run();
}

#[test]
fn with_a_key_it_keeps_all_of_it_but_that_a_call_ends_when_it_is_left() {
    let entropy = Entropy::system();
    let keyed = move |mut request: Request<Full<Bytes>>| {
        *request.method_mut() = Method::POST;
        request.headers_mut().insert("idempotency-key", HeaderValue::from(entropy.draw()));
        request
    };
    contract::server(layer)
        .request(keyed)
        .except(Law::DroppedFutureLeavesNothing, "the handler runs to its end")
        .except(Law::HangingCallSleeps, "the handler runs to its end")
        .except(
            Law::AnswerWakes,
            "the handler wakes the task in which it runs, which then wakes the caller's",
        )
        .except(Law::PanicLeavesNothing, "a panic is answered")
        .run();
}
