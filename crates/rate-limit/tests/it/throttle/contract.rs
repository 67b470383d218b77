//! Every law, in every mode.

use std::time::Duration;

use buttress_core::{AsError, Mode};
use buttress_http::AsProblem;
use buttress_rate_limit::throttle::{ByAuthority, HttpFeedback};
use buttress_rate_limit::{Quota, ThrottleLayer};
use buttress_testkit::contract;

use super::{MS, Plain, SECOND};

fn plain(quota: Quota, mode: Mode) -> Plain {
    ThrottleLayer::plain("upstream").quota(quota).max_wait(Duration::ZERO).mode(mode).build().unwrap()
}

fn ample() -> Quota {
    Quota::per_second(1_000_000).burst(1_000_000)
}

fn nobody_waits<K, L, J>(layer: &ThrottleLayer<K, L, J>) {
    assert_eq!(layer.throttle().snapshot().waiting, 0, "calls that wait");
}

#[test]
fn a_throttle_with_room_keeps_the_contract_in_every_mode() {
    for mode in [Mode::Enforce, Mode::Observe, Mode::Off] {
        contract::plain(move || plain(ample(), mode)).named(mode.to_string()).quiet(nobody_waits).run();
    }
}

#[test]
fn a_throttle_whose_calls_wait_keeps_the_contract() {
    let waiting = || {
        let quota = Quota::per(1, 5 * MS);
        ThrottleLayer::plain("upstream").quota(quota).build().unwrap()
    };
    contract::plain(waiting).named("waiting").inner_permits(8).quiet(nobody_waits).wakes_at_most(16).run();
}

#[test]
fn a_throttle_that_refuses_keeps_the_contract() {
    contract::plain(|| plain(Quota::per(20, 3_600 * SECOND), Mode::Enforce))
        .named("refusing")
        .quiet(nobody_waits)
        .refuses_after(20, |_| buttress_testkit::Reply::Ok(0))
        .run();
}

#[test]
fn a_throttle_that_may_not_refuse_keeps_the_contract() {
    for mode in [Mode::Observe, Mode::Off] {
        contract::plain(move || plain(Quota::per(1, 3_600 * SECOND), mode))
            .named(format!("{mode}, nothing left"))
            .quiet(nobody_waits)
            .run();
    }
}

#[test]
fn an_http_throttle_keeps_the_contract_on_both_sides() {
    let client = || ThrottleLayer::outbound("upstream").quota(ample()).build().unwrap();
    contract::client(client).quiet(nobody_waits).run();
    let server = || -> ThrottleLayer<ByAuthority, HttpFeedback, AsProblem> {
        ThrottleLayer::outbound("upstream").quota(ample()).reject_with(AsProblem::default()).build().unwrap()
    };
    contract::server(server).quiet(nobody_waits).run();
    let _: fn() -> ThrottleLayer<ByAuthority, HttpFeedback, AsError> = client;
}
