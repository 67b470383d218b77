use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Checks, ConfigError, Key};
use parking_lot::Mutex;

use crate::builder::{BreakerBuilder, Parts, name_of_key};
use crate::circuit::now;
use crate::rules::{LAYER, Rules};
use crate::shelf::{Found, Shelf};
use crate::{Breaker, BreakerConfig, Snapshot};

const SHELVES: usize = 16;
/// Fewer keys than this share one lock, so that the limit holds exactly.
const ENOUGH_FOR_SHELVES: usize = 1_024;
const MOST_KEYS: usize = 1_000_000;

/// How many breakers a [`KeyedBreakers`] keeps, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "limits do nothing until something is built with them"]
pub struct KeyLimits {
    max_keys: usize,
    idle_after: Duration,
}

impl KeyLimits {
    /// 10,000 keys, each kept for at least 10 minutes after its last use while there is room.
    pub const fn new() -> Self {
        Self { max_keys: 10_000, idle_after: Duration::from_secs(600) }
    }

    /// The most breakers that are kept, from 1 to 1,000,000; each takes about 2 KiB.
    pub const fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }

    /// How long a breaker that is closed and quiet is kept after its last use, while there is room.
    pub const fn idle_after(mut self, time: Duration) -> Self {
        self.idle_after = time;
        self
    }
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self::new()
    }
}

/// A breaker for each key: each host, each route, each tenant.
///
/// Made by [`BreakerBuilder::keyed`]. Clones share. Bounded: for a new key a closed and quiet breaker gives way,
/// which forgets nothing but successes. If none can, because all are open, failing or in use, the key is watched by
/// [`other`](Self::other), one breaker that all keys without a place share; none of the others is ever forgotten for
/// it.
///
/// ```
/// use buttress_circuit_breaker::{Breaker, BreakerConfig, KeyLimits, KeyedBreakers, State};
/// use buttress_core::Outcome;
///
/// let config = BreakerConfig::only_consecutive_failures(1);
/// let hosts: KeyedBreakers<String> =
///     Breaker::builder("hosts").config(config).keyed(KeyLimits::new().max_keys(100))?;
/// hosts.get("a.example").try_admit()?.settle(Outcome::Failure);
/// assert_eq!(hosts.get("a.example").state(), State::Open);
/// assert_eq!(hosts.get("b.example").state(), State::Closed);
/// assert_eq!(hosts.get("a.example").name(), "hosts/a.example");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct KeyedBreakers<K>(Arc<Inner<K>>);

struct Inner<K> {
    shelves: Box<[Mutex<Shelf<K>>]>,
    /// With secrets, so that nobody can choose keys that collide.
    hasher: RandomState,
    rules: Mutex<Arc<Rules>>,
    /// Held while rules are put into force everywhere, so that two of them cannot end up mixed.
    reconfiguring: Mutex<()>,
    parts: Parts,
    idle_after: Duration,
    other: Breaker,
}

impl BreakerBuilder {
    /// Builds a breaker per key instead of one. Each is named by this builder's name, a slash and its key.
    ///
    /// Signals carry this builder's name only, so that their number of names stays small; log lines, events and
    /// snapshots carry the key.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range.
    pub fn keyed<K: Key>(self, limits: KeyLimits) -> Result<KeyedBreakers<K>, ConfigError> {
        let mut checks = Checks::of(LAYER);
        let (rules, parts) = self.checked(&mut checks);
        let KeyLimits { max_keys, idle_after } = limits;
        checks.require((1..=MOST_KEYS).contains(&max_keys), "max_keys", max_keys, "1 to 1,000,000");
        checks.finish().map(|()| KeyedBreakers::new(Arc::new(rules), parts, max_keys, idle_after))
    }
}

