use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use crate::{KeyHash, Quota};

/// How long answers are good for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) ttl: Duration,
    pub(super) stale_for: Duration,
    pub(super) pause_after_error: Duration,
    pub(super) capacity: usize,
}

/// What is known of keys, in fixed room.
///
/// Two queues by age: keys without a quota of their own, and keys with one. The first give way first, since forgetting
/// one changes nothing but that the source is asked again; and they never take the place of the second.
#[derive(Debug)]
pub(super) struct Cache {
    terms: Terms,
    entries: HashMap<KeyHash, Entry>,
    without: BTreeMap<u64, KeyHash>,
    with: BTreeMap<u64, KeyHash>,
    next_place: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    told: Option<Told>,
    /// The source has failed for this key; not asked before.
    ask_again: Option<Instant>,
    place: u64,
}

/// An answer of the source.
#[derive(Clone, Copy, Debug)]
struct Told {
    quota: Option<Quota>,
    at: Instant,
}

/// What a look at the cache says to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Use this.
    Fresh(Option<Quota>),
    /// Use this, and ask the source again behind it.
    Stale(Option<Quota>),
    /// Ask the source.
    Nothing,
}

impl Cache {
    pub(super) fn new(terms: Terms) -> Self {
        Self {
            terms,
            entries: HashMap::new(),
            without: BTreeMap::new(),
            with: BTreeMap::new(),
            next_place: 0,
        }
    }

    pub(super) fn look(&self, hash: KeyHash, now: Instant) -> Seen {
        let Some(entry) = self.entries.get(&hash) else { return Seen::Nothing };
        let pausing = entry.ask_again.is_some_and(|moment| now < moment);
        match entry.told.map(|told| (told.quota, now.saturating_duration_since(told.at))) {
            Some((quota, age)) if age < self.terms.ttl => Seen::Fresh(quota),
            Some((quota, age)) if self.is_usable(age) && pausing => Seen::Fresh(quota),
            Some((quota, age)) if self.is_usable(age) => Seen::Stale(quota),
            _ if pausing => Seen::Fresh(None),
            _ => Seen::Nothing,
        }
    }

    /// Remembers an answer. Says whether another key had to give way, or this one.
    pub(super) fn tell(&mut self, hash: KeyHash, quota: Option<Quota>, now: Instant) -> bool {
        self.keep(hash, Some(Told { quota, at: now }), None)
    }

