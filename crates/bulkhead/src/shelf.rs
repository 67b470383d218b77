use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::Bulkhead;

/// How many bulkheads one look for room considers: enough to find an idle one, few enough to be cheap.
const LOOKS: usize = 8;

/// The bulkheads of some keys, at most so many, found by the hash of the key.
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
    bulkhead: Bulkhead,
}

/// What a look-up finds.
pub(crate) enum Found {
    Here(Bulkhead),
    /// Not here, and it may be put here.
    Missing,
    /// Another key with the same hash is here.
    Taken,
}

impl<K> Shelf<K> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { places: Vec::new(), by_hash: HashMap::default(), capacity, hand: 0 }
    }

    pub(crate) fn find<Q>(&self, hash: u64, key: &Q) -> Found
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        match self.by_hash.get(&hash).and_then(|place| self.places.get(*place)) {
            None => Found::Missing,
            Some(place) if place.key.borrow() == key => Found::Here(place.bulkhead.clone()),
            Some(_) => Found::Taken,
        }
    }

    /// Puts a bulkhead here for a key that is missing; the caller has made sure of room.
    pub(crate) fn put(&mut self, hash: u64, key: K, bulkhead: Bulkhead) {
        self.by_hash.insert(hash, self.places.len());
        self.places.push(Place { hash, key, bulkhead });
    }

    /// Whether there is room for one more, which an idle bulkhead may have to give way for.
    ///
    /// Looks at a few, others each time. Any idle one will do: it holds no permit and no waiter, so nothing is
    /// forgotten but its counts.
    pub(crate) fn has_room(&mut self) -> bool {
        if self.places.len() < self.capacity {
            return true;
        }
        let mut looked_at =
            (0..self.places.len().min(LOOKS)).map(|step| (self.hand + step) % self.places.len());
        let idle = looked_at.find(|place| self.places[*place].bulkhead.is_idle());
        self.hand = self.hand.wrapping_add(LOOKS);
        if let Some(place) = idle {
            self.remove(place);
        }
        idle.is_some()
    }

    /// Removes every idle bulkhead.
    pub(crate) fn purge(&mut self) {
        for place in (0..self.places.len()).rev() {
            if self.places[place].bulkhead.is_idle() {
                self.remove(place);
            }
        }
    }

    pub(crate) fn bulkheads(&self) -> impl Iterator<Item = &Bulkhead> {
        self.places.iter().map(|place| &place.bulkhead)
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
