//! Every law, in every mode.

use std::num::NonZeroUsize;
use std::time::Duration;

use buttress_core::{BoxError, Mode};
use buttress_testkit::{Reply, contract};
use buttress_timeout::{Detach, TimeoutLayer};

use crate::SECOND;

const MODES: [Mode; 3] = [Mode::Enforce, Mode::Observe, Mode::Off];
/// Longer than any law waits.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn a_timeout_keeps_the_contract_in_every_mode() {
    for mode in MODES {
        contract::plain(move || TimeoutLayer::builder(LONG).mode(mode).build().unwrap())
            .named(format!("{mode:?}"))
            .run();
    }
}

/// The limit passes in the middle of calls, so that every drop point around the refusal is tried.
#[test]
fn a_timeout_keeps_the_contract_while_it_fires() {
    for mode in MODES {
        contract::plain(move || TimeoutLayer::builder(SECOND).mode(mode).build().unwrap())
            .named(format!("firing, {mode:?}"))
            .script("too slow", |_| Reply::After(2 * SECOND, Ok(0)))
            .script("slow and broken", |_| Reply::<u32, BoxError>::After(2 * SECOND, Err("late".into())))
            .run();
    }
}

#[test]
fn a_timeout_that_detaches_keeps_the_contract() {
    for mode in MODES {
        let layer = move || {
            let detach = Detach::at_most(NonZeroUsize::new(4).unwrap(), LONG);
            TimeoutLayer::builder(LONG).mode(mode).on_timeout(detach).build().unwrap()
        };
        contract::plain(layer).named(format!("detaching, {mode:?}")).run();
    }
}

#[cfg(feature = "http")]
mod http {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use ::http::{Request, Response};
    use buttress_core::Deadline;
    use buttress_timeout::{BodyTimeoutLayer, DeadlineLayer, ForwardDeadlineLayer, TimeoutBody};
    use bytes::Bytes;
    use http_body_util::Full;

    use super::*;
    use crate::now;

    /// Whether requests arrive too late; every new layer begins with requests that are on time.
    #[derive(Clone, Default)]
    struct Late(Arc<AtomicBool>);

    impl Late {
        fn set(&self, late: bool) {
            self.0.store(late, Ordering::Relaxed);
        }

        fn stamp(&self, mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
            if self.0.load(Ordering::Relaxed) {
                request.extensions_mut().insert(Deadline::at(now()));
            }
            request
        }
    }

    #[test]
    fn http_timeouts_keep_the_contract_on_both_sides() {
        for mode in MODES {
            contract::server(move || TimeoutLayer::inbound(LONG).mode(mode).build().unwrap()).run();
            contract::client(move || TimeoutLayer::outbound(LONG).mode(mode).build().unwrap()).run();
            contract::client(move || TimeoutLayer::attempt(LONG).mode(mode).build().unwrap()).run();
        }
    }

    #[test]
    fn a_deadline_keeps_the_contract_on_both_sides_and_while_it_refuses() {
        let late = Late::default();
        let (fresh, refusing, stamping) = (late.clone(), late.clone(), late.clone());
        contract::server(move || {
            fresh.set(false);
            DeadlineLayer::inbound().build().unwrap()
        })
        .refusing(move |_| refusing.set(true))
        .request(move |request| stamping.stamp(request))
        .run();
        let (fresh, refusing) = (late.clone(), late.clone());
        contract::client(move || {
            fresh.set(false);
            DeadlineLayer::outbound(30 * SECOND).build().unwrap()
        })
        .refusing(move |_| refusing.set(true))
        .request(move |request| late.stamp(request))
        .run();
    }

    #[test]
    fn a_deadline_that_does_not_enforce_keeps_the_contract() {
        for mode in [Mode::Observe, Mode::Off] {
            let late = Late::default();
            late.set(true);
            contract::server(move || DeadlineLayer::inbound().mode(mode).build().unwrap())
                .request(move |request| late.stamp(request))
                .named(format!("{mode:?}"))
                .run();
        }
    }

    #[test]
    fn forwarding_keeps_the_contract_and_while_it_refuses() {
        let late = Late::default();
        let (fresh, refusing) = (late.clone(), late.clone());
        contract::client(move || {
            fresh.set(false);
            ForwardDeadlineLayer::builder().at_most(SECOND).build().unwrap()
        })
        .refusing(move |_| refusing.set(true))
        .request(move |request| late.stamp(request))
        .run();
        for mode in [Mode::Observe, Mode::Off] {
            contract::client(move || ForwardDeadlineLayer::builder().mode(mode).build().unwrap()).run();
        }
    }

    #[test]
    fn body_clocks_keep_the_contract() {
        type Body = Full<Bytes>;
        type Wiring = contract::Wiring<Request<Body>, Request<TimeoutBody<Body>>, Response<Body>, BoxError>;
        for mode in MODES {
            contract::server(move || BodyTimeoutLayer::responses().mode(mode).build().unwrap()).run();
            contract::Suite::<_, Wiring>::new(move || {
                BodyTimeoutLayer::requests().mode(mode).build().unwrap()
            })
            .run();
        }
    }
}