    /// Remembers that there was no answer, and says what to do without one.
    pub(super) fn fail(&mut self, hash: KeyHash, now: Instant) -> (Option<Quota>, bool) {
        let known = self.entries.get(&hash).and_then(|entry| entry.told);
        let usable = known.filter(|told| self.is_usable(now.saturating_duration_since(told.at)));
        let ask_again = now.checked_add(self.terms.pause_after_error);
        let gave_way = self.keep(hash, usable, ask_again);
        (usable.and_then(|told| told.quota), gave_way)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn is_usable(&self, age: Duration) -> bool {
        age < self.terms.ttl.saturating_add(self.terms.stale_for)
    }

    fn keep(&mut self, hash: KeyHash, told: Option<Told>, ask_again: Option<Instant>) -> bool {
        self.forget(hash);
        let has_quota = told.is_some_and(|told| told.quota.is_some());
        let full = self.entries.len() >= self.terms.capacity;
        if full && !self.make_room(has_quota) {
            return true;
        }
        let place = self.next_place;
        self.next_place += 1;
        self.queue(has_quota).insert(place, hash);
        self.entries.insert(hash, Entry { told, ask_again, place });
        full
    }

    /// Lets the oldest key go that may give way to one that has a quota of its own, or to one that has none.
    fn make_room(&mut self, for_quota: bool) -> bool {
        let oldest = match self.without.first_key_value() {
            Some((_, &hash)) => Some(hash),
            None if for_quota => self.with.first_key_value().map(|(_, &hash)| hash),
            None => None,
        };
        oldest.is_some_and(|hash| self.forget(hash))
    }

    fn forget(&mut self, hash: KeyHash) -> bool {
        let Some(entry) = self.entries.remove(&hash) else { return false };
        let has_quota = entry.told.is_some_and(|told| told.quota.is_some());
        self.queue(has_quota).remove(&entry.place).is_some()
    }

    fn queue(&mut self, has_quota: bool) -> &mut BTreeMap<u64, KeyHash> {
        if has_quota { &mut self.with } else { &mut self.without }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const BIG: Option<Quota> = Some(Quota::per_second(1_000));

    fn cache(capacity: usize) -> Cache {
        Cache::new(Terms { ttl: 60 * SECOND, stale_for: 600 * SECOND, pause_after_error: SECOND, capacity })
    }

    fn key(number: u128) -> KeyHash {
        KeyHash::from_bits(number)
    }

    fn start() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    #[test]
    fn an_answer_is_fresh_then_stale_then_gone() {
        let (mut cache, start) = (cache(10), start());
        cache.tell(key(1), BIG, start);
        cache.tell(key(2), None, start);
        let just_under = |seconds: u64| Duration::new(seconds - 1, 999_999_999);
        for (age, seen) in [
            (Duration::ZERO, [Seen::Fresh(BIG), Seen::Fresh(None)]),
            (just_under(60), [Seen::Fresh(BIG), Seen::Fresh(None)]),
            (60 * SECOND, [Seen::Stale(BIG), Seen::Stale(None)]),
            (just_under(660), [Seen::Stale(BIG), Seen::Stale(None)]),
            (660 * SECOND, [Seen::Nothing, Seen::Nothing]),
        ] {
            assert_eq!([1, 2].map(|number| cache.look(key(number), start + age)), seen, "{age:?}");
        }
        assert_eq!(cache.look(key(3), start), Seen::Nothing);
    }

    #[test]
    fn a_failure_keeps_the_older_answer_and_asks_again_only_after_the_pause() {
        let (mut cache, start) = (cache(10), start());
        cache.tell(key(1), BIG, start);
        let late = start + 100 * SECOND;
        assert_eq!(cache.fail(key(1), late), (BIG, false));
        assert_eq!(cache.look(key(1), late), Seen::Fresh(BIG), "the source is left alone");
        assert_eq!(cache.look(key(1), late + SECOND), Seen::Stale(BIG));
        assert_eq!(cache.fail(key(1), start + 660 * SECOND), (None, false), "too old to be used");
        assert_eq!(cache.look(key(1), start + 660 * SECOND), Seen::Fresh(None));
        assert_eq!(cache.look(key(1), start + 661 * SECOND), Seen::Nothing);
    }

    #[test]
    fn a_failure_does_not_make_an_answer_older_or_younger() {
        let (mut cache, start) = (cache(10), start());
        cache.tell(key(1), BIG, start);
        cache.fail(key(1), start + 650 * SECOND);
        assert_eq!(cache.look(key(1), start + 660 * SECOND), Seen::Nothing);
    }

    #[test]
    fn keys_without_a_quota_give_way_first_and_the_oldest_of_them() {
        let (mut cache, now) = (cache(3), start());
        assert!(!cache.tell(key(1), BIG, now));
        assert!(!cache.tell(key(2), None, now));
        assert!(!cache.tell(key(3), None, now));
        cache.tell(key(2), None, now);
        assert!(cache.tell(key(4), BIG, now));
        let kept = [1, 2, 3, 4].map(|number| cache.look(key(number), now) != Seen::Nothing);
        assert_eq!(kept, [true, true, false, true], "the third was told before the second was told again");
    }

    #[test]
    fn a_flood_of_unknown_keys_forgets_no_quota() {
        let (mut cache, now) = (cache(100), start());
        for number in 0..100 {
            cache.tell(key(number), BIG, now);
        }
        for number in 100..10_000 {
            cache.tell(key(number), None, now);
            cache.fail(key(number + 10_000), now);
        }
        assert_eq!(cache.len(), 100);
        assert!((0..100).all(|number| cache.look(key(number), now) == Seen::Fresh(BIG)));
        assert!(cache.tell(key(100), BIG, now), "another quota takes the oldest one's place");
        assert_eq!(cache.look(key(0), now), Seen::Nothing);
        assert_eq!(cache.look(key(1), now), Seen::Fresh(BIG));
    }

    proptest! {
        #[test]
        fn the_room_is_never_exceeded_and_the_queues_agree_with_the_map(
            steps in prop::collection::vec((0_u128..20, 0_u8..3, 0_u64..200), 0..200),
            capacity in 1_usize..8,
        ) {
            let (mut cache, mut now) = (cache(capacity), start());
            for (number, what, seconds) in steps {
                now += Duration::from_secs(seconds);
                match what {
                    0 => drop(cache.tell(key(number), BIG, now)),
                    1 => drop(cache.tell(key(number), None, now)),
                    _ => drop(cache.fail(key(number), now)),
                }
                prop_assert!(cache.len() <= capacity);
                prop_assert_eq!(cache.without.len() + cache.with.len(), cache.len());
                for (place, hash) in cache.with.iter().chain(&cache.without) {
                    prop_assert_eq!(cache.entries[hash].place, *place);
                }
            }
        }
    }
}
