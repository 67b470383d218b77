//! Who is counted.

use std::net::IpAddr;

use buttress_core::Verdict;
use buttress_http::{AsProblem, ClientAddr, ClientAddrResolver, ForwardedBy};
use buttress_rate_limit::key::Key;
use buttress_rate_limit::{Http, Missing, Policy, Quota, RateLimit, RateLimitLayer, key};
use buttress_testkit::{Recorder, message};
use http::HeaderName;
use tower::Layer;

use crate::web::{Ask, Inner, document, fine, from, limited, per_address, statuses, with};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

fn once_per(key: impl Key) -> RateLimit<Inner, Http, AsProblem> {
    limited([Policy::named("once").key(key).quota(Quota::per_day(1))])
}

fn keyed(value: &str) -> Ask {
    with(from("192.0.2.1"), "x-api-key", value)
}

fn once_per_api_key(missing: Missing) -> RateLimit<Inner, Http, AsProblem> {
    let policy = Policy::named("per-key").key(key::header(API_KEY)).quota(Quota::per_day(1));
    limited([policy.missing(missing)])
}

/// Whoever may choose his own key has no limit, and may use up the limits of others.
#[tokio::test(start_paused = true)]
async fn forwarding_headers_of_strangers_never_change_the_key_r3_l4() {
    let service = limited([per_address(Quota::per_day(1))]);
    assert_eq!(statuses(&service, [from("192.0.2.1")]).await, [200]);
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.1"),
        ("x-forwarded-for", "203.0.113.2, 192.0.2.99"),
        ("forwarded", "for=203.0.113.3"),
        ("x-real-ip", "203.0.113.4"),
        ("cf-connecting-ip", "203.0.113.5"),
    ] {
        assert_eq!(
            statuses(&service, [with(from("192.0.2.1"), name, value)]).await,
            [429],
            "{name}: {value}"
        );
    }
    for victim in ["203.0.113.1", "203.0.113.3"] {
        assert_eq!(statuses(&service, [from(victim)]).await, [200], "{victim} has not asked yet");
    }
}

