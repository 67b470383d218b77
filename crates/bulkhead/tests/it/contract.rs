//! Every law, in every mode.

use std::cell::RefCell;
use std::convert::Infallible;

use axum::body::Body;
use buttress_bulkhead::{
    Bulkhead, BulkheadLayer, BulkheadLayerBuilder, KeyLimits, KeyWith, Permit, UntilBodyEndAs, UntilHead,
};
use buttress_core::{BoxError, Mode};
use buttress_testkit::contract::{self, Suite, Wiring};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;

use crate::{SECOND, fill};

thread_local! {
    /// What keeps a layer refusing.
    static HELD: RefCell<Vec<Permit>> = const { RefCell::new(Vec::new()) };
}

/// Small enough to be filled, large enough for what a law does.
const CALLS: u32 = 64;

fn settled<J, H>(builder: BulkheadLayerBuilder<J, H>) -> BulkheadLayer<J, H> {
    HELD.take();
    builder.max_concurrent(CALLS).build().unwrap()
}

fn quiet(bulkhead: &Bulkhead) {
    let held = HELD.with_borrow(Vec::len);
    assert_eq!((bulkhead.in_flight() as usize, bulkhead.waiting()), (held, 0), "in flight, waiting");
}

fn occupy(bulkhead: &Bulkhead) {
    HELD.set(fill(bulkhead));
}

#[test]
fn it_keeps_the_contract_around_any_service() {
    contract::plain(|| settled(BulkheadLayer::plain("inner")))
        .quiet(|layer| quiet(layer.bulkhead()))
        .refusing(|layer| occupy(layer.bulkhead()))
        .run();
}

#[test]
fn it_keeps_the_contract_on_a_server() {
    contract::server(|| settled(BulkheadLayer::inbound("inner")))
        .quiet(|layer| quiet(layer.bulkhead()))
        .refusing(|layer| occupy(layer.bulkhead()))
        .run();
    contract::server(|| settled(BulkheadLayer::inbound("inner").hold(UntilHead)))
        .named("until the head")
        .quiet(|layer| quiet(layer.bulkhead()))
        .refusing(|layer| occupy(layer.bulkhead()))
        .run();
}

#[test]
fn it_keeps_the_contract_on_a_client() {
    contract::client(|| settled(BulkheadLayer::outbound("inner")))
        .quiet(|layer| quiet(layer.bulkhead()))
        .refusing(|layer| occupy(layer.bulkhead()))
        .run();
}

#[test]
fn it_keeps_the_contract_and_the_type_of_bodies() {
    type Served = Wiring<Request<Full<Bytes>>, Request<Full<Bytes>>, Response<Body>, Infallible>;
    Suite::<_, Served>::new(|| settled(BulkheadLayer::inbound("inner").hold(UntilBodyEndAs(Body::new))))
        .quiet(|layer| quiet(layer.bulkhead()))
        .refusing(|layer| occupy(layer.bulkhead()))
        .run();
}

#[test]
fn it_keeps_the_contract_in_every_mode() {
    for mode in [Mode::Observe, Mode::Off] {
        // With a limit that every law meets.
        let layer = move || BulkheadLayer::plain("inner").max_concurrent(1).mode(mode).build().unwrap();
        contract::plain(layer).named(mode.as_str()).quiet(|layer| quiet(layer.bulkhead())).run();
        let layer = move || BulkheadLayer::inbound("inner").max_concurrent(1).mode(mode).build().unwrap();
        contract::server(layer).named(mode.as_str()).quiet(|layer| quiet(layer.bulkhead())).run();
        let layer = move || BulkheadLayer::outbound("inner").max_concurrent(1).mode(mode).build().unwrap();
        contract::client(layer).named(mode.as_str()).quiet(|layer| quiet(layer.bulkhead())).run();
    }
}

#[test]
fn it_keeps_the_contract_with_a_queue() {
    contract::plain(|| settled(BulkheadLayer::plain("inner").queue(8).max_wait(SECOND)))
        .quiet(|layer| quiet(layer.bulkhead()))
        .run();
    contract::server(|| settled(BulkheadLayer::inbound("inner").queue(8).max_wait(SECOND)))
        .quiet(|layer| quiet(layer.bulkhead()))
        .run();
}

#[test]
fn it_keeps_the_contract_when_every_call_has_to_wait_for_another() {
    /// As many permits as the strict service has, so a call that waits has been ready all along.
    fn layer() -> BulkheadLayer {
        BulkheadLayer::plain("inner").max_concurrent(1).queue(64).max_wait(SECOND).build().unwrap()
    }
    contract::plain(layer).quiet(|layer| quiet(layer.bulkhead())).inner_permits(4).run();
}

#[test]
fn a_bulkhead_per_key_keeps_the_contract() {
    contract::plain(|| {
        let key = KeyWith(|mark: &u32| Some(mark % 2));
        BulkheadLayer::plain("inner").keyed::<u32, _>(key, KeyLimits::new()).unwrap()
    })
    .quiet(|layer| layer.bulkheads().bulkheads().iter().for_each(quiet))
    .run();
    let keyed = || {
        let key = KeyWith(|_: &Request<Full<Bytes>>| None::<u32>);
        BulkheadLayer::outbound("inner").keyed::<u32, _>(key, KeyLimits::new()).unwrap()
    };
    Suite::<_, Wiring<Request<Full<Bytes>>, Request<Full<Bytes>>, Response<Full<Bytes>>, BoxError>>::new(
        keyed,
    )
    .quiet(|layer| quiet(layer.bulkheads().other()))
    .run();
}
