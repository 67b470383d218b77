use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::mem;
use std::sync::Arc;

use buttress_core::{Checks, ConfigError, Key, ModeSwitch};
use parking_lot::Mutex;

use crate::builder::{BulkheadBuilder, name_of_key};
use crate::limit::Limit;
use crate::rules::{LAYER, Rules};
use crate::shelf::{Found, Shelf};
use crate::{Bulkhead, Snapshot};

const SHELVES: usize = 16;
/// Fewer keys than this share one lock, so that the limit holds exactly.
const ENOUGH_FOR_SHELVES: usize = 1_024;
const MOST_KEYS: usize = 1_000_000;

/// How many bulkheads a [`KeyedBulkheads`] keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "limits do nothing until something is built with them"]
pub struct KeyLimits {
    max_keys: usize,
}

impl KeyLimits {
    /// 10,000 keys.
    pub const fn new() -> Self {
        Self { max_keys: 10_000 }
    }

    /// The most bulkheads that are kept, from 1 to 1,000,000; each takes about 300 bytes, and its key.
    pub const fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self::new()
    }
}

/// A bulkhead for each key: each host, each route, each tenant.
///
/// Made by [`BulkheadBuilder::keyed`]. Clones share. Bounded: for a new key an idle bulkhead gives way, one of which
/// nobody holds a permit, a place in the queue or a handle. If none is found, the key shares
/// [`other`](Self::other) with all keys in that position: one bulkhead with the limit of one key, so that a flood of
/// keys gets no more than one key would.
///
/// ```
/// use buttress_bulkhead::{Bulkhead, KeyLimits, KeyedBulkheads};
///
/// let hosts: KeyedBulkheads<String> =
///     Bulkhead::builder("hosts").max_concurrent(1).keyed(KeyLimits::new().max_keys(100))?;
/// let permit = hosts.get("a.example").try_acquire()?;
/// assert!(hosts.get("a.example").try_acquire().is_err());
/// assert!(hosts.get("b.example").try_acquire().is_ok());
/// assert_eq!(hosts.get("a.example").name(), "hosts/a.example");
/// # drop(permit);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct KeyedBulkheads<K>(Arc<Inner<K>>);

struct Inner<K> {
    shelves: Box<[Mutex<Shelf<K>>]>,
    /// With secrets, so that nobody can choose keys that collide.
    hasher: RandomState,
    name: Arc<str>,
    rules: Arc<Rules>,
    /// That of a new key; read under the lock of a shelf.
    limit: Mutex<Limit>,
    /// Held while a limit is put into force everywhere, so that two of them cannot end up mixed.
    changing: Mutex<()>,
    other: Bulkhead,
}

impl BulkheadBuilder {
    /// Builds a bulkhead per key instead of one. Each is named by this builder's name, a slash and its key.
    ///
    /// Signals carry this builder's name only, so that their number of names stays small; refusals, log lines and
    /// snapshots carry the key.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range.
    pub fn keyed<K: Key>(self, limits: KeyLimits) -> Result<KeyedBulkheads<K>, ConfigError> {
        let mut checks = Checks::of(LAYER);
        let (name, limit, rules) = self.checked(&mut checks);
        let max_keys = limits.max_keys;
        checks.require((1..=MOST_KEYS).contains(&max_keys), "max_keys", max_keys, "1 to 1,000,000");
        checks.finish().map(|()| KeyedBulkheads::new(name, limit, Arc::new(rules), max_keys))
    }
}

impl<K: Key> KeyedBulkheads<K> {
    fn new(name: Arc<str>, limit: Limit, rules: Arc<Rules>, max_keys: usize) -> Self {
        let shelves = if max_keys < ENOUGH_FOR_SHELVES { 1 } else { SHELVES };
        let shelf = |_| Mutex::new(Shelf::new(max_keys / shelves));
        Self(Arc::new(Inner {
            shelves: (0..shelves).map(shelf).collect(),
            hasher: RandomState::new(),
            other: Bulkhead::assemble(name_of_key(&name, &"(other)"), limit, Arc::clone(&rules)),
            name,
            rules,
            limit: Mutex::new(limit),
            changing: Mutex::new(()),
        }))
    }

