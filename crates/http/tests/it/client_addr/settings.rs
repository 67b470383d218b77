//! Settings that cannot work.

use super::*;

fn problems(builder: buttress_http::ClientAddrResolverBuilder) -> Vec<String> {
    let error = builder.build().unwrap_err();
    assert!(error.problems().iter().all(|problem| problem.layer() == "client-address"));
    error.problems().iter().map(|problem| format!("{}={}", problem.field(), problem.value())).collect()
}

fn trusting(networks: &[&str]) -> buttress_http::ClientAddrResolverBuilder {
    let networks = networks.iter().copied();
    ClientAddrResolver::builder().trust_each(networks).header(ForwardedBy::XForwardedFor)
}

#[test]
fn addresses_and_networks_are_accepted() {
    for network in [
        "192.0.2.1",
        "2001:db8::1",
        "10.0.0.0/8",
        "0.0.0.0/1",
        "2001:db8::/32",
        "::ffff:10.0.0.0/104",
        "8000::/1",
    ] {
        assert!(trusting(&[network]).build().is_ok(), "{network}");
    }
}

#[test]
fn a_network_that_cannot_be_meant_is_refused() {
    for network in [
        "",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/",
        "/8",
        "10.0.0.0/8/8",
        "10.0/8",
        "2001:db8::/129",
        "proxy.internal",
        " 10.0.0.0/8",
        "10.0.0.0 /8",
        "010.0.0.0/8",
        "10.0.0.1/8",
        "2001:db8::1/32",
        "10.0.0.0/255.0.0.0",
        "*",
        "any",
        "0.0.0.0/0",
        "::/0",
        "::ffff:0:0/96",
        "10.0.0.0/8,192.168.0.0/16",
    ] {
        assert_eq!(problems(trusting(&[network])), [format!("trust={network:?}")]);
    }
}

#[test]
fn everybody_is_not_trusted_in_two_halves_either() {
    let said = problems(trusting(&["0.0.0.0/1", "128.0.0.0/1"]));
    assert_eq!(said, ["trust=2 networks that are all of IPv4 or IPv6 together"]);
    assert_eq!(problems(trusting(&["::/1", "8000::/1"])).len(), 1);
}

#[test]
fn whoever_is_trusted_must_be_read_somewhere() {
    assert_eq!(problems(ClientAddrResolver::builder().trust("10.0.0.0/8")), ["header=not set"]);
    assert_eq!(problems(ClientAddrResolver::builder().trust_absent_peer()), ["header=not set"]);
    assert!(ClientAddrResolver::builder().build().is_ok());
    assert!(
        ClientAddrResolver::builder().header(ForwardedBy::Forwarded).build().is_ok(),
        "and nobody is trusted"
    );
}

#[test]
fn prefixes_have_a_range() {
    let four = |bits| ClientAddrResolver::builder().ipv4_prefix(bits).build().is_ok();
    let six = |bits| ClientAddrResolver::builder().ipv6_prefix(bits).build().is_ok();
    assert_eq!([0, 7, 8, 32, 33, 255].map(four), [false, false, true, true, false, false]);
    assert_eq!([0, 15, 16, 128, 129, 255].map(six), [false, false, true, true, false, false]);
}

#[test]
fn every_problem_is_told_at_once_with_field_value_and_range() {
    let builder =
        ClientAddrResolver::builder().trust("10.0.0.0/40").trust("x").ipv4_prefix(0).ipv6_prefix(129);
    let error = builder.build().unwrap_err().to_string();
    let network = "an address such as 192.0.2.1, or a network such as 10.0.0.0/8 or 2001:db8::/32 \
                   whose other bits are 0 and that is not all of IPv4 or IPv6";
    let expected = [
        format!("client-address: trust is \"10.0.0.0/40\", allowed: {network}"),
        format!("client-address: trust is \"x\", allowed: {network}"),
        "client-address: header is not set, allowed: the one header that the trusted proxies write"
            .to_owned(),
        "client-address: ipv4_prefix is 0 bits, allowed: 8 to 32 bits".to_owned(),
        "client-address: ipv6_prefix is 129 bits, allowed: 16 to 128 bits".to_owned(),
    ];
    assert_eq!(error, expected.join("; "));
}

#[test]
fn a_clone_of_the_resolver_goes_by_the_same_rules() {
    let resolver = behind_proxies(ForwardedBy::XForwardedFor);
    let sent = headers(XFF, &["192.0.2.1"]);
    let peer = Some(ip(PROXY));
    assert_eq!(resolver.clone().resolve(peer, &sent), resolver.resolve(peer, &sent));
    assert!(format!("{resolver:?}").contains("10.0.0.0/8"));
}
