//! The most frequent of many, in bounded memory.
//!
//! Space-saving (Metwally, Agrawal, El Abbadi, ICDT 2005): a newcomer takes the place of the least frequent and goes on
//! from its count. No count is too low; none is too high by more than the total divided by the number of places.

use std::collections::HashMap;
use std::sync::Arc;

/// Counts of the most frequent names.
pub(super) struct Sketch {
    capacity: usize,
    places: HashMap<Arc<str>, usize>,
    slots: Vec<Slot>,
    /// Numbers of slots, as a heap whose first is the least frequent.
    heap: Vec<usize>,
}

/// One name.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) name: Arc<str>,
    pub(super) count: u64,
    /// By how much the count may be too high.
    pub(super) error: u64,
    /// How many of those that were seen succeeded.
    pub(super) succeeded: u64,
    /// Where in the heap the slot stands.
    place: usize,
}

impl Sketch {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, places: HashMap::new(), slots: Vec::new(), heap: Vec::new() }
    }

    pub(super) fn count(&mut self, name: &str, is_success: bool) {
        let slot = match self.places.get(name) {
            Some(slot) => *slot,
            None if self.slots.len() < self.capacity => self.add(name),
            None => self.replace_least(name),
        };
        let Slot { count, succeeded, place, .. } = &mut self.slots[slot];
        *count += 1;
        *succeeded += u64::from(is_success);
        let place = *place;
        self.sink(place);
    }

    /// Every name, most frequent first; of equals the one that comes first in the alphabet.
    pub(super) fn all(&self) -> Vec<Slot> {
        let mut all = self.slots.clone();
        all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        all
    }

    fn add(&mut self, name: &str) -> usize {
        let (slot, name) = (self.slots.len(), Arc::<str>::from(name));
        self.places.insert(Arc::clone(&name), slot);
        self.slots.push(Slot { name, count: 0, error: 0, succeeded: 0, place: self.heap.len() });
        self.heap.push(slot);
        // Nothing is less frequent than what was never counted.
        self.rise(self.heap.len() - 1);
        slot
    }

    fn replace_least(&mut self, name: &str) -> usize {
        let (slot, name) = (self.heap[0], Arc::<str>::from(name));
        let least = &mut self.slots[slot];
        self.places.remove(&least.name);
        *least = Slot { name: Arc::clone(&name), error: least.count, succeeded: 0, ..*least };
        self.places.insert(name, slot);
        slot
    }

    fn rise(&mut self, mut place: usize) {
        while place > 0 && self.count_at(place) < self.count_at((place - 1) / 2) {
            self.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
    }

    fn sink(&mut self, mut place: usize) {
        loop {
            let children =
                [2 * place + 1, 2 * place + 2].into_iter().filter(|child| *child < self.heap.len());
            let Some(least) = children.min_by_key(|child| self.count_at(*child)) else { return };
            if self.count_at(least) >= self.count_at(place) {
                return;
            }
            self.swap(place, least);
            place = least;
        }
    }

    fn count_at(&self, place: usize) -> u64 {
        self.slots[self.heap[place]].count
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.heap.swap(one, other);
        self.slots[self.heap[one]].place = one;
        self.slots[self.heap[other]].place = other;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn while_there_is_room_every_count_is_exact() {
        let mut sketch = Sketch::new(3);
        for (name, success) in [("a", true), ("b", false), ("a", false), ("c", true), ("a", true)] {
            sketch.count(name, success);
        }
        let all: Vec<_> =
            sketch.all().iter().map(|slot| (slot.name.to_string(), slot.count, slot.succeeded)).collect();
        assert_eq!(all, [("a".into(), 3, 2), ("b".into(), 1, 0), ("c".into(), 1, 1)]);
    }

    #[test]
    fn a_newcomer_takes_the_place_of_the_least_frequent_and_says_how_far_it_may_be_wrong() {
        let mut sketch = Sketch::new(2);
        for name in ["a", "a", "a", "b", "b", "c"] {
            sketch.count(name, true);
        }
        let all: Vec<_> = sketch
            .all()
            .iter()
            .map(|slot| (slot.name.to_string(), slot.count, slot.error, slot.succeeded))
            .collect();
        assert_eq!(all, [("a".into(), 3, 0, 3), ("c".into(), 3, 2, 1)]);
    }

    proptest! {
        /// What the paper promises, against counts of everything.
        #[test]
        fn no_count_is_too_low_and_nothing_frequent_is_missing(
            names in prop::collection::vec(0_u32..40, 0..600),
            capacity in 1_usize..12,
        ) {
            let mut sketch = Sketch::new(capacity);
            let mut naive: BTreeMap<String, u64> = BTreeMap::new();
            for name in &names {
                // Some are much more frequent than others.
                let name = (name * name / 40).to_string();
                sketch.count(&name, true);
                *naive.entry(name).or_default() += 1;
            }
            let all = sketch.all();
            prop_assert!(all.len() <= capacity);
            let sum: u64 = all.iter().map(|slot| slot.count).sum();
            prop_assert_eq!(sum, names.len() as u64);
            for slot in &all {
                let exact = naive[&*slot.name];
                prop_assert!(slot.count >= exact && slot.count - slot.error <= exact, "{:?} {}", slot, exact);
                prop_assert!(slot.error <= (names.len() / capacity) as u64);
            }
            for (name, exact) in naive {
                let is_frequent = exact > (names.len() / capacity) as u64;
                prop_assert!(!is_frequent || all.iter().any(|slot| *slot.name == name), "{} {}", name, exact);
            }
            for place in 1..sketch.heap.len() {
                prop_assert!(sketch.count_at((place - 1) / 2) <= sketch.count_at(place));
                prop_assert_eq!(sketch.slots[sketch.heap[place]].place, place);
            }
        }
    }
}
