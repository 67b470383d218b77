//! Every law, in every mode.

use buttress_core::{AsError, BoxError, Mode};
use buttress_http::AsProblem;
use buttress_rate_limit::{Exempt, Fields, Http, Plain, Policy, Quota, RateLimitLayer, Settle};
use buttress_testkit::Reply;
use buttress_testkit::contract;

use crate::waiting::Distant;
use crate::web::in_all;

type Inbound = RateLimitLayer<Http, AsProblem>;
type Outbound = RateLimitLayer<Http, AsError>;
type PlainLayer = RateLimitLayer<Plain<u32, u32>, AsError>;

const PLENTY: Quota = Quota::per_second(1_000_000);

fn inbound() -> Inbound {
    RateLimitLayer::inbound().policy(in_all(PLENTY).cost_by(|_| 2)).build().unwrap()
}

fn outbound() -> Outbound {
    RateLimitLayer::outbound().policy(in_all(PLENTY).cost_by(|_| 2)).build().unwrap()
}

fn plain() -> PlainLayer {
    RateLimitLayer::plain()
        .policy(Policy::plain("in-all").everyone().quota(PLENTY).cost_by(|_| 2))
        .build()
        .unwrap()
}

/// Leaves a burst of one to requests that cost two.
fn refuse<W: buttress_rate_limit::Subject, J>(layer: &RateLimitLayer<W, J>) {
    layer.policy("in-all").unwrap().set_quota(Quota::per_day(1)).unwrap();
}

#[test]
fn a_limit_keeps_the_contract_on_all_sides() {
    contract::plain(plain).refusing(refuse).run();
    contract::server(inbound).refusing(refuse).run();
    contract::client(outbound).refusing(refuse).run();
}

#[test]
fn a_limit_that_is_used_up_keeps_the_contract() {
    let used_up = || {
        let policy = Policy::plain("in-all").everyone().quota(Quota::per_day(40));
        RateLimitLayer::plain().policy(policy).build().unwrap()
    };
    contract::plain(used_up).refuses_after(40, |_| Reply::Err(BoxError::from("in vain"))).run();
}

#[test]
fn a_limit_that_may_not_refuse_keeps_the_contract() {
    for mode in [Mode::Observe, Mode::Off] {
        let whole = move || {
            let policy = in_all(Quota::per_day(1));
            RateLimitLayer::inbound().policy(policy).mode(mode).build().unwrap()
        };
        contract::server(whole).named(format!("{mode:?}, the layer")).run();
        let policy = move || {
            let policy = in_all(Quota::per_day(1)).mode(mode);
            RateLimitLayer::inbound().policy(policy).build().unwrap()
        };
        contract::server(policy).named(format!("{mode:?}, the policy")).run();
    }
}

#[test]
fn exemptions_settling_and_silence_keep_the_contract() {
    let exempt = || {
        let exempt = Exempt::none().when(|_| true);
        RateLimitLayer::inbound().policy(in_all(Quota::per_day(1))).exempt(exempt).build().unwrap()
    };
    contract::server(exempt).named("exempt").run();
    let settling = || {
        let policy = in_all(Quota::per_day(1)).settle(|_| Settle::REFUND);
        RateLimitLayer::inbound().policy(policy).fields(Fields::none()).build().unwrap()
    };
    // What fails without a response is not settled, so the burst must last for the laws about failures.
    let settling_plain = || {
        let policy =
            Policy::plain("in-all").everyone().quota(Quota::per_day(1_000)).settle(|_: &u32| Settle::REFUND);
        RateLimitLayer::plain().policy(policy).build().unwrap()
    };
    contract::plain(settling_plain).named("settling").run();
    let _: Inbound = settling();
}

#[test]
fn a_limit_that_must_wait_for_its_decision_keeps_the_contract() {
    let quick = || {
        RateLimitLayer::inbound()
            .policy(in_all(PLENTY).cost_by(|_| 2))
            .shared(Distant::after(1))
            .build()
            .unwrap()
    };
    contract::server(quick).named("shared").refusing(refuse).run();
    let client =
        || RateLimitLayer::outbound().policy(in_all(PLENTY)).shared(Distant::after(1)).build().unwrap();
    contract::client(client).named("shared, outbound").run();
}

#[test]
fn what_is_public_can_be_sent_between_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Inbound>();
    check::<Outbound>();
    check::<PlainLayer>();
    check::<Policy<Http>>();
    check::<buttress_rate_limit::PolicyHandle<Http>>();
    check::<buttress_rate_limit::RateLimited>();
    check::<buttress_rate_limit::KeyMissing>();
    check::<buttress_rate_limit::RateLimitBuilder<Http, AsProblem>>();
}