    /// The bulkhead of a key, made if there is none yet; allocates nothing if there is.
    ///
    /// A handle that is kept keeps the bulkhead in its place.
    pub fn get<Q>(&self, key: &Q) -> Bulkhead
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let hash = self.0.hasher.hash_one(key);
        let mut kept = self.shelf(hash).lock();
        match kept.find(hash, key) {
            Found::Here(bulkhead) => bulkhead,
            Found::Missing if kept.has_room() => {
                let key = key.to_owned();
                let bulkhead = self.make(&key);
                kept.put(hash, key, bulkhead.clone());
                bulkhead
            }
            Found::Missing | Found::Taken => self.0.other.clone(),
        }
    }

    /// The bulkhead of a key, if it has one of its own. Never makes one.
    pub fn find<Q>(&self, key: &Q) -> Option<Bulkhead>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.0.hasher.hash_one(key);
        match self.shelf(hash).lock().find(hash, key) {
            Found::Here(bulkhead) => Some(bulkhead),
            Found::Missing | Found::Taken => None,
        }
    }

    /// The bulkhead that requests without a key share with keys that found no place.
    pub fn other(&self) -> &Bulkhead {
        &self.0.other
    }

    /// Every bulkhead, that of the others included, sorted by name.
    pub fn bulkheads(&self) -> Vec<Bulkhead> {
        let mut bulkheads = vec![self.0.other.clone()];
        for shelf in &self.0.shelves {
            bulkheads.extend(shelf.lock().bulkheads().cloned());
        }
        bulkheads.sort_by(|one, other| one.name().cmp(other.name()));
        bulkheads
    }

    /// What can be known of every bulkhead now, sorted by name.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        self.bulkheads().iter().map(Bulkhead::snapshot).collect()
    }

    /// How many keys have a bulkhead of their own.
    pub fn len(&self) -> usize {
        self.0.shelves.iter().map(|shelf| shelf.lock().len()).sum()
    }

    /// Whether no key has a bulkhead of its own.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets every idle bulkhead. New keys do the same, bit by bit, once all places are taken.
    pub fn purge(&self) {
        for shelf in &self.0.shelves {
            shelf.lock().purge();
        }
    }

    /// Lets more or fewer calls of each key run at once, of those to come included. It is logged and signalled once,
    /// not for each key.
    ///
    /// # Errors
    ///
    /// If it is not from 1 to 1,000,000; the old limits stay in force then.
    pub fn set_max_concurrent(&self, calls: u32) -> Result<(), ConfigError> {
        let mut checks = Checks::of(LAYER);
        let limit = Limit::checked(calls, &mut checks);
        checks.finish()?;
        let _one_at_a_time = self.0.changing.lock();
        // First for those to come, so that none is made with the old limit after the others have the new one.
        let before = mem::replace(&mut *self.0.limit.lock(), limit).get();
        let changed = self.bulkheads().iter().filter(|bulkhead| bulkhead.set_limit(limit) != calls).count();
        // Told once: how many keys there are may be up to strangers.
        if changed > 0 || before != calls {
            self.0.rules.limit_changed(&self.0.name, before, calls);
        }
        Ok(())
    }

    /// The switch between enforce, observe and off, for all of them.
    pub fn mode(&self) -> &ModeSwitch {
        &self.0.rules.mode
    }

    fn make(&self, key: &K) -> Bulkhead {
        let limit = *self.0.limit.lock();
        Bulkhead::assemble(name_of_key(&self.0.name, key), limit, Arc::clone(&self.0.rules))
    }

    fn shelf(&self, hash: u64) -> &Mutex<Shelf<K>> {
        // The lowest and the highest bits choose the place within the shelf.
        let number = usize::try_from((hash >> 32) & 0xffff).unwrap_or_default();
        &self.0.shelves[number % self.0.shelves.len()]
    }
}

impl<K> Clone for KeyedBulkheads<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> fmt::Debug for KeyedBulkheads<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedBulkheads").field("name", &self.0.name).finish_non_exhaustive()
    }
}
