use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::mem;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::rehash::Rehash;
use crate::{Refusal, Scope};

/// The places for requests with keys that are worked on at once, of which no caller has more than his share.
#[derive(Clone)]
pub(crate) struct Places(Arc<Shared>);

/// How many places there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) in_all: usize,
    pub(crate) per_scope: usize,
}

struct Shared {
    bounds: Bounds,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    in_all: usize,
    /// Empty where a caller may have all.
    by_scope: HashMap<Scope, usize, Rehash>,
    /// Dropped when all are free: who waits for that hears it by the end of his channel.
    awaited: Vec<oneshot::Sender<()>>,
}

/// One of the places; free again when it is dropped.
pub(crate) struct Place {
    places: Places,
    scope: Scope,
}

impl Places {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self(Arc::new(Shared { bounds, taken: Mutex::default() }))
    }

    /// A place for a caller, or why there is none.
    pub(crate) fn take(&self, scope: Scope) -> Result<Place, Refusal> {
        self.0.taken.lock().take(scope, self.0.bounds)?;
        Ok(Place { places: self.clone(), scope })
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.0.taken.lock().in_all
    }

    /// Waits until all are free.
    pub(crate) async fn are_free(&self) {
        let freed = self.0.taken.lock().await_all();
        if let Some(freed) = freed {
            // An error, as nothing is ever sent.
            let _ = freed.await;
        }
    }
}

impl Bounds {
    fn tell_callers_apart(self) -> bool {
        self.per_scope < self.in_all
    }
}

impl Taken {
    fn take(&mut self, scope: Scope, bounds: Bounds) -> Result<(), Refusal> {
        if self.in_all >= bounds.in_all {
            return Err(Refusal::Full);
        }
        if bounds.tell_callers_apart() {
            let own = self.by_scope.entry(scope).or_default();
            if *own >= bounds.per_scope {
                return Err(Refusal::ScopeBusy);
            }
            *own += 1;
        }
        self.in_all += 1;
        Ok(())
    }

    /// Gives back whoever must hear that all are free, to be dropped without the lock.
    fn give(&mut self, scope: Scope, bounds: Bounds) -> Vec<oneshot::Sender<()>> {
        if bounds.tell_callers_apart()
            && let Entry::Occupied(mut own) = self.by_scope.entry(scope)
        {
            *own.get_mut() -= 1;
            if *own.get() == 0 {
                own.remove();
            }
        }
        self.in_all -= 1;
        if self.in_all == 0 { mem::take(&mut self.awaited) } else { Vec::new() }
    }

    /// Ends when all are free; `None` if they are.
    fn await_all(&mut self) -> Option<oneshot::Receiver<()>> {
        self.awaited.retain(|heard| !heard.is_closed());
        (self.in_all > 0).then(|| {
            let (hears, freed) = oneshot::channel();
            self.awaited.push(hears);
            freed
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Shared { bounds, taken } = &*self.places.0;
        let awaited = taken.lock().give(self.scope, *bounds);
        drop(awaited);
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bounds { in_all, per_scope } = self.0.bounds;
        write!(f, "{} taken of {in_all}, {per_scope} for each caller", self.taken())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn of(caller: u64) -> Scope {
        Scope::from_bits(caller)
    }

    #[test]
    fn a_caller_has_his_share_and_all_have_no_more_than_there_are() {
        let places = Places::new(Bounds { in_all: 3, per_scope: 2 });
        let (first, second) = (places.take(of(1)), places.take(of(1)));
        assert_eq!(places.take(of(1)).err(), Some(Refusal::ScopeBusy));
        let third = places.take(of(2));
        assert_eq!((places.take(of(3)).err(), places.taken()), (Some(Refusal::Full), 3));
        drop(first);
        assert!(places.take(of(1)).is_ok() && places.take(of(2)).is_ok());
        drop((second, third));
        let taken = places.0.taken.lock();
        assert_eq!((taken.in_all, taken.by_scope.len()), (0, 0), "nothing is kept of a caller who is gone");
    }

    #[test]
    fn where_a_caller_may_have_all_nobody_counts_his() {
        let places = Places::new(Bounds { in_all: 2, per_scope: 2 });
        let held = (places.take(of(1)), places.take(of(1)));
        assert_eq!(
            (places.take(of(1)).err(), places.0.taken.lock().by_scope.len()),
            (Some(Refusal::Full), 0)
        );
        drop(held);
        assert_eq!(places.taken(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_until_all_are_free_hears_of_it_each_time() {
        let places = Places::new(Bounds { in_all: 2, per_scope: 2 });
        for _ in 0..2 {
            let (one, other) = (places.take(of(1)), places.take(of(2)));
            let later = async {
                tokio::task::yield_now().await;
                drop(one);
                tokio::task::yield_now().await;
                drop(other);
            };
            let waits = tokio::time::timeout(Duration::from_secs(1), places.are_free());
            assert!(tokio::join!(waits, later).0.is_ok());
        }
        places.are_free().await;
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waited_and_left_is_forgotten_by_the_next_who_waits() {
        let places = Places::new(Bounds { in_all: 1, per_scope: 1 });
        let _held = places.take(of(1));
        for _ in 0..3 {
            let waits = tokio::time::timeout(Duration::from_secs(1), places.are_free());
            assert!(waits.await.is_err());
            assert_eq!(places.0.taken.lock().awaited.len(), 1);
        }
    }
}
