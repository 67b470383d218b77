use std::time::Duration;

use buttress_core::{BoxError, Mode};
use buttress_retry::{CloneRequest, NotReady, RetryBuilder, RetryErrors, RetryLayer};
use buttress_testkit::{Reply, contract};
use tokio::time::Instant;

type Plain = RetryLayer<RetryErrors, CloneRequest>;

fn assert_quiet<P, R>(layer: &RetryLayer<P, R>) {
    let usage = layer.budget().usage(Instant::now().into_std());
    assert_eq!((usage.in_flight, usage.retrying), (0, 0), "nothing is in flight");
}

fn keeps_the_contract(
    name: &str,
    settings: fn(RetryBuilder<RetryErrors, CloneRequest>) -> RetryBuilder<RetryErrors, CloneRequest>,
) {
    contract::plain(move || -> Plain { settings(RetryLayer::plain()).build().unwrap() })
        .named(name)
        .script("the first attempt fails", |call| match call {
            0 => Reply::Yields(1, Err(BoxError::from("not yet"))),
            _ => Reply::Yields(2, Ok(1)),
        })
        .quiet(assert_quiet)
        .run();
}

#[test]
fn the_layer_keeps_the_contract_in_every_mode() {
    keeps_the_contract("enforce", |retry| retry);
    keeps_the_contract("observe", |retry| retry.mode(Mode::Observe));
    keeps_the_contract("off", |retry| retry.mode(Mode::Off));
}

#[test]
fn the_layer_keeps_the_contract_with_a_single_attempt_and_with_patience() {
    keeps_the_contract("single", |retry| retry.max_attempts(1));
    keeps_the_contract("patient", |retry| retry.when_not_ready(NotReady::Wait(Duration::from_secs(1))));
}

#[cfg(feature = "http")]
mod over_http {
    use std::convert::Infallible;

    use buttress_core::{BoxError, Mode};
    use buttress_http::ReplayBody;
    use buttress_retry::{HttpRetryLayer, RetryLayer};
    use buttress_testkit::contract::{Suite, Wiring};
    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::Full;

    use super::assert_quiet;

    type Wire<E> = Wiring<Request<Full<Bytes>>, Request<ReplayBody<Full<Bytes>>>, Response<Full<Bytes>>, E>;

    fn layer(mode: Mode) -> HttpRetryLayer {
        RetryLayer::builder().mode(mode).build().unwrap()
    }

    #[test]
    fn the_http_layer_keeps_the_contract_in_every_mode() {
        for mode in [Mode::Enforce, Mode::Observe, Mode::Off] {
            let name = format!("{mode:?}");
            Suite::<_, Wire<BoxError>>::new(move || layer(mode))
                .named(format!("client, {name}"))
                .quiet(assert_quiet)
                .run();
            Suite::<_, Wire<Infallible>>::new(move || layer(mode))
                .named(format!("server, {name}"))
                .quiet(assert_quiet)
                .run();
        }
    }
}
