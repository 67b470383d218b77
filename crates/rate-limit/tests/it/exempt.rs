//! Requests that are not counted.

use buttress_http::{ClientAddrResolver, ForwardedBy};
use buttress_rate_limit::{Exempt, Http, Quota, RateLimit, RateLimitLayer};
use buttress_testkit::message;
use http::Method;
use tower::Layer;

use crate::web::{Ask, Inner, at, fine, from, in_all, statuses, with};

/// Nobody who is counted gets in.
fn all_but(exempt: Exempt<Http>) -> RateLimit<Inner, Http, buttress_http::AsProblem> {
    let policy = in_all(Quota::per_day(1)).cost_by(|_| 2);
    RateLimitLayer::inbound().policy(policy).exempt(exempt).build().unwrap().layer(fine())
}

fn preflight() -> Ask {
    let mut request = from("::1");
    *request.method_mut() = Method::OPTIONS;
    with(with(request, "origin", "https://app.example"), "access-control-request-method", "PUT")
}

/// A preflight that is refused keeps the browser from asking, and from seeing why.
#[tokio::test(start_paused = true)]
async fn preflights_pass_unless_that_is_switched_off_r22() {
    let layer = RateLimitLayer::inbound().policy(in_all(Quota::per_day(1))).build().unwrap();
    let service = layer.layer(fine());
    let mut plain_options = from("::1");
    *plain_options.method_mut() = Method::OPTIONS;
    let get_with_fields = with(with(from("::1"), "origin", "x"), "access-control-request-method", "PUT");
    let asked = [preflight(), preflight(), plain_options, preflight(), get_with_fields];
    assert_eq!(statuses(&service, asked).await, [200, 200, 200, 200, 429], "only a preflight is one");
    assert_eq!(statuses(&all_but(Exempt::none()), [preflight()]).await, [429]);
}

#[tokio::test(start_paused = true)]
async fn paths_are_exempt_as_they_are_written() {
    let service = all_but(Exempt::none().path("/healthz").prefix("/docs"));
    for path in ["/healthz", "/healthz?deep=1", "/docs", "/docs/", "/docs/a/b"] {
        assert_eq!(statuses(&service, [at(path, "::1")]).await, [200], "{path}");
    }
    for path in [
        "/",
        "/healthz/",
        "/HEALTHZ",
        "/healthz/x",
        "/docsx",
        "/docs/../admin",
        "/docs/%2e%2e/admin",
        "/x?/healthz",
    ] {
        assert_eq!(statuses(&service, [at(path, "::1")]).await, [429], "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn networks_are_exempt_by_the_clients_address_and_not_by_what_it_claims() {
    let exempt = || Exempt::none().addresses("10.0.0.0/8").addresses("2001:db8::7");
    let service = all_but(exempt());
    for addr in ["10.255.0.1", "::ffff:10.1.2.3", "2001:db8::7"] {
        assert_eq!(statuses(&service, [from(addr)]).await, [200], "{addr}");
    }
    let spoofed = with(with(from("192.0.2.1"), "x-forwarded-for", "10.0.0.1"), "forwarded", "for=10.0.0.1");
    assert_eq!(statuses(&service, [from("11.0.0.1"), from("2001:db8::8"), spoofed]).await, [429; 3]);
    assert_eq!(message::send(&service, message::get("/")).await.status, 429, "an address that nobody knows");

    let proxy =
        ClientAddrResolver::builder().trust("192.0.2.1").header(ForwardedBy::XForwardedFor).build().unwrap();
    let policy = in_all(Quota::per_day(1)).cost_by(|_| 2);
    let builder = RateLimitLayer::inbound().policy(policy).exempt(exempt()).client_addr(proxy);
    let service = builder.build().unwrap().layer(fine());
    let through = |claim| with(from("192.0.2.1"), "x-forwarded-for", claim);
    assert_eq!(statuses(&service, [through("10.0.0.1"), through("10.0.0.1, 203.0.113.9")]).await, [200, 429]);
}

#[tokio::test(start_paused = true)]
async fn a_closure_may_exempt_and_several_rules_add_up() {
    let exempt = Exempt::preflights().when(|head| head.headers().contains_key("x-probe")).path("/healthz");
    let service = all_but(exempt);
    let asked = [with(from("::1"), "x-probe", "1"), at("/healthz", "::1"), preflight(), from("::1")];
    assert_eq!(statuses(&service, asked).await, [200, 200, 200, 429]);
}

#[tokio::test(start_paused = true)]
async fn what_is_exempt_is_told_nothing() {
    let answer = message::send(&all_but(Exempt::none().path("/healthz")), at("/healthz", "::1")).await;
    assert!(answer.headers.is_empty(), "{:?}", answer.headers);
}
