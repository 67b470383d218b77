use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::shared::core::{Core, Failed};
use crate::shared::flights::Landing;
use crate::shared::lease::{Batch, LOOK_EVERY};
use crate::{Ask, MAX_ASKS, Reply, Store, Take};

/// The one task of a tier: it refills leases and gives them back, runs errands, and probes a store that is gone.
///
/// It has at most one call at the store at a time. It ends when the tier is dropped, after it has given back what was
/// left; a store that does not answer is given up after a few time budgets.
#[derive(Debug, Default)]
pub(super) struct Keeper(Mutex<Option<JoinHandle<()>>>);

impl Keeper {
    /// Starts the task in the present runtime, unless it runs.
    pub(super) fn ensure<S: Store>(&self, core: &Arc<Core<S>>) {
        let mut task = self.0.lock();
        let runs = task.as_ref().is_some_and(|task| !task.is_finished());
        if !runs && !core.errands.is_closed() {
            *task = Handle::try_current().ok().map(|runtime| runtime.spawn(keep(Arc::clone(core))));
        }
    }

    /// Waits for the end of the task.
    pub(super) async fn finished(&self) {
        let task = self.0.lock().take();
        if let Some(task) = task {
            // It ends by itself, unless its runtime ended first.
            let _ = task.await;
        }
    }
}

async fn keep<S: Store>(core: Arc<Core<S>>) {
    let mut look_at = 0;
    loop {
        wait(&core, look_at).await;
        // Before the round: what comes in during it is for the next one.
        let last = core.errands.is_closed();
        let mut asks = look_after_leases(&core, &mut look_at, last);
        if core.is_down() {
            // Counts as given back: it is charged there, and nobody spends it any more.
            asks.clear();
            stand_by(&core).await;
        } else {
            round(&core, asks, last).await;
        }
        if last {
            return;
        }
    }
}

/// Waits for errands, and no longer than until something is due by itself.
async fn wait<S: Store>(core: &Core<S>, look_at: u64) {
    let probe_at = core.outage.lock().probe_at();
    let look_at = core.book.has_leases().then_some(look_at);
    let Some(due) = probe_at.into_iter().chain(look_at).min() else { return core.errands.changed().await };
    let wait = Duration::from_nanos(due.saturating_sub(core.ticks_now()));
    // Whichever comes first is reason enough to look around.
    let _ = tokio::time::timeout(wait, core.errands.changed()).await;
}

/// Takes out of the leases what is to be given back; looks at them now and then, and at the end.
fn look_after_leases<S: Store>(core: &Core<S>, look_at: &mut u64, last: bool) -> Vec<Ask> {
    let now = core.ticks_now();
    let mut asks = Vec::new();
    if now < *look_at && !last {
        return asks;
    }
    *look_at = now + LOOK_EVERY;
    core.book.retain_leased(|key, spot| {
        let scope = spot.scope();
        let retired = spot.lease().retire(now, last);
        asks.extend(retired.into_iter().map(|batch| batch.back(key, scope)));
        !spot.lease().is_empty()
    });
    asks
}

/// While the store is gone, errands come to nothing: its debts are not collected later.
async fn stand_by<S: Store>(core: &Core<S>) {
    drop(InHand { core, asks: core.errands.take(usize::MAX).into() });
    let due = core.outage.lock().probe_at().is_some_and(|at| at <= core.ticks_now());
    if due && !core.errands.is_closed() {
        core.probe().await;
    }
}

/// Runs what is in line, behind what comes from the leases.
async fn round<S: Store>(core: &Core<S>, asks: Vec<Ask>, last: bool) {
    let mut in_hand = InHand { core, asks: asks.into() };
    in_hand.asks.extend(core.errands.take(usize::MAX));
    in_hand.asks.retain(|ask| is_worth_it(core, ask, last));
    while !in_hand.asks.is_empty() && !core.is_down() {
        in_hand.run_some().await;
    }
}

/// Nobody would spend a refill at the end.
fn is_worth_it<S: Store>(core: &Core<S>, ask: &Ask, last: bool) -> bool {
    let in_vain = last && matches!(ask.take, Take::UpTo(_));
    if in_vain {
        gave_up(core, ask, Landing::Done);
    }
    !in_vain
}

/// Errands that have left the queue. Those that are not run in the end are given up, whatever the reason: the store has
/// gone, it panicked, or the runtime ended.
struct InHand<'a, S: Store> {
    core: &'a Core<S>,
    asks: VecDeque<Ask>,
}

impl<S: Store> InHand<'_, S> {
    async fn run_some(&mut self) {
        let some = self.asks.len().min(MAX_ASKS);
        let batch: Vec<Ask> = self.asks.range(..some).copied().collect();
        let asked = self.core.ticks_now();
        let answer = self.core.call(&batch).await;
        self.asks.drain(..some);
        for (place, ask) in batch.iter().enumerate() {
            match &answer {
                Ok(replies) => settle(self.core, ask, &replies[place], asked),
                Err(Failed) => gave_up(self.core, ask, Landing::Failed),
            }
        }
    }
}

impl<S: Store> Drop for InHand<'_, S> {
    fn drop(&mut self) {
        for ask in &self.asks {
            gave_up(self.core, ask, Landing::Done);
        }
    }
}

fn settle<S: Store>(core: &Core<S>, ask: &Ask, reply: &Reply, asked: u64) {
    if reply.spoilt {
        return gave_up(core, ask, Landing::Failed);
    }
    match ask.take {
        Take::UpTo(_) => refilled(core, ask, reply, asked),
        Take::Back(units) => {
            core.counters.returned.add(units);
            core.book.with_known(ask.key, |spot| spot.learn(asked, reply.debt));
        }
        Take::All(_) | Take::Charge(_) => {
            core.book.with_known(ask.key, |spot| spot.learn(asked, reply.debt));
        }
    }
}

fn refilled<S: Store>(core: &Core<S>, ask: &Ask, reply: &Reply, asked: u64) {
    core.counters.leased.add(reply.granted);
    let batch = Batch { units: reply.granted, taken: asked, rate: ask.rate };
    let now = core.ticks_now();
    let filled = core.book.with_known(ask.key, |spot| {
        spot.learn(asked, reply.debt);
        spot.refilled(batch, now)
    });
    // Without a spot, or without room in it, the units go back.
    match filled {
        Some((None, _told)) => core.book.list(ask.key),
        Some((Some(batch), _told)) => queue(core, batch.back(ask.key, ask.scope)),
        None => queue(core, batch.back(ask.key, ask.scope)),
    }
}

fn queue<S: Store>(core: &Core<S>, ask: Ask) {
    if !core.errands.push(ask) {
        gave_up(core, &ask, Landing::Done);
    }
}

/// An errand that is not run: units that were to go back stay charged, and what was to be charged stays free.
pub(super) fn gave_up<S: Store>(core: &Core<S>, ask: &Ask, how: Landing) {
    core.counters.dropped.add(1);
    if matches!(ask.take, Take::UpTo(_)) {
        let now = core.ticks_now();
        drop(core.book.with_known(ask.key, |spot| spot.refill_failed(how, now)));
    }
}
