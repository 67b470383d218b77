//! An ID for a request: taken or minted, put where handlers find it, and echoed in the response.

use buttress_correlation_id::{CorrelationIdLayer, Mint};
use http::HeaderName;
use tower::{Layer, ServiceBuilder};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};

use super::bare::{Body, Handler, ID_HEADER, routed, routed_with_id};
use super::built;
use crate::budget::Budget;
use crate::drive::service;
use crate::subject::{Case, Shared, Subject};

const PEER: &str = "tower-http, set and propagate";

pub(crate) const MINTED: Case = Case {
    name: "correlation-minted",
    what: "correlation ID of a request that brings none, six headers, behind a router",
    bare: Subject::bare("bare service", || service(Handler, routed::<Body>)),
    rows: &[
        Subject::ours("buttress", || ours(&CorrelationIdLayer::default(), routed))
            .within(Budget::instructions(1_800).half_of(PEER)),
        Subject::ours("buttress, UUID v7", || {
            ours(&built(CorrelationIdLayer::builder().mint(Mint::V7).build()), routed)
        }),
        Subject::peer(PEER, || peer(routed)),
    ],
};

pub(crate) const ARRIVED: Case = Case {
    name: "correlation-arrived",
    what: "correlation ID of a request that brings one, seven headers, behind a router",
    bare: Subject::bare("bare service", || service(Handler, routed_with_id::<Body>)),
    rows: &[
        Subject::ours("buttress", || ours(&CorrelationIdLayer::default(), routed_with_id))
            .within(Budget::instructions(1_000).half_of(PEER)),
        Subject::peer(PEER, || peer(routed_with_id)),
    ],
};

fn ours(layer: &CorrelationIdLayer, request: fn() -> http::Request<Body>) -> Shared {
    service(layer.layer(Handler), request)
}

fn peer(request: fn() -> http::Request<Body>) -> Shared {
    let name = HeaderName::from_static(ID_HEADER);
    let stack = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(name.clone(), MakeRequestUuid))
        .layer(PropagateRequestIdLayer::new(name));
    service(stack.service(Handler), request)
}
