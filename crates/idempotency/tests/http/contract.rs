use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use http_body_util::Full;

use buttress_core::{Entropy, Mode};
use buttress_idempotency::{IdempotencyBuilder, IdempotencyLayer, MemoryStore};
use buttress_testkit::contract::{self, Law};

fn builder() -> IdempotencyBuilder<MemoryStore> {
    IdempotencyLayer::inbound(MemoryStore::default()).one_scope_for_all()
}

/// Requests that each have a key of their own.
fn keyed() -> impl Fn(Request<Full<Bytes>>) -> Request<Full<Bytes>> + Clone + 'static {
    let entropy = Entropy::system();
    move |mut request| {
        *request.method_mut() = Method::POST;
        request.headers_mut().insert("idempotency-key", HeaderValue::from(entropy.draw()));
        request
    }
}

#[test]
fn without_a_key_the_layer_keeps_the_contract_in_every_mode() {
    for mode in [Mode::Enforce, Mode::Observe, Mode::Off] {
        contract::server(move || builder().mode(mode).build().unwrap()).run();
    }
}

#[test]
fn with_a_key_it_keeps_the_contract_where_it_protects_nothing() {
    for mode in [Mode::Observe, Mode::Off] {
        contract::server(move || builder().mode(mode).build().unwrap()).request(keyed()).run();
    }
}

#[test]
fn with_a_key_it_keeps_all_of_it_but_that_a_call_ends_when_it_is_left() {
    for wait in [Duration::ZERO, Duration::from_secs(5)] {
        contract::server(move || builder().wait(wait).build().unwrap())
            .request(keyed())
            .except(Law::DroppedFutureLeavesNothing, "the handler runs to its end")
            .except(Law::HangingCallSleeps, "the handler runs to its end")
            .except(
                Law::AnswerWakes,
                "the handler wakes the task in which it runs, which then wakes the caller's",
            )
            .except(Law::PanicLeavesNothing, "a panic is answered")
            .run();
    }
}
