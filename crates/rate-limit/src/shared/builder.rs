use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use buttress_core::{Checks, ConfigError, Entropy, Observer};
use parking_lot::Mutex;

use crate::epoch::{Epoch, nanos};
use crate::local::check_slots;
use crate::shared::book::Book;
use crate::shared::core::Core;
use crate::shared::errands::Errands;
use crate::shared::gone::StandIn;
use crate::shared::outage::Outage;
use crate::shared::spot::Rules;
use crate::shared::stats::Counters;
use crate::{HashKey, SharedTier, Store, Table, WhenGone};

const LAYER: &str = "rate limit";
const MAX_NODES: u32 = 10_000;
const MAX_KEYS: usize = 1 << 20;
const SHORTEST_BUDGET: Duration = Duration::from_millis(1);
const LONGEST_BUDGET: Duration = Duration::from_secs(10);
const LONGEST_MEMORY: Duration = Duration::from_secs(3_600);

/// When a node takes units of a key in advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leases(Option<u32>);

impl Leases {
    /// For keys with more calls per second than this, on one node, measured over the last half second.
    pub const fn above(calls_per_second: u32) -> Self {
        Self(Some(calls_per_second))
    }

    /// Never: each admitted request is a call to the store, and no window of time has more than an exact limiter's.
    pub const fn off() -> Self {
        Self(None)
    }
}

impl Default for Leases {
    /// Above 20 calls per second.
    fn default() -> Self {
        Self::above(20)
    }
}

/// The settings of a [`SharedTier`].
///
/// | option | default | range | effect |
/// |---|---|---|---|
/// | [`hash_secret`](Self::hash_secret) | must be set | 16 bytes or more | by what keys are hashed; the same on all nodes |
/// | [`nodes`](Self::nodes) | must be set | 1 to 10,000 | by how many the stand-in and the leases divide |
/// | [`time_budget`](Self::time_budget) | 50 ms | 1 ms to 10 s | how long a request waits for the store |
/// | [`when_gone`](Self::when_gone) | a local share | | who decides without the store |
/// | [`leases`](Self::leases) | above 20 calls/s | | which keys are paid in advance |
/// | [`remember_for`](Self::remember_for) | 10 s | 0 to 1 hour | how long the store's word can refuse here |
/// | [`keys`](Self::keys) | 8,192 | 8 to 1,048,576 | keys that can have a lease or be remembered, about 300 bytes each |
/// | [`slots`](Self::slots) | that of a local table | 1 to 268,435,456 | keys in the table of the local share |
/// | [`name`](Self::name) | `shared` | | what logs and signals call it |
#[must_use]
pub struct SharedTierBuilder<S> {
    store: S,
    secret: Vec<u8>,
    nodes: u32,
    time_budget: Duration,
    when_gone: WhenGone,
    leases: Leases,
    remember_for: Duration,
    keys: usize,
    slots: usize,
    name: Arc<str>,
    entropy: Entropy,
    observer: Option<Arc<dyn Observer>>,
}

impl<S: Store> SharedTierBuilder<S> {
    pub(super) fn new(store: S) -> Self {
        Self {
            store,
            secret: Vec::new(),
            nodes: 0,
            time_budget: Duration::from_millis(50),
            when_gone: WhenGone::default(),
            leases: Leases::default(),
            remember_for: Duration::from_secs(10),
            keys: 8_192,
            slots: Table::DEFAULT_SLOTS,
            name: "shared".into(),
            entropy: Entropy::system(),
            observer: None,
        }
    }

    /// The secret under which keys are hashed before they leave the process; every node needs the same one.
    ///
    /// At least 16 bytes, from a generator. Another secret is another set of keys: all quotas start anew.
    pub fn hash_secret(self, secret: impl AsRef<[u8]>) -> Self {
        Self { secret: secret.as_ref().to_vec(), ..self }
    }

    /// How many processes share the limits, at the most expected. 1 to 10,000.
    ///
    /// With too small a number, leases may hold more than half a burst, and an outage admits more than the quotas say.
    pub fn nodes(self, nodes: u32) -> Self {
        Self { nodes, ..self }
    }

