use buttress_correlation_id::{Accept, CorrelationIdLayer, PropagateCorrelationIdLayer};
use buttress_testkit::contract;
use http::HeaderValue;

use crate::wire::HEADER;

#[test]
fn the_inbound_layer_keeps_the_contract() {
    contract::server(CorrelationIdLayer::default).run();
    contract::client(CorrelationIdLayer::default).named("over a fallible service").run();
    let arrived = |mut request: http::Request<_>| {
        request.headers_mut().insert(HEADER, HeaderValue::from_static("flow-1"));
        request
    };
    contract::server(CorrelationIdLayer::default).named("with an ID").request(arrived).run();
    let never = || CorrelationIdLayer::builder().accept(Accept::Never).without_span().build().unwrap();
    contract::server(never).named("untrusted, no span").request(arrived).run();
}

#[test]
fn the_outbound_layer_keeps_the_contract() {
    contract::client(PropagateCorrelationIdLayer::default).run();
    contract::server(PropagateCorrelationIdLayer::default).named("in front of a server").run();
}
