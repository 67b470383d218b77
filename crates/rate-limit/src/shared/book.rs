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
    ///
    /// Only for the one who lists keys: another one's new lease could be taken off the list that it has just come on.
    pub(super) fn retain_leased(&self, mut work: impl FnMut(KeyHash, &mut Spot) -> bool) {
        for key in self.leased() {
            if !self.with_known(key, |spot| work(key, spot)).unwrap_or(false) {
                self.leased.lock().remove(&key.to_bits());
            }
        }
    }

    /// Units that are held.
    pub(super) fn parked(&self, now: u64) -> u64 {
        self.leased().into_iter().filter_map(|key| self.with_known(key, |spot| spot.parked(now))).sum()
    }

    fn leased(&self) -> Vec<KeyHash> {
        self.leased.lock().iter().copied().map(KeyHash::from_bits).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rate;
    use crate::shared::terms::Terms;

    #[test]
    fn a_key_takes_as_much_memory_as_the_options_say() {
        let bytes = size_of::<Mutex<[Spot; WAYS]>>() / WAYS;
        assert!((250..=300).contains(&bytes), "{bytes}");
    }

    #[test]
    fn who_only_counts_takes_nobody_off_the_list() {
        let (book, key) = (Book::new(WAYS), KeyHash::from_bits(7));
        book.list(key);
        assert_eq!((book.parked(1), book.has_leases()), (0, true));
        book.retain_leased(|_, _| true);
        assert!(!book.has_leases(), "it is not known any more");
    }

    #[test]
    fn room_is_fixed_and_the_oldest_key_makes_way() {
        let book = Book::new(WAYS);
        let keys = (1..=2 * WAYS as u64).map(|bits| (KeyHash::from_bits(bits.into()), bits));
        for (key, now) in keys.clone() {
            let terms = Terms { key, scope: key, rate: Rate::from_ticks(1, 1), cost: 1, cap: 0 };
            assert!(book.with(key, |spot| spot.note(&terms, now)).is_some());
        }
        let known = keys.filter(|(key, _)| book.with_known(*key, |_| ()).is_some());
        let newest: Vec<u64> = known.map(|(_, bits)| bits).collect();
        assert_eq!(newest, (9..=16).collect::<Vec<u64>>());
    }
}