    /// How long a request waits for the store. Default: 50 ms. 1 ms to 10 s.
    pub fn time_budget(self, limit: Duration) -> Self {
        Self { time_budget: limit, ..self }
    }

    /// Who decides when the store is gone. Default: each node by its share.
    pub fn when_gone(self, choice: WhenGone) -> Self {
        Self { when_gone: choice, ..self }
    }

    /// Which keys are paid in advance. Default: those with more than 20 calls per second on this node.
    pub fn leases(self, leases: Leases) -> Self {
        Self { leases, ..self }
    }

    /// How long what the store said last can refuse a request here. Default: 10 s. 0 to 1 hour.
    ///
    /// Units that come back to the store by other ways than time, such as refunds on other nodes, are noticed after
    /// that time at the latest.
    pub fn remember_for(self, memory: Duration) -> Self {
        Self { remember_for: memory, ..self }
    }

    /// For how many keys there is room, rounded up to a power of two. Default: 8,192. 8 to 1,048,576.
    ///
    /// A key without room is decided by the store alone.
    pub fn keys(self, keys: usize) -> Self {
        Self { keys, ..self }
    }

    /// For how many keys the table of the local share has room. Default: [`Table::DEFAULT_SLOTS`].
    pub fn slots(self, slots: usize) -> Self {
        Self { slots, ..self }
    }

    /// What logs and signals call it. Default: `shared`.
    pub fn name(self, name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The chance by which probes are spread. Default: the system's.
    pub fn entropy(self, entropy: Entropy) -> Self {
        Self { entropy, ..self }
    }

    /// Hears when the store is lost (`rate_limit_store_gone`) and when it is back (`rate_limit_store_back`).
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self }
    }

    /// Makes the tier.
    ///
    /// # Errors
    ///
    /// Every setting that cannot be used.
    pub fn build(self) -> Result<SharedTier<S>, ConfigError> {
        let mut checks = Checks::of(LAYER);
        let hash_key = checks.absorb(HashKey::from_secret(&self.secret));
        self.check(&mut checks);
        checks.finish_with(hash_key.map(|hash_key| SharedTier::new(self.core(hash_key))))
    }

    fn check(&self, checks: &mut Checks) {
        let Self { nodes, time_budget, remember_for, keys, .. } = self;
        checks.require(
            (1..=MAX_NODES).contains(nodes),
            "nodes",
            nodes,
            "1 to 10000, the processes that share the limits",
        );
        let fits = (SHORTEST_BUDGET..=LONGEST_BUDGET).contains(time_budget);
        checks.require(fits, "time_budget", format_args!("{time_budget:?}"), "1 ms to 10 s");
        checks.require(
            *remember_for <= LONGEST_MEMORY,
            "remember_for",
            format_args!("{remember_for:?}"),
            "0 to 1 hour",
        );
        checks.require((Book::LEAST..=MAX_KEYS).contains(keys), "keys", keys, "8 to 1048576");
        check_slots(self.slots, checks);
    }

    fn core(self, hash_key: HashKey) -> Core<S> {
        Core {
            store: self.store,
            name: self.name,
            hash_key,
            epoch: Epoch::at(tokio::time::Instant::now().into_std()),
            nodes: self.nodes,
            rules: Rules { lease_above: self.leases.0, memory: nanos(self.remember_for) },
            time_budget: self.time_budget,
            book: Book::new(self.keys),
            errands: Errands::default(),
            stand_in: StandIn::new(self.when_gone, self.nodes, self.slots),
            outage: Mutex::new(Outage::Up { failures: 0 }),
            down: AtomicBool::new(false),
            counters: Counters::default(),
            garbage_told: AtomicBool::new(false),
            entropy: self.entropy,
            observer: self.observer,
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for SharedTierBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedTierBuilder")
            .field("store", &self.store)
            .field("nodes", &self.nodes)
            .field("time_budget", &self.time_budget)
            .field("when_gone", &self.when_gone)
            .field("leases", &self.leases)
            .finish_non_exhaustive()
    }
}
