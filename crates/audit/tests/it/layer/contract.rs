//! Every law, in every mode, with a log that answers at once and with one that takes its time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use buttress_audit::{
    Action, AuditBody, AuditLayer, Class, Event, Level, MemoryRecorder, NotRecorded, Receipt, Recorder,
    Reservation, Rule,
};
use buttress_core::{AsError, BoxError, Mode};
use buttress_testkit::contract::{self, Law};
use http::{Request, Response};

use super::Body;

const MODES: [Mode; 3] = [Mode::Enforce, Mode::Observe, Mode::Off];

/// A recorder of which every answer takes two polls.
#[derive(Clone, Default)]
struct Slow(MemoryRecorder);

struct Later<T>(u8, Option<T>);

impl<T: Unpin> Future for Later<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if self.0 > 0 {
            self.0 -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.1.take().unwrap())
    }
}

struct SlowReservation(<MemoryRecorder as Recorder>::Reservation);

impl Recorder for Slow {
    type Reservation = SlowReservation;
    type Reserving = Later<Result<SlowReservation, NotRecorded>>;

    fn reserve(&self, class: Class) -> Self::Reserving {
        let reserved = self.0.reserve(class).into_inner();
        Later(1, Some(reserved.map(SlowReservation)))
    }
}

impl Reservation for SlowReservation {
    type Recording = Later<Result<Receipt, NotRecorded>>;

    fn record(self, event: Event) -> Self::Recording {
        Later(1, Some(self.0.record(event).into_inner()))
    }
}

/// Rules that take every way through the layer: with a first record, with a last one only, with none.
fn rules() -> [Rule; 3] {
    [Rule::any().action(Action::ADMIN), Rule::any(), Rule::any().level(Level::None)]
}

#[test]
fn the_layer_keeps_the_contract_in_every_mode() {
    for mode in MODES {
        for rule in rules() {
            let of = rule.clone();
            contract::server(move || {
                AuditLayer::inbound(MemoryRecorder::new()).rule(of.clone()).mode(mode).build().unwrap()
            })
            .named(format!("{mode:?} {rule:?}"))
            .quiet(|layer: &AuditLayer<MemoryRecorder>| assert_eq!(layer.recorder().reserved(), 0))
            .run();
        }
    }
}

#[test]
fn the_layer_keeps_the_contract_on_a_client() {
    for mode in MODES {
        contract::client(move || AuditLayer::outbound(MemoryRecorder::new()).mode(mode).build().unwrap())
            .named(format!("{mode:?}"))
            .quiet(|layer: &AuditLayer<MemoryRecorder, AsError>| assert_eq!(layer.recorder().reserved(), 0))
            .run();
    }
}

#[test]
fn the_layer_keeps_the_contract_with_a_log_that_takes_its_time() {
    for mode in MODES {
        for (rule, waits) in rules().into_iter().zip([3, 1, 0]) {
            let of = rule.clone();
            let suite = contract::server(move || {
                AuditLayer::inbound(Slow::default()).rule(of.clone()).mode(mode).build().unwrap()
            })
            .named(format!("slow, {mode:?} {rule:?}"))
            .quiet(|layer: &AuditLayer<Slow>| assert_eq!(layer.recorder().0.reserved(), 0));
            if waits > 1 {
                suite
                    .except(Law::AnswerWakes, "the law polls twice, and the call has not begun by then")
                    .run();
            } else {
                suite.run();
            }
        }
    }
}

#[test]
fn the_layer_keeps_the_contract_while_nothing_can_be_recorded() {
    contract::server(|| {
        AuditLayer::inbound(MemoryRecorder::new()).rule(Rule::any().action(Action::LOGIN)).build().unwrap()
    })
    .refusing(|layer: &AuditLayer<MemoryRecorder>| layer.recorder().refuse(true))
    .run();
}

#[test]
fn a_layer_that_looks_at_bodies_keeps_the_contract() {
    type Wiring = contract::Wiring<Request<Body>, Request<AuditBody<Body>>, Response<Body>, BoxError>;
    for mode in MODES {
        contract::Suite::<_, Wiring>::new(move || {
            AuditLayer::outbound(MemoryRecorder::new())
                .with_bodies()
                .level(Level::Body { cap_bytes: 64 })
                .mode(mode)
                .build()
                .unwrap()
        })
        .named(format!("{mode:?}"))
        .run();
    }
}