impl<K: Key> KeyedBreakers<K> {
    fn new(rules: Arc<Rules>, parts: Parts, max_keys: usize, idle_after: Duration) -> Self {
        // Keys spread the threads already, so each breaker counts in one place and stays small.
        let parts = Parts { shards: NonZeroUsize::MIN, ..parts };
        let shelves = if max_keys < ENOUGH_FOR_SHELVES { 1 } else { SHELVES };
        let shelf = |_| Mutex::new(Shelf::new(max_keys / shelves));
        Self(Arc::new(Inner {
            shelves: (0..shelves).map(shelf).collect(),
            hasher: RandomState::new(),
            other: Breaker::assemble(Arc::clone(&rules), parts.named(name_of_key(&parts.name, &"(other)"))),
            rules: Mutex::new(rules),
            reconfiguring: Mutex::new(()),
            parts,
            idle_after,
        }))
    }

    /// The breaker of a key, made if there is none yet; allocates nothing if there is.
    pub fn get<Q>(&self, key: &Q) -> Breaker
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let (hash, now) = (self.0.hasher.hash_one(key), now());
        let mut kept = self.shelf(hash).lock();
        match kept.find(hash, key, now) {
            Found::Here(breaker) => breaker,
            Found::Missing if kept.has_room(self.0.idle_after, now) => {
                let key = key.to_owned();
                let breaker = self.make(&key);
                kept.put(hash, key, breaker.clone(), now);
                breaker
            }
            Found::Missing | Found::Taken => self.0.other.clone(),
        }
    }

    /// The breaker of a key, if it has one of its own. Never makes one.
    pub fn find<Q>(&self, key: &Q) -> Option<Breaker>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.0.hasher.hash_one(key);
        match self.shelf(hash).lock().find(hash, key, now()) {
            Found::Here(breaker) => Some(breaker),
            Found::Missing | Found::Taken => None,
        }
    }

    /// The breaker that requests without a key share with keys that found no place.
    pub fn other(&self) -> &Breaker {
        &self.0.other
    }

    /// Every breaker, that of the others included, sorted by name.
    pub fn breakers(&self) -> Vec<Breaker> {
        let mut breakers = vec![self.0.other.clone()];
        for shelf in &self.0.shelves {
            breakers.extend(shelf.lock().breakers().cloned());
        }
        breakers.sort_by(|one, other| one.name().cmp(other.name()));
        breakers
    }

    /// What can be known of every breaker now, sorted by name.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        self.breakers().iter().map(Breaker::snapshot).collect()
    }

    /// Whether every breaker is closed or disabled.
    pub fn all_healthy(&self) -> bool {
        let healthy = |breaker: &Breaker| breaker.state().is_healthy();
        healthy(&self.0.other) && self.0.shelves.iter().all(|shelf| shelf.lock().breakers().all(healthy))
    }

    /// How many keys have a breaker of their own.
    pub fn len(&self) -> usize {
        self.0.shelves.iter().map(|shelf| shelf.lock().len()).sum()
    }

    /// Whether no key has a breaker of its own.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets every closed and quiet breaker that has been idle for long enough. New keys do the same, bit by bit.
    pub fn purge(&self) {
        let now = now();
        for shelf in &self.0.shelves {
            shelf.lock().purge(self.0.idle_after, now);
        }
    }

    /// Puts other settings into force for every key, those to come included.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range; the old ones stay in force then.
    pub fn reconfigure(&self, config: &BreakerConfig) -> Result<(), ConfigError> {
        let rules = Arc::new(Rules::of(config)?);
        let _one_at_a_time = self.0.reconfiguring.lock();
        *self.0.rules.lock() = rules;
        self.breakers().iter().try_for_each(|breaker| breaker.reconfigure(config))
    }

    fn make(&self, key: &K) -> Breaker {
        let parts = &self.0.parts;
        let rules = Arc::clone(&self.0.rules.lock());
        Breaker::assemble(rules, parts.named(name_of_key(&parts.name, key)))
    }

    fn shelf(&self, hash: u64) -> &Mutex<Shelf<K>> {
        // The lowest and the highest bits choose the place within the shelf.
        let number = usize::try_from((hash >> 32) & 0xffff).unwrap_or_default();
        &self.0.shelves[number % self.0.shelves.len()]
    }
}

impl<K> Clone for KeyedBreakers<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> fmt::Debug for KeyedBreakers<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedBreakers").field("name", &self.0.parts.name).finish_non_exhaustive()
    }
}
