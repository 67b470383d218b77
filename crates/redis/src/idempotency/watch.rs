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
    /// Grows with everything that is learnt or suspected, so that what was seen before it is known to be old.
    version: u64,
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
        state.version += 1;
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

    /// To be asked before a look, for [`learn`](Self::learn).
    pub(super) fn version(&self) -> u64 {
        self.state.lock().version
    }

    /// Takes in what was seen by a look that began at that version, and tells what is new.
    pub(super) fn learn(&self, survey: Survey, began: u64, now: Instant) {
        let news = self.state.lock().learn(survey, began, now, &self.terms);
        self.terms.tell(&news);
    }
}

impl State {
    fn learn(&mut self, survey: Survey, began: u64, now: Instant, terms: &Terms) -> News {
        let is_old = began != self.version;
        if is_old && self.seen {
            return News::default();
        }
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
        (self.seen, self.suspected) = (true, is_old);
        self.version += 1;
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

#[cfg(test)]
mod tests {
    use super::super::survey::Server;
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn watch(accept_eviction: bool) -> Watch {
        let terms = Terms {
            name: "test".into(),
            observer: None,
            look_every: 10 * SECOND,
            accept_eviction,
            refuse_after_loss: 5 * SECOND,
        };
        Watch::new(terms)
    }

    fn seen(server: &str, eviction: &Eviction, mark: &str) -> Survey {
        let server = (server.to_owned(), Server { eviction: eviction.clone(), append_only: Some(true) });
        let marks_now = BTreeMap::from([("mark".to_owned(), mark.to_owned())]);
        Survey { servers: BTreeMap::from([server]), marks: marks_now.clone(), marks_now }
    }

    fn now() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    #[test]
    fn every_claim_looks_first_until_one_has_seen_the_server_and_then_one_in_each_interval() {
        let (watch, start) = (watch(false), now());
        assert_eq!([(); 2].map(|()| watch.turn(false, start)), [Turn::Before; 2]);
        watch.learn(seen("a", &Eviction::Never, "1"), watch.version(), start);
        assert_eq!(watch.turn(false, start + 9 * SECOND), Turn::Pass);
        let due = start + 10 * SECOND;
        assert_eq!([(); 2].map(|()| watch.turn(false, due)), [Turn::Beside, Turn::Pass]);
    }

    #[test]
    fn after_a_failure_every_claim_looks_at_a_server_and_one_a_second_at_a_cluster() {
        for (is_cluster, turns) in [(false, [Turn::Before; 3]), (true, [Turn::Try, Turn::Pass, Turn::Try])] {
            let (watch, start) = (watch(false), now());
            watch.learn(seen("a", &Eviction::Never, "1"), watch.version(), start);
            watch.suspect();
            watch.suspect();
            let after = [Duration::ZERO, SECOND / 2, SECOND];
            assert_eq!(after.map(|after| watch.turn(is_cluster, start + after)), turns, "{is_cluster}");
            watch.learn(seen("a", &Eviction::Never, "1"), watch.version(), start);
            assert_eq!(watch.turn(is_cluster, start), Turn::Pass, "{is_cluster}");
        }
    }

    #[test]
    fn what_was_seen_before_the_latest_news_changes_nothing() {
        let (watch, start) = (watch(false), now());
        let slow = watch.version();
        watch.learn(seen("a", &Eviction::Never, "1"), watch.version(), start);
        let slower = watch.version();
        watch.learn(seen("b", &Eviction::Never, "2"), watch.version(), start);
        for began in [slow, slower] {
            watch.learn(seen("a", &Eviction::Never, "1"), began, start);
        }
        watch.learn(seen("b", &Eviction::Never, "2"), watch.version(), start);
        assert_eq!((watch.health().losses, watch.health().restarts), (1, 1));
        // Nor does what was seen before a failure make up for it.
        let began = watch.version();
        watch.suspect();
        watch.learn(seen("b", &Eviction::Never, "2"), began, start);
        assert_eq!(watch.turn(false, start), Turn::Before);
    }

    #[test]
    fn claims_are_refused_while_a_server_evicts_and_for_a_while_after_a_loss() {
        let start = now();
        let policy = Eviction::Policy("allkeys-lru".to_owned());
        for (accept, eviction, refused) in
            [(false, &policy, true), (true, &policy, false), (false, &Eviction::Unknown, false)]
        {
            let watch = watch(accept);
            watch.learn(seen("a", eviction, "1"), watch.version(), start);
            assert_eq!(watch.admits(start).is_err(), refused, "{eviction:?}");
        }
        let watch = watch(false);
        watch.learn(seen("a", &Eviction::Never, "1"), watch.version(), start);
        assert_eq!(watch.admits(start), Ok(()), "nothing was lost at the start");
        watch.learn(seen("a", &Eviction::Never, "2"), watch.version(), start);
        assert_eq!(watch.admits(start + 4 * SECOND), Err(Unfit::LostData));
        assert_eq!(watch.admits(start + 5 * SECOND), Ok(()));
    }
}
