use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::Context;
use parking_lot::Mutex;
use tokio::runtime::{Handle, Id};
use tokio::task::AbortHandle;
use tokio::time::interval;
use tracing::{Instrument, Span};

use crate::Store;
use crate::lease::Lease;
use crate::rehash::Rehash;

/// After so many ticks a lease is renewed by a task of its own.
const TICKS_OF_YOUTH: u64 = 6;
/// So many ticks has a lease.
pub(crate) const TICKS: u32 = 20;

/// The leases of the runs that go on.
///
/// Most runs are over long before their lease must be renewed, so a task for each would be made for nothing. In each
/// runtime one task watches for all runs that one of them has grown old, and lets a task renew that one from then on. It
/// is not the run's own: a handler may block its thread.
pub(crate) struct Renewals<T>(Arc<Watched<T>>);

struct Watched<T> {
    tick: Duration,
    /// By runtime, as the tasks of one that ends or is blocked serve nobody else.
    groups: Mutex<HashMap<Id, Group<T>, Rehash>>,
}

/// The leases of one runtime, there as long as they are watched.
struct Group<T> {
    now: u64,
    next: u64,
    leases: HashMap<u64, Age<T>, Rehash>,
}

enum Age<T> {
    Young {
        since: u64,
        lease: Young<T>,
    },
    /// `None` until its task is there.
    Old(Option<AbortHandle>),
}

/// A lease, and for whom it speaks.
struct Young<T> {
    lease: Arc<Lease<T>>,
    context: Context,
    span: Span,
}

/// A lease that is being renewed; dropped, it is not any more.
pub(crate) struct Renewal<T> {
    renewals: Renewals<T>,
    runtime: Id,
    number: u64,
}

impl<T: Store> Renewals<T> {
    /// For leases that last so long.
    pub(crate) fn of(lease: Duration) -> Self {
        Self(Arc::new(Watched { tick: lease / TICKS, groups: Mutex::default() }))
    }

    /// Renews a lease from now on, as long as what is given back is kept.
    #[expect(
        clippy::disallowed_methods,
        reason = "it belongs to the layer, and ends when there is nothing to renew"
    )]
    pub(crate) fn add(&self, lease: Arc<Lease<T>>) -> Renewal<T> {
        let runtime = Handle::current().id();
        let young = Young { lease, context: Context::current().without_deadline(), span: Span::current() };
        let (number, is_first) = {
            let mut groups = self.0.groups.lock();
            let is_first = !groups.contains_key(&runtime);
            (groups.entry(runtime).or_default().add(young), is_first)
        };
        if is_first {
            tokio::spawn(Watch { renewals: self.clone(), runtime, is_over: false }.go_on());
        }
        Renewal { renewals: self.clone(), runtime, number }
    }

    /// One tick later: the leases that have grown old; `None` if there is nothing left to watch.
    fn tick(&self, runtime: Id) -> Option<Vec<(u64, Young<T>)>> {
        let mut groups = self.0.groups.lock();
        let group = groups.get_mut(&runtime)?;
        if group.leases.is_empty() {
            groups.remove(&runtime);
            return None;
        }
        Some(group.tick())
    }

    /// Renews what has grown old in a task of its own, unless its run has ended meanwhile.
    #[expect(clippy::disallowed_methods, reason = "it belongs to a run, which aborts it")]
    fn keep(&self, runtime: Id, number: u64, young: Young<T>) {
        let Young { lease, context, span } = young;
        let task = tokio::spawn(context.scope(async move { lease.keep().await }).instrument(span));
        let task = task.abort_handle();
        match self.0.groups.lock().get_mut(&runtime).and_then(|group| group.leases.get_mut(&number)) {
            Some(age) => *age = Age::Old(Some(task)),
            None => task.abort(),
        }
    }
}

impl<T> Renewals<T> {
    fn forget(&self, runtime: Id, number: u64) -> Option<Age<T>> {
        self.0.groups.lock().get_mut(&runtime)?.leases.remove(&number)
    }
}

impl<T> Group<T> {
    fn add(&mut self, lease: Young<T>) -> u64 {
        self.next += 1;
        self.leases.insert(self.next, Age::Young { since: self.now, lease });
        self.next
    }

    fn tick(&mut self) -> Vec<(u64, Young<T>)> {
        self.now += 1;
        let now = self.now;
        self.leases.iter_mut().filter_map(|(number, age)| Some((*number, age.grow_old(now)?))).collect()
    }
}

