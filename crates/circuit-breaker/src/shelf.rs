use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::{Duration, Instant};

use crate::Breaker;

/// How many breakers one look for room considers: enough to find an idle one, few enough to be cheap.
const LOOKS: usize = 8;

/// The breakers of some keys, at most so many, found by the hash of the key.
#[derive(Debug)]
pub(crate) struct Shelf<K> {
    places: Vec<Place<K>>,
    /// The hash was made with a secret, so it may be used as it is.
    by_hash: HashMap<u64, usize, BuildHasherDefault<AsItIs>>,
    capacity: usize,
    hand: usize,
}

#[derive(Debug)]
struct Place<K> {
    hash: u64,
    key: K,
    breaker: Breaker,
    used: Instant,
}

/// What a look-up finds.
pub(crate) enum Found {
    Here(Breaker),
    /// Not here, and it may be put here.
    Missing,
    /// Another key with the same hash is here.
    Taken,
}

impl<K> Shelf<K> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { places: Vec::new(), by_hash: HashMap::default(), capacity, hand: 0 }
    }

    pub(crate) fn find<Q>(&mut self, hash: u64, key: &Q, now: Instant) -> Found
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let Some(place) = self.by_hash.get(&hash).and_then(|place| self.places.get_mut(*place)) else {
            return Found::Missing;
        };
        if place.key.borrow() != key {
            return Found::Taken;
        }
        place.used = now;
        Found::Here(place.breaker.clone())
    }

    /// Puts a breaker here for a key that is missing; the caller has made sure of room.
    pub(crate) fn put(&mut self, hash: u64, key: K, breaker: Breaker, now: Instant) {
        self.by_hash.insert(hash, self.places.len());
        self.places.push(Place { hash, key, breaker, used: now });
    }

    /// Whether there is room for one more, which a quiet breaker may have to give way for.
    ///
    /// Looks at a few breakers, others each time, and removes the one of them that has been quiet for longest: if
    /// there is no room, or if it has been idle for too long anyway.
    pub(crate) fn has_room(&mut self, idle_after: Duration, now: Instant) -> bool {
        let looked_at = (0..self.places.len().min(LOOKS)).map(|step| (self.hand + step) % self.places.len());
        let quiet = looked_at.filter(|place| self.places[*place].breaker.is_quiet(now));
        let oldest = quiet.min_by_key(|place| self.places[*place].used);
        self.hand = self.hand.wrapping_add(LOOKS);
        if let Some(place) = oldest {
            let idle = now.saturating_duration_since(self.places[place].used);
            if self.places.len() >= self.capacity || idle >= idle_after {
                self.remove(place);
            }
        }
        self.places.len() < self.capacity
    }

    /// Removes every quiet breaker that has not been used for so long.
    pub(crate) fn purge(&mut self, idle_after: Duration, now: Instant) {
        for place in (0..self.places.len()).rev() {
            let Place { breaker, used, .. } = &self.places[place];
            if now.saturating_duration_since(*used) >= idle_after && breaker.is_quiet(now) {
                self.remove(place);
            }
        }
    }

    pub(crate) fn breakers(&self) -> impl Iterator<Item = &Breaker> {
        self.places.iter().map(|place| &place.breaker)
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    fn remove(&mut self, place: usize) {
        let removed = self.places.swap_remove(place);
        self.by_hash.remove(&removed.hash);
        if let Some(moved) = self.places.get(place) {
            self.by_hash.insert(moved.hash, place);
        }
    }
}

/// Hashes a hash as it is.
#[derive(Clone, Copy, Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}
