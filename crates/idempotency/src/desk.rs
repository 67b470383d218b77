use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Context, Entropy, ModeSwitch, Observer, Refused, Signal, Verdict};
use http::request::Parts;
use http::{HeaderName, Method, StatusCode};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::rejection::LAYER;
use crate::{
    Claim, Claimed, Ending, EndpointStats, Refusal, Stats, Step, Stepped, Store, StoreError, StoreErrorKind,
    Ticket, WhenAbandoned, WhenStoreFails,
};

/// Writes a request's caller into what it is given; false if there is none.
pub(crate) type ScopeOf = Arc<dyn Fn(&Parts, &mut Vec<u8>) -> bool + Send + Sync>;
/// The endpoint of a request, as a pattern.
pub(crate) type EndpointOf = Arc<dyn Fn(&Parts) -> String + Send + Sync>;

/// The settings of a layer.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) name: Arc<str>,
    pub(crate) scope: Option<ScopeOf>,
    pub(crate) endpoint: Option<EndpointOf>,
    pub(crate) secret: Arc<[u8]>,
    pub(crate) methods: Arc<[Method]>,
    pub(crate) is_required: bool,
    pub(crate) key: HeaderName,
    pub(crate) replayed: HeaderName,
    pub(crate) dropped: Arc<[HeaderName]>,
    pub(crate) ending: fn(StatusCode) -> Ending,
    pub(crate) retain: Duration,
    pub(crate) lease: Duration,
    pub(crate) longest: Duration,
    pub(crate) store_time: Duration,
    pub(crate) body_time: Duration,
    pub(crate) request_limit: u64,
    pub(crate) response_limit: u64,
    pub(crate) max_requests: usize,
    pub(crate) when_abandoned: WhenAbandoned,
    pub(crate) when_store_fails: WhenStoreFails,
    pub(crate) entropy: Entropy,
    pub(crate) observer: Option<Arc<dyn Observer>>,
}

/// What all services of a layer share.
pub(crate) struct Desk<T> {
    pub(crate) store: Arc<T>,
    pub(crate) terms: Terms,
    pub(crate) mode: ModeSwitch,
    pub(crate) stats: Stats,
    places: Arc<watch::Sender<usize>>,
    // The tasks hold the desk, so that it goes after the last of them and aborts none.
    tasks: Mutex<JoinSet<()>>,
}

impl<T: Store> Desk<T> {
    pub(crate) fn new(store: Arc<T>, terms: Terms, mode: ModeSwitch) -> Self {
        let (stats, tasks) = (Stats::default(), Mutex::default());
        Self { store, terms, mode, stats, places: Arc::default(), tasks }
    }

    pub(crate) async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.in_time(self.store.claim(claim)).await
    }

    pub(crate) async fn step(&self, ticket: &Ticket, step: &Step) -> Result<Stepped, StoreError> {
        self.in_time(self.store.step(ticket, step)).await
    }

    async fn in_time<A>(&self, call: impl Future<Output = Result<A, StoreError>>) -> Result<A, StoreError> {
        let answer = tokio::time::timeout(self.terms.store_time, call).await;
        answer.unwrap_or_else(|late| Err(StoreError::with_source(StoreErrorKind::Unreachable, late)))
    }

    /// Lets work go on whatever becomes of the request that began it, and without its deadline.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let work = Context::current().without_deadline().scope(work);
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work);
    }

    pub(crate) fn place(&self) -> Option<Place> {
        let taken = self.places.send_if_modified(|taken| {
            let is_free = *taken < self.terms.max_requests;
            *taken += usize::from(is_free);
            is_free
        });
        taken.then(|| Place(Arc::clone(&self.places)))
    }

    pub(crate) async fn drain(&self, limit: Duration) -> usize {
        let mut places = self.places.subscribe();
        // It is cut short at the limit or ends at zero; the sender lives as long as `self`.
        let _ = tokio::time::timeout(limit, places.wait_for(|taken| *taken == 0)).await;
        *self.places.borrow()
    }

    pub(crate) fn endpoint(&self, head: &Parts) -> EndpointStats {
        match &self.terms.endpoint {
            Some(endpoint) => self.stats.endpoint(&endpoint(head)),
            None => self.stats.endpoint(&self.terms.name),
        }
    }

    pub(crate) fn tell(&self, verdict: Verdict, code: &'static str) {
        Signal::new(LAYER, &self.terms.name, verdict, code).report(self.terms.observer.as_deref());
    }

    /// Counts and reports a refusal.
    pub(crate) fn refused(&self, why: Refusal, stats: &EndpointStats) -> Refused {
        if let Some(event) = why.event() {
            stats.count(event);
        }
        let why = Refused::new(why);
        Signal::refused(&why, &self.terms.name).report(self.terms.observer.as_deref());
        why
    }
}

/// One of the places for requests with keys; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<watch::Sender<usize>>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.send_modify(|taken| *taken -= 1);
    }
}

impl<T: Store> fmt::Debug for Desk<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, terms, mode, places, .. } = self;
        f.debug_struct("Desk")
            .field("name", &terms.name)
            .field("mode", mode)
            .field("store", store)
            .field("places_taken", &*places.borrow())
            .finish_non_exhaustive()
    }
}
