//! A bulkhead with room, and a full one that refuses.

use std::hint::black_box;
use std::pin::pin;
use std::time::Duration;

use buttress_bulkhead::{Bulkhead, BulkheadLayer, KeyLimits, KeyWith};
use buttress_core::BoxError;
use tower::Layer;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower_resilience_bulkhead::BulkheadLayer as PeerLayer;

use super::bare::{Body, Echo, Handler, get, number};
use super::built;
use crate::budget::Budget;
use crate::drive::{operation, service};
use crate::subject::{Case, Shared, Subject};

const BUDGET: Budget = Budget::instructions(60).allocations(0);
const CALLS: usize = 64;

pub(crate) const ROOM: Case = Case {
    name: "bulkhead",
    what: "bulkhead with room, the call succeeds",
    bare: Subject::bare("bare service", || service(Echo, number)),
    rows: &[
        Subject::ours("buttress", || ours(0)).within(BUDGET),
        Subject::ours("buttress, with a queue", || ours(8)).within(BUDGET),
        Subject::ours("buttress, a key that is known", keyed).within(Budget::NONE.allocations(0)),
        Subject::ours("buttress, around a future", future).within(Budget::NONE.allocations(0)),
        Subject::ours("buttress, a permit alone", permit).within(Budget::NONE.allocations(0)),
        Subject::peer("tower concurrency limit", || {
            service(GlobalConcurrencyLimitLayer::new(CALLS).layer(Echo), number)
        }),
        Subject::peer("tower concurrency limit and load shed", || {
            let limited = GlobalConcurrencyLimitLayer::new(CALLS).layer(Echo);
            service(LoadShedLayer::new().layer(limited), number)
        }),
        Subject::peer("tower-resilience", || {
            let layer = built(PeerLayer::builder().max_concurrent_calls(CALLS).build());
            service(layer.layer(Echo), number)
        }),
    ],
};

pub(crate) const HTTP: Case = Case {
    name: "bulkhead-http",
    what: "bulkhead around a handler, six headers, held to the end of the body",
    bare: Subject::bare("bare service", || service(Handler, get::<Body>)),
    rows: &[
        Subject::ours("buttress", || {
            service(built(BulkheadLayer::inbound("bench").build()).layer(Handler), get::<Body>)
        })
        .within(Budget::NONE.allocations(0)),
        Subject::peer("tower concurrency limit, held to the head", || {
            service(GlobalConcurrencyLimitLayer::new(CALLS).layer(Handler), get::<Body>)
        }),
    ],
};

fn layer(waiting: u32) -> BulkheadLayer {
    let builder = BulkheadLayer::plain("bench").max_concurrent(64);
    built(if waiting == 0 { builder.build() } else { builder.queue(waiting).max_wait(WAIT).build() })
}

const WAIT: Duration = Duration::from_secs(1);

fn ours(waiting: u32) -> Shared {
    service(layer(waiting).layer(Echo), number)
}

fn keyed() -> Shared {
    let key = KeyWith(|request: &u64| Some(request & 7));
    let layer = built(BulkheadLayer::plain("bench").max_concurrent(64).keyed(key, KeyLimits::new()));
    service(layer.layer(Echo), number)
}

fn future() -> Shared {
    let bulkhead = built(Bulkhead::builder("bench").build());
    operation(move || {
        let bulkhead = bulkhead.clone();
        move |poller| {
            let call = async { Ok::<u64, BoxError>(black_box(number())) };
            black_box(&poller.finish(pin!(bulkhead.run(call))));
        }
    })
}

fn permit() -> Shared {
    let bulkhead = built(Bulkhead::builder("bench").build());
    operation(move || {
        let bulkhead = bulkhead.clone();
        move |_| drop(black_box(bulkhead.try_acquire()))
    })
}
