//! A closed breaker, and a call that succeeds.

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use buttress_circuit_breaker::{Breaker, BreakerConfig, CircuitBreakerLayer, Window};
use buttress_core::{BoxError, ErrorsFail, Outcome, Ratio};
use failsafe::{CircuitBreaker as _, Config};
use recloser::Recloser;
use tower::Layer;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower_resilience_circuitbreaker::{
    CircuitBreakerConfigBuilder, CircuitBreakerLayer as PeerLayer, SlidingWindowType,
};

use super::bare::{Echo, number};
use super::built;
use crate::budget::Budget;
use crate::drive::{operation, service};
use crate::subject::{Case, Shared, Subject};

const BUDGET: Budget = Budget::instructions(100).allocations(0).alone(40).together(60);
/// The calls that a time window of tower-resilience holds when it is measured: its cost grows with them.
const HELD: u64 = 1_000;
const SLOW: Duration = Duration::from_secs(1);

pub(crate) const CLOSED: Case = Case {
    name: "breaker-closed",
    what: "circuit breaker closed, the call succeeds",
    bare: Subject::bare("bare service", || service(Echo, number)),
    rows: &[
        Subject::ours("buttress, time window", || ours(BreakerConfig::new())).within(BUDGET),
        Subject::ours("buttress, count window", || ours(BreakerConfig::new().window(Window::Calls(100))))
            .within(BUDGET),
        Subject::ours("buttress, consecutive failures", || ours(BreakerConfig::only_consecutive_failures(5)))
            .within(BUDGET),
        Subject::ours("buttress, slow calls too", || ours(watching_slow_calls()))
            .within(Budget::instructions(130).allocations(0)),
        Subject::ours("buttress, around a future", future),
        Subject::ours("buttress, time window, a ticket, time given", || ticket(BreakerConfig::new())),
        Subject::ours("buttress, slow calls too, a ticket, time given", || ticket(watching_slow_calls()))
            .within(Budget::instructions(130).allocations(0)),
        Subject::peer("tower-resilience, count window", || peer(PeerLayer::builder())),
        Subject::peer("tower-resilience, consecutive failures", || {
            peer(PeerLayer::builder().consecutive_failures(5))
        }),
        Subject::peer("tower-resilience, time window of 1,000 calls", peer_with_time_window).at_most(200),
        Subject::peer("failsafe", peer_failsafe),
        Subject::peer("recloser", peer_recloser),
        Subject::peer("tower concurrency limit, for scale", || {
            service(GlobalConcurrencyLimitLayer::new(64).layer(Echo), number)
        }),
    ],
};

fn ours(config: BreakerConfig) -> Shared {
    service(built(CircuitBreakerLayer::plain("bench").config(config).build()).layer(Echo), number)
}

fn watching_slow_calls() -> BreakerConfig {
    BreakerConfig::new().slow_call_after(SLOW).slow_call_ratio(Ratio::percent(50))
}

/// Around a piece of code, for a caller who has looked at the clock already.
fn ticket(config: BreakerConfig) -> Shared {
    let breaker = built(Breaker::new("bench", &config));
    let now = tokio::time::Instant::now().into_std();
    operation(move || {
        let breaker = breaker.clone();
        move |_| {
            if let Ok(ticket) = breaker.try_admit_at(black_box(now)) {
                black_box(number());
                ticket.settle_at(black_box(Outcome::Success), black_box(now));
            }
        }
    })
}

fn future() -> Shared {
    let breaker = built(Breaker::new("bench", &BreakerConfig::new()));
    operation(move || {
        let breaker = breaker.clone();
        move |poller| {
            let call = async { Ok::<u64, BoxError>(black_box(number())) };
            if let Ok(call) = breaker.call(call, ErrorsFail) {
                black_box(&poller.finish(pin!(call)));
            }
        }
    })
}

fn peer<C>(builder: CircuitBreakerConfigBuilder<C>) -> Shared
where
    C: tower_resilience_circuitbreaker::FailureClassifier<u64, BoxError> + Send + Sync + 'static,
{
    service(built(builder.build()).layer(Echo), number)
}

fn peer_with_time_window() -> Shared {
    let builder = PeerLayer::builder()
        .sliding_window_type(SlidingWindowType::TimeBased)
        .sliding_window_duration(Duration::from_secs(30));
    let shared = peer(builder);
    shared()(HELD);
    shared
}

fn peer_failsafe() -> Shared {
    let breaker = Config::new().build();
    operation(move || {
        let breaker = breaker.clone();
        move |_| _ = black_box(&breaker.call(|| Ok::<u64, BoxError>(black_box(number()))))
    })
}

fn peer_recloser() -> Shared {
    let breaker = Arc::new(Recloser::default());
    operation(move || {
        let breaker = Arc::clone(&breaker);
        move |_| _ = black_box(&breaker.call(|| Ok::<u64, BoxError>(black_box(number()))))
    })
}