impl<T> Age<T> {
    fn grow_old(&mut self, now: u64) -> Option<Young<T>> {
        if !matches!(self, Self::Young { since, .. } if *since + TICKS_OF_YOUTH <= now) {
            return None;
        }
        match mem::replace(self, Self::Old(None)) {
            Self::Young { lease, .. } => Some(lease),
            Self::Old(_) => None,
        }
    }
}

impl<T> Drop for Renewal<T> {
    fn drop(&mut self) {
        if let Some(Age::Old(Some(task))) = self.renewals.forget(self.runtime, self.number) {
            task.abort();
        }
    }
}

/// The task that watches the leases of a runtime.
struct Watch<T> {
    renewals: Renewals<T>,
    runtime: Id,
    is_over: bool,
}

impl<T: Store> Watch<T> {
    async fn go_on(mut self) {
        // Ticks that were missed are made up for, so that a lease is as old as it looks after a thread was blocked.
        let mut ticks = interval(self.renewals.0.tick);
        ticks.tick().await; // the first one comes at once
        loop {
            ticks.tick().await;
            let Some(old) = self.renewals.tick(self.runtime) else { break };
            for (number, young) in old {
                self.renewals.keep(self.runtime, number, young);
            }
        }
        self.is_over = true;
    }
}

impl<T> Drop for Watch<T> {
    /// Dropped before its end, it ends with its runtime.
    fn drop(&mut self) {
        if !self.is_over {
            let left = self.renewals.0.groups.lock().remove(&self.runtime);
            drop(left);
        }
    }
}

impl<T> Default for Group<T> {
    fn default() -> Self {
        Self { now: 0, next: 0, leases: HashMap::default() }
    }
}

impl<T> Clone for Renewals<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use buttress_core::ModeSwitch;
    use tokio::time::Instant;

    use super::*;
    use crate::desk::Desk;
    use crate::lease::Held;
    use crate::terms::Terms;
    use crate::{
        Claim, Claimed, Fingerprint, MemoryStore, OwnerToken, Record, RecordId, Scope, Timestamp,
        WhenAbandoned,
    };

    fn lease(desk: &Arc<Desk<MemoryStore>>) -> Arc<Lease<MemoryStore>> {
        let Terms { lease, retain, .. } = desk.terms;
        let claim = Claim {
            id: RecordId::from_bytes([1; 32]),
            scope: Scope::from_bits(1),
            fingerprint: Fingerprint::from_bytes([2; 32]),
            owner: OwnerToken::draw(&desk.terms.entropy),
            lease,
            retain,
            when_abandoned: WhenAbandoned::TakeOver,
        };
        let claimed = Record::claim(None, &claim, Timestamp::from_millis(1)).answer;
        let Claimed::Owned(owned) = claimed else { panic!("it is the first") };
        Arc::new(Lease::new(Arc::clone(desk), Held { claim, owned, asked_at: Instant::now(), seat: None }))
    }

    fn tasks() -> usize {
        Handle::current().metrics().num_alive_tasks()
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_ends_as_its_lease_grows_old_is_renewed_no_more() {
        let desk = Arc::new(Desk::new(Arc::default(), Terms::default(), ModeSwitch::default()));
        let (renewals, runtime) = (&desk.renewals, Handle::current().id());
        let (held, kept) = (lease(&desk), lease(&desk));
        let (one, other) = (renewals.add(Arc::clone(&held)), renewals.add(kept));
        let mut old = Vec::new();
        while old.is_empty() {
            old = renewals.tick(runtime).unwrap_or_default();
        }
        assert_eq!((old.len(), Arc::strong_count(&held)), (2, 2));
        drop(one);
        for (number, young) in old {
            renewals.keep(runtime, number, young);
        }
        tokio::task::yield_now().await;
        assert_eq!((tasks(), Arc::strong_count(&held)), (2, 1), "one that watches and one that renews");
        drop(other);
        tokio::task::yield_now().await;
        assert_eq!((tasks(), renewals.tick(runtime).is_none()), (1, true));
        assert!(renewals.0.groups.lock().is_empty());
    }

    #[test]
    fn of_a_runtime_that_has_ended_nothing_is_left() {
        let desk = Arc::new(Desk::new(Arc::default(), Terms::default(), ModeSwitch::default()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let renewal = runtime.block_on(async { desk.renewals.add(lease(&desk)) });
        assert_eq!(desk.renewals.0.groups.lock().len(), 1);
        drop(runtime);
        assert!(desk.renewals.0.groups.lock().is_empty());
        drop(renewal);
    }
}
