use std::collections::BTreeSet;
use std::fmt;

use parking_lot::Mutex;

use crate::KeyHash;
use crate::shared::spot::Spot;

/// Spots that share a lock, and compete for room.
const WAYS: usize = 8;

/// What this node knows of the keys it was asked for last: a fixed number of spots.
///
/// A key that finds no room goes on without one: it gets no lease, and its refusals are not remembered.
pub(super) struct Book {
    sets: Box<[Mutex<[Spot; WAYS]>]>,
    /// Keys with leases, for those who look after them.
    leased: Mutex<BTreeSet<u128>>,
}

impl Book {
    /// The fewest keys it can hold.
    pub(super) const LEAST: usize = WAYS;

    /// Room for so many keys, rounded up to a power of two.
    pub(super) fn new(keys: usize) -> Self {
        let sets = keys.div_ceil(WAYS).next_power_of_two();
        Self { sets: (0..sets).map(|_| Mutex::default()).collect(), leased: Mutex::default() }
    }

    /// Works on the spot of a key, made if there is room.
    pub(super) fn with<T>(&self, key: KeyHash, work: impl FnOnce(&mut Spot) -> T) -> Option<T> {
        let mut set = self.set(key).lock();
        let known = set.iter().position(|spot| spot.is_for(key));
        let place = known.or_else(|| {
            let ranked = set.iter().enumerate().filter_map(|(place, spot)| Some((spot.rank()?, place)));
            ranked.min().map(|(_, place)| place)
        })?;
        let spot = &mut set[place];
        if known.is_none() {
            *spot = Spot::new(key);
        }
        Some(work(spot))
    }

    /// Works on the spot of a key, if it has one.
    pub(super) fn with_known<T>(&self, key: KeyHash, work: impl FnOnce(&mut Spot) -> T) -> Option<T> {
        self.set(key).lock().iter_mut().find(|spot| spot.is_for(key)).map(work)
    }

    /// Adds a key to those that have leases.
    pub(super) fn list(&self, key: KeyHash) {
        self.leased.lock().insert(key.to_bits());
    }

    /// Looks at every key that has a lease; those for which `work` answers no are no longer listed.
    pub(super) fn for_each_leased(&self, mut work: impl FnMut(KeyHash, &mut Spot) -> bool) {
        let keys: Vec<u128> = self.leased.lock().iter().copied().collect();
        for bits in keys {
            let key = KeyHash::from_bits(bits);
            if !self.with_known(key, |spot| work(key, spot)).unwrap_or(false) {
                self.leased.lock().remove(&bits);
            }
        }
    }

    /// Whether any key has a lease.
    pub(super) fn has_leases(&self) -> bool {
        !self.leased.lock().is_empty()
    }

    fn set(&self, key: KeyHash) -> &Mutex<[Spot; WAYS]> {
        let bits = usize::try_from(key.to_bits() & u128::from(u32::MAX)).unwrap_or(0);
        &self.sets[bits & (self.sets.len() - 1)]
    }
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book").field("keys", &(self.sets.len() * WAYS)).finish_non_exhaustive()
    }
}