/// Behind a proxy the peer is always the proxy.
#[tokio::test(start_paused = true)]
async fn clients_behind_a_trusted_proxy_are_not_one_client_r4() {
    let proxy =
        ClientAddrResolver::builder().trust("10.0.0.0/8").header(ForwardedBy::XForwardedFor).build().unwrap();
    let builder = RateLimitLayer::inbound().policy(per_address(Quota::per_day(1))).client_addr(proxy);
    let service = builder.build().unwrap().layer(fine());
    let through = |claim| with(from("10.1.1.1"), "x-forwarded-for", claim);
    let asked = ["192.0.2.1", "192.0.2.2", "192.0.2.1", "6.6.6.6, 192.0.2.2"].map(through);
    assert_eq!(statuses(&service, asked).await, [200, 200, 429, 429]);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_an_outer_layer_found_is_the_one_that_counts() {
    let service = limited([per_address(Quota::per_day(1))]);
    let found = |addr: &str| {
        let mut request = from("10.0.0.1");
        request.extensions_mut().insert(ClientAddr::new(addr.parse::<IpAddr>().unwrap()).unwrap());
        request
    };
    assert_eq!(statuses(&service, ["192.0.2.1", "192.0.2.2", "192.0.2.1"].map(found)).await, [200, 200, 429]);
}

#[tokio::test(start_paused = true)]
async fn how_many_bits_name_a_client_is_the_choice_of_the_layer_that_found_it() {
    let service = limited([per_address(Quota::per_day(1))]);
    let found = |addr: &str| {
        let client = ClientAddr::new(addr.parse::<IpAddr>().unwrap()).unwrap();
        let mut request = from("10.0.0.1");
        request.extensions_mut().insert(client.with_prefixes(24, 48));
        request
    };
    let asked = ["2001:db8:1:2::1", "2001:db8:1:3::1", "192.0.2.1", "192.0.2.2"].map(found);
    assert_eq!(statuses(&service, asked).await, [200, 429, 200, 429]);
}

#[tokio::test(start_paused = true)]
async fn an_ipv6_network_is_one_client_and_a_larger_one_can_be() {
    let service = limited([per_address(Quota::per_day(1))]);
    let addresses = ["2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:3::1"];
    assert_eq!(statuses(&service, addresses.map(from)).await, [200, 429, 200]);
    let service = once_per(key::client_addr().ipv6_prefix(48));
    assert_eq!(statuses(&service, addresses.map(from)).await, [200, 429, 429]);
    assert_eq!(
        statuses(&service, ["192.0.2.1", "192.0.2.2", "::ffff:192.0.2.1"].map(from)).await,
        [200, 200, 429]
    );
}

#[tokio::test(start_paused = true)]
async fn each_value_of_a_header_is_a_key() {
    let service = once_per(key::header(API_KEY));
    assert_eq!(statuses(&service, ["a", "b", "a", "A"].map(keyed)).await, [200, 200, 429, 200]);
}

#[tokio::test(start_paused = true)]
async fn keys_are_combined_and_their_parts_cannot_run_together() {
    let first = HeaderName::from_static("x-first");
    let service = once_per(key::header(first).and(key::header(API_KEY)));
    let ask = |one, other| with(keyed(other), "x-first", one);
    assert_eq!(statuses(&service, [ask("a", "bc"), ask("ab", "c"), ask("a", "bc")]).await, [200, 200, 429]);
    assert_eq!(statuses(&service, [keyed("bc")]).await, [400], "one of two keys is no key");

    let service = once_per((
        key::with_ref(|head| head.path().split('/').nth(1)),
        key::with(|head| Some(head.method().as_str().to_owned())),
        key::everyone(),
    ));
    let paths = ["/a/1", "/a/2", "/b/1"].map(|path| crate::web::at(path, "::1"));
    assert_eq!(statuses(&service, paths).await, [200, 429, 200]);
}

#[tokio::test(start_paused = true)]
async fn what_the_application_knows_of_a_request_can_be_the_key() {
    #[derive(Clone)]
    struct Principal {
        tenant: String,
    }
    let service = once_per(key::extension(|principal: &Principal| &principal.tenant));
    let of = |tenant: &str| {
        let mut request = from("::1");
        request.extensions_mut().insert(Principal { tenant: tenant.to_owned() });
        request
    };
    assert_eq!(statuses(&service, ["red", "blue", "red"].map(of)).await, [200, 200, 429]);
    assert_eq!(statuses(&service, [from("::1")]).await, [400]);
}

#[tokio::test(start_paused = true)]
async fn a_host_is_one_key_however_it_is_written() {
    let service = once_per(key::host());
    let hosts =
        ["http://a.example/1", "http://A.Example/2", "http://me:pw@a.example/", "http://a.example:81/"];
    let requests = hosts.map(message::get);
    assert_eq!(statuses(&service, requests).await, [200, 429, 429, 200]);
    let by_header = |host| with(message::get("/"), "host", host);
    assert_eq!(statuses(&service, [by_header("a.EXAMPLE"), by_header("b.example")]).await, [429, 200]);
    let long = "x".repeat(300);
    assert_eq!(
        statuses(&service, [message::get("/"), with(message::get("/"), "host", &long)]).await,
        [400, 400]
    );
}

/// Some libraries answer 500.
#[tokio::test(start_paused = true)]
async fn a_missing_key_meets_what_the_policy_says_and_never_a_500_r9_l13() {
    let without = || [from("192.0.2.1"), from("192.0.2.1"), from("192.0.2.2")];
    let table = [
        (Missing::default(), [400, 400, 400]),
        (Missing::Reject, [400, 400, 400]),
        (Missing::RejectAs(401), [401, 401, 401]),
        (Missing::Skip, [200, 200, 200]),
        (Missing::fallback("anonymous"), [200, 429, 429]),
    ];
    for (missing, statuses_of) in table {
        let service = once_per_api_key(missing.clone());
        assert_eq!(statuses(&service, without()).await, statuses_of, "{missing:?}");
        assert_eq!(statuses(&service, ["a", "a"].map(keyed)).await, [200, 429], "{missing:?}");
    }
}

/// An attacker who leaves the header out would choose to be counted by address, one more limit for each address.
#[tokio::test(start_paused = true)]
async fn the_address_never_stands_in_for_another_key_r21() {
    let service = once_per_api_key(Missing::fallback("anonymous"));
    let asked = (1..=20).map(|host| from(&format!("192.0.2.{host}")));
    let admitted = statuses(&service, asked).await.iter().filter(|status| **status == 200).count();
    assert_eq!(admitted, 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_can_name_himself_into_the_fallback() {
    let service = once_per_api_key(Missing::fallback("anonymous"));
    assert_eq!(statuses(&service, [keyed("anonymous"), from("::1")]).await, [200, 200]);
}

/// Whichever of two values were counted, the service might go by the other.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_given_twice_is_refused_whatever_a_missing_one_meets() {
    for missing in [Missing::Reject, Missing::Skip, Missing::fallback("anonymous"), Missing::RejectAs(401)] {
        let service = once_per_api_key(missing);
        let twice = with(keyed("a"), "x-api-key", "b");
        let same = with(keyed("a"), "x-api-key", "a");
        assert_eq!(statuses(&service, [twice, same, keyed("a")]).await, [400, 200, 429]);
    }
    let service = once_per_api_key(Missing::Reject);
    assert_eq!(statuses(&service, [keyed("")]).await, [400], "an empty value is none");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_for_want_of_a_key_says_so_and_charges_nobody() {
    let recorder = Recorder::new();
    let policy = Policy::named("per-key").key(key::header(API_KEY)).quota(Quota::per_day(1));
    let builder = RateLimitLayer::inbound().policy(per_address(Quota::per_day(1))).policy(policy);
    let layer = builder.observer(recorder.clone()).build().unwrap();
    let service = layer.layer(fine());
    let answer = message::send(&service, from("192.0.2.1")).await;
    assert_eq!(document(&answer)["code"], "rate_limit_key_missing");
    assert_eq!(document(&answer)["policy"], "per-key");
    assert_eq!((answer.status.as_u16(), answer.header("ratelimit")), (400, None));
    assert_eq!(recorder.verdicts(), [(Verdict::Refused, "rate_limit_key_missing")]);
    assert_eq!(statuses(&service, [keyed("a")]).await, [200], "the address was not charged");
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_address_has_no_key() {
    let service = limited([per_address(Quota::per_day(1))]);
    assert_eq!(statuses(&service, [message::get("/")]).await, [400]);
    assert_eq!(statuses(&service, [from("0.0.0.0"), from("::")]).await, [400, 400]);
}
