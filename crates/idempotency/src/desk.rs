use std::fmt;
use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use buttress_core::{Context, ModeSwitch, Refused, Signal, Verdict};
use http::request::Parts;
use tokio::task::JoinHandle;
use tracing::{Instrument, Span};

use crate::fingerprint::Hashes;
use crate::health::Health;
use crate::places::Places;
use crate::rejection::LAYER;
use crate::renewals::Renewals;
use crate::seats::Seats;
use crate::terms::Terms;
use crate::within::within;
use crate::work::{Caught, Then};
use crate::{
    Claim, Claimed, EndpointStats, RecordId, Refusal, Stats, Step, Stepped, Store, StoreError,
    StoreErrorKind, Ticket, WhenStoreFails,
};

/// What all services of a layer share.
pub(crate) struct Desk<T> {
    pub(crate) store: Arc<T>,
    pub(crate) terms: Terms,
    pub(crate) hashes: Hashes,
    pub(crate) mode: ModeSwitch,
    pub(crate) stats: Stats,
    /// Of the layer itself, where endpoints are not told apart.
    own_stats: OnceLock<EndpointStats>,
    pub(crate) seats: Seats,
    pub(crate) health: Health,
    pub(crate) places: Places,
    pub(crate) renewals: Renewals<T>,
}

impl<T: Store> Desk<T> {
    pub(crate) fn new(store: Arc<T>, terms: Terms, mode: ModeSwitch) -> Self {
        Self {
            store,
            mode,
            stats: Stats::default(),
            own_stats: OnceLock::new(),
            seats: Seats::new(terms.waiters),
            health: Health::default(),
            places: Places::new(terms.places()),
            renewals: Renewals::of(terms.lease),
            hashes: Hashes::of(&terms),
            terms,
        }
    }

    pub(crate) fn claim<'a>(
        &'a self,
        claim: &'a Claim,
    ) -> impl Future<Output = Result<Claimed, StoreError>> + use<'a, T> {
        self.in_time(claim.id, self.store.claim(claim))
    }

    pub(crate) fn step<'a>(
        &'a self,
        ticket: &'a Ticket,
        step: &'a Step,
    ) -> impl Future<Output = Result<Stepped, StoreError>> + use<'a, T> {
        self.in_time(ticket.id, self.store.step(ticket, step))
    }

    /// A store that panics is one that does not answer.
    fn in_time<A, C>(&self, id: RecordId, call: C) -> impl Future<Output = C::Output> + use<'_, T, A, C>
    where
        C: Future<Output = Result<A, StoreError>>,
    {
        Then::new(within(self.terms.store_time, Caught::new(call)), move |answer| {
            let answer = match answer {
                Ok(Some(answer)) => answer,
                Ok(None) => Err(StoreError::with_source(StoreErrorKind::Unreachable, "it panicked")),
                Err(late) => Err(StoreError::with_source(StoreErrorKind::Unreachable, late)),
            };
            if let Some(change) = self.health.note(id, &answer) {
                self.tell(Verdict::Changed, change.code());
            }
            ready(answer)
        })
    }

    /// Whether a handler runs although the store did not decide.
    pub(crate) fn may_continue(&self, error: &StoreError) -> bool {
        let is_decided = matches!(error.kind(), StoreErrorKind::Corrupt | StoreErrorKind::ScopeFull);
        self.terms.when_store_fails == WhenStoreFails::Continue && !is_decided
    }

    /// Lets work go on whatever becomes of the request that began it, and without its deadline. What is logged on the way
    /// is still the request's.
    #[expect(
        clippy::disallowed_methods,
        reason = "what goes on holds its place, and `drain` waits for places"
    )]
    pub(crate) fn spawn<A: Send + 'static>(work: impl Future<Output = A> + Send + 'static) -> JoinHandle<A> {
        let work = Context::current().without_deadline().scope(work);
        tokio::spawn(work.instrument(Span::current()))
    }

    pub(crate) async fn drain(&self, limit: Duration) -> usize {
        // It is cut short at the limit, or ends when nothing is worked on.
        let _ = tokio::time::timeout(limit, self.places.are_free()).await;
        self.places.taken()
    }

    pub(crate) fn endpoint(&self, head: &Parts) -> Option<String> {
        self.terms.endpoint.as_ref().map(|endpoint| endpoint(head))
    }

    pub(crate) fn own_stats(&self) -> &EndpointStats {
        self.own_stats.get_or_init(|| self.stats.endpoint(&self.terms.name))
    }

    pub(crate) fn tell(&self, verdict: Verdict, code: &'static str) {
        self.report(&Signal::new(LAYER, &self.terms.name, verdict, code));
    }

    /// Counts and reports a refusal.
    pub(crate) fn refused(&self, why: Refusal, stats: &EndpointStats) -> Refused {
        if let Some(event) = why.event() {
            stats.count(event);
        }
        let why = Refused::new(why);
        self.report(&Signal::refused(&why, &self.terms.name));
        why
    }

    /// An observer that panics must not cost a run its record.
    fn report(&self, signal: &Signal<'_>) {
        let _ = catch_unwind(AssertUnwindSafe(|| signal.report(self.terms.observer.as_deref())));
    }
}

impl<T: Store> fmt::Debug for Desk<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, terms, mode, seats, health, places, .. } = self;
        f.debug_struct("Desk")
            .field("name", &terms.name)
            .field("mode", mode)
            .field("store", store)
            .field("seats", seats)
            .field("health", health)
            .field("places", places)
            .finish_non_exhaustive()
    }
}
