//! Requests, and services to send them to.

use std::convert::Infallible;
use std::net::SocketAddr;

use buttress_http::PeerAddr;
use buttress_rate_limit::{Http, Policy, Quota, RateLimit, RateLimitBuilder, RateLimitLayer, key};
use buttress_testkit::message::{self, Answer};
use buttress_testkit::{Reply, Strict};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::Layer;

pub(crate) type Ask = Request<Full<Bytes>>;
pub(crate) type Tell = Response<Full<Bytes>>;
pub(crate) type Inner = Strict<Ask, Tell, Infallible>;

/// A request from this address.
pub(crate) fn from(addr: &str) -> Ask {
    at("/", addr)
}

/// A request for this path from this address.
pub(crate) fn at(path: &str, addr: &str) -> Ask {
    let mut request = message::get(path);
    request.extensions_mut().insert(PeerAddr(SocketAddr::new(addr.parse().unwrap(), 4711)));
    request
}

/// The same request with a header line more.
pub(crate) fn with(mut request: Ask, name: &'static str, value: &str) -> Ask {
    request.headers_mut().append(name, value.parse().unwrap());
    request
}

/// A service that answers everything with 200 and as many instances as may be ready at once.
pub(crate) fn fine() -> Inner {
    answering(StatusCode::OK)
}

pub(crate) fn answering(status: StatusCode) -> Inner {
    Strict::with(move |_, _: &Ask| Reply::Ok(message::response(status, "")))
}

/// Sends requests one after another and tells the statuses.
pub(crate) async fn statuses<W, J>(
    service: &RateLimit<Inner, W, J>,
    requests: impl IntoIterator<Item = Ask>,
) -> Vec<u16>
where
    W: buttress_rate_limit::Limits<Ask, Tell>,
    J: buttress_core::Reject<Tell, Infallible> + Clone,
{
    let mut statuses = Vec::new();
    for request in requests {
        statuses.push(message::send(service, request).await.status.as_u16());
    }
    statuses
}

/// The lines of a field, in order.
pub(crate) fn lines<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    answer.headers.get_all(name).iter().map(|line| line.to_str().unwrap()).collect()
}

pub(crate) fn document(answer: &Answer) -> serde_json::Value {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    serde_json::from_slice(&answer.body).unwrap()
}

pub(crate) fn per_address(quota: Quota) -> Policy<Http> {
    Policy::named("per-address").key(key::client_addr()).quota(quota)
}

pub(crate) fn in_all(quota: Quota) -> Policy<Http> {
    Policy::named("in-all").key(key::everyone()).quota(quota)
}

/// A layer of these policies around a service that answers 200.
pub(crate) fn limited(
    policies: impl IntoIterator<Item = Policy<Http>>,
) -> RateLimit<Inner, Http, buttress_http::AsProblem> {
    let builder = policies.into_iter().fold(RateLimitLayer::inbound(), RateLimitBuilder::policy);
    builder.build().unwrap().layer(fine())
}
