use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use buttress_core::{Observer, Signal, Verdict};
use parking_lot::Mutex;

use super::failure::Unfit;
use super::health::{Eviction, Health};
use super::survey::Survey;

/// Keeps an eye on the server: whether it may evict, and whether it still has its data.
pub(super) struct Watch {
    terms: Terms,
    state: Mutex<State>,
}

/// What a store is told about this.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) name: Arc<str>,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) look_every: Duration,
    pub(super) accept_eviction: bool,
    pub(super) refuse_after_loss: Duration,
}

/// Whether a claim looks at the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Somebody did lately.
    Pass,
    /// At the same time; what is found counts for the next ones.
    Beside,
    /// Before it asks, and it does not ask if that fails.
    Before,
    /// Before it asks; but if that fails, it asks all the same.
    Try,
}

/// How often one claim tries to look at a Cluster of which a part may be gone.
const TRY_EVERY: Duration = Duration::from_secs(1);

#[derive(Default)]
struct State {
    /// Whether the server was ever seen.
    seen: bool,
    /// Whether a call has failed since.
    suspected: bool,
    next_look: Option<Instant>,
    servers: BTreeSet<String>,
    marks: BTreeMap<String, String>,
    refuse_until: Option<Instant>,
    health: Health,
}

/// What a look has brought to light.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct News {
    lost: bool,
    restarted: bool,
    eviction: Option<Eviction>,
}

impl Watch {
    pub(super) fn new(terms: Terms) -> Self {
        Self { terms, state: Mutex::default() }
    }

    /// Whether it is the turn of this claim to look.
    ///
    /// A single server that was gone is looked at by every claim until one has seen it: it is no longer way than the
    /// claim's own. Of a Cluster, the server that is gone may not be the claim's, so one claim a second tries.
    pub(super) fn turn(&self, is_cluster: bool, now: Instant) -> Turn {
        let mut state = self.state.lock();
        if !state.seen || (state.suspected && !is_cluster) {
            return Turn::Before;
        }
        if state.next_look.is_some_and(|next| now < next) {
            return Turn::Pass;
        }
        let (turn, again) =
            if state.suspected { (Turn::Try, TRY_EVERY) } else { (Turn::Beside, self.terms.look_every) };
        state.next_look = now.checked_add(again);
        turn
    }

    /// A call has failed: who answers next may be another, or have lost its data.
    pub(super) fn suspect(&self) {
        let mut state = self.state.lock();
        if !state.suspected {
            (state.suspected, state.next_look) = (true, None);
        }
    }

    /// Whether claims may be made.
    pub(super) fn admits(&self, now: Instant) -> Result<(), Unfit> {
        let state = self.state.lock();
        if let (Eviction::Policy(policy), false) = (&state.health.eviction, self.terms.accept_eviction) {
            return Err(Unfit::Evicts { policy: policy.clone() });
        }
        if state.refuse_until.is_some_and(|until| now < until) {
            return Err(Unfit::LostData);
        }
        Ok(())
    }

    pub(super) fn health(&self) -> Health {
        self.state.lock().health.clone()
    }

    /// Takes in what was seen, and tells what is new.
    pub(super) fn learn(&self, survey: Survey, now: Instant) {
        let news = self.state.lock().learn(survey, now, &self.terms);
        self.terms.tell(&news);
    }
}

impl State {
    fn learn(&mut self, survey: Survey, now: Instant, terms: &Terms) -> News {
        let gone = |(name, mark): (&String, &String)| survey.marks.get(name) != Some(mark);
        let lost = self.marks.iter().any(gone);
        let servers: BTreeSet<String> = survey.servers.keys().cloned().collect();
        let restarted = !self.servers.is_empty() && !servers.is_subset(&self.servers);
        let eviction = worst(survey.servers.values().map(|server| &server.eviction));
        let news =
            News { lost, restarted, eviction: (eviction != self.health.eviction).then(|| eviction.clone()) };
        self.health = Health {
            eviction,
            append_only: survey.servers.values().map(|server| server.append_only).min().flatten(),
            losses: self.health.losses + u64::from(lost),
            restarts: self.health.restarts + u64::from(restarted),
        };
        if lost {
            self.refuse_until = now.checked_add(terms.refuse_after_loss);
        }
        (self.seen, self.suspected) = (true, false);
        (self.servers, self.marks) = (servers, survey.marks_now);
        self.next_look = now.checked_add(terms.look_every);
        news
    }
}

/// One that evicts is enough; else one that does not say.
fn worst<'a>(evictions: impl Iterator<Item = &'a Eviction>) -> Eviction {
    let rank = |eviction: &&Eviction| match eviction {
        Eviction::Never => 0,
        Eviction::Unknown => 1,
        Eviction::Policy(_) => 2,
    };
    evictions.max_by_key(rank).cloned().unwrap_or_default()
}

impl Terms {
    fn tell(&self, news: &News) {
        let store = &*self.name;
        if news.lost {
            tracing::error!(store, "the server has lost idempotency records; operations may run again");
            self.signal("idempotency_data_lost");
        }
        if news.restarted {
            tracing::warn!(
                store,
                "another server answers, or it was started again; late records may be lost"
            );
            self.signal("idempotency_store_restarted");
        }
        match &news.eviction {
            Some(Eviction::Policy(policy)) if self.accept_eviction => {
                tracing::warn!(store, policy, "the server may evict idempotency records");
            }
            Some(Eviction::Policy(policy)) => {
                tracing::error!(
                    store,
                    policy,
                    "the server may evict idempotency records; claims are refused"
                );
                self.signal("idempotency_store_evicts");
            }
            Some(Eviction::Unknown) => {
                tracing::warn!(store, "the server does not say whether it evicts idempotency records");
            }
            Some(Eviction::Never) | None => {}
        }
    }

    fn signal(&self, code: &'static str) {
        Signal::new("idempotency", &self.name, Verdict::Changed, code).report(self.observer.as_deref());
    }
}

impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, observer, look_every, accept_eviction, refuse_after_loss } = self;
        f.debug_struct("Terms")
            .field("name", name)
            .field("observer", &observer.is_some())
            .field("look_every", look_every)
            .field("accept_eviction", accept_eviction)
            .field("refuse_after_loss", refuse_after_loss)
            .finish()
    }
}
