//! Settings that cannot be used.

use std::time::Duration;

use buttress_core::ConfigError;
use buttress_rate_limit::{
    Exempt, Http, LocalTier, Missing, Policy, Quota, RateLimitBuilder, RateLimitLayer, Table, key,
};

use crate::web::{in_all, per_address};

fn problems(error: &ConfigError) -> Vec<String> {
    let problems = error.problems().iter();
    problems.map(|problem| format!("{} is {}", problem.field(), problem.value())).collect()
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let nameless = Policy::<Http>::named("Not A Name").quota(Quota::per(1, Duration::ZERO));
    let builder = RateLimitLayer::inbound()
        .policy(per_address(Quota::per_second(0)))
        .policy(per_address(Quota::per_second(5).burst(0)).missing(Missing::RejectAs(500)))
        .policy(nameless)
        .policy(in_all(Quota::per_second(5)).cost(6).missing(Missing::fallback("")))
        .policy(Policy::named("quotaless").key(key::everyone()))
        .exempt(Exempt::none().path("healthz").prefix("").addresses("10.0.0.0/40"))
        .policy(Policy::named("networks").key((key::client_addr().ipv6_prefix(15), key::everyone())))
        .slots(0);
    let error = builder.build().unwrap_err();
    let expected = [
        "per-address.quota.units is 0",
        "per-address.cost is 1",
        "per-address.quota.burst is 0",
        "per-address.missing is 500",
        "policy is \"per-address\" again",
        "policy is \"Not A Name\"",
        "Not A Name.key is none",
        "Not A Name.quota.window is 0ns",
        "in-all.cost is 6",
        "in-all.missing is a fallback without a name",
        "quotaless.quota is none",
        "networks.key.ipv6_prefix is 15 bits",
        "exempt.path is \"healthz\"",
        "exempt.prefix is \"\"",
        "exempt.addresses is \"10.0.0.0/40\"",
        "slots is 0",
    ];
    let found = problems(&error);
    for problem in expected {
        assert!(found.iter().any(|found| found == problem), "{problem} is missing in {found:#?}");
    }
    assert!(
        error
            .problems()
            .iter()
            .all(|problem| problem.layer() == "rate-limit" && !problem.allowed().is_empty())
    );
}

#[test]
fn a_table_of_one_s_own_is_checked_as_well() {
    for slots in [0, Table::MAX_SLOTS + 1, usize::MAX] {
        let error = LocalTier::new(slots).unwrap_err();
        assert_eq!(error.to_string(), format!("rate-limit: slots is {slots}, allowed: 1 to 268435456 slots"));
    }
}

#[test]
fn a_layer_has_one_to_eight_policies() {
    let error = RateLimitLayer::inbound().build().unwrap_err();
    assert_eq!(error.to_string(), "rate-limit: policies is 0, allowed: 1 to 8");
    let with = |number: usize| {
        let names = (0..number).map(|number| format!("policy-{number}"));
        let policies = names.map(|name| Policy::named(name).key(key::everyone()).quota(Quota::per_second(1)));
        policies.fold(RateLimitLayer::inbound(), RateLimitBuilder::policy).build()
    };
    assert!(with(1).is_ok() && with(8).is_ok());
    assert_eq!(problems(&with(9).unwrap_err()), ["policies is 9"]);
}

#[test]
fn names_are_words_that_fit_into_a_field() {
    let named = |name: &str| {
        let policy = Policy::named(name).key(key::everyone()).quota(Quota::per_second(1));
        RateLimitLayer::inbound().policy(policy).build().is_ok()
    };
    let long = "x".repeat(64);
    for name in ["a", "per-address", "tenant_7", "0", &long] {
        assert!(named(name), "{name}");
    }
    let too_long = "x".repeat(65);
    for name in ["", "A", "per address", "a\"b", "ü", "a.b", "a;b", &too_long] {
        assert!(!named(name), "{name}");
    }
}

#[test]
fn quotas_that_no_clock_can_count_are_named() {
    for quota in [
        Quota::per(u64::MAX, Duration::from_secs(1)),
        Quota::per(1, Duration::MAX),
        Quota::per_day(1).burst(u64::MAX),
    ] {
        let error = RateLimitLayer::inbound().policy(in_all(quota)).build().unwrap_err();
        assert!(error.to_string().contains("in-all.quota"), "{error}");
    }
}
