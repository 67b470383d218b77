use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use buttress_core::Verdict;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};

use crate::desk::Desk;
use crate::seats::{Seat, Told};
use crate::{After, Checkpoint, Claim, Claimed, Owned, Step, Stepped, Store, StoreError, Ticket, Timestamp};

/// What a run holds of its record, for as long as it renews it.
pub(crate) struct Lease<T> {
    pub(crate) desk: Arc<Desk<T>>,
    pub(crate) claim: Claim,
    pub(crate) attempt: u32,
    pub(crate) after: After,
    pub(crate) checkpoint: Option<Checkpoint>,
    /// As it is now: a record that was lost is claimed again.
    epoch: AtomicU64,
    asked_at: Instant,
    /// Closed when it is lost; nobody is ever let in.
    lost: Semaphore,
    seat: Mutex<Option<Seat>>,
}

/// What a lease begins with.
pub(crate) struct Held {
    pub(crate) claim: Claim,
    pub(crate) owned: Owned,
    /// Before the store was asked, so that the lease lasts longer than it seems here.
    pub(crate) asked_at: Instant,
    pub(crate) seat: Option<Seat>,
}

impl<T: Store> Lease<T> {
    pub(crate) fn new(desk: Arc<Desk<T>>, held: Held) -> Self {
        let Held { claim, owned, asked_at, seat } = held;
        let Owned { ticket, attempt, after, checkpoint, .. } = owned;
        let (epoch, lost, seat) = (ticket.epoch.into(), Semaphore::const_new(0), Mutex::new(seat));
        Self { desk, claim, attempt, after, checkpoint, epoch, asked_at, lost, seat }
    }

    pub(crate) fn ticket(&self) -> Ticket {
        let Claim { id, fingerprint, owner, .. } = self.claim;
        Ticket { id, fingerprint, owner, epoch: self.epoch() }
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Does a step. A record that the store has lost is claimed again first, by the same owner: if nobody else has it,
    /// the run goes on as before.
    pub(crate) async fn step(&self, step: &Step) -> Result<Stepped, StoreError> {
        let stepped = self.desk.step(&self.ticket(), step).await?;
        if stepped == Stepped::Gone && self.claim_again().await? {
            return self.desk.step(&self.ticket(), step).await;
        }
        Ok(stepped)
    }

    async fn claim_again(&self) -> Result<bool, StoreError> {
        let Claimed::Owned(owned) = self.desk.claim(&self.claim).await? else { return Ok(false) };
        self.epoch.store(owned.ticket.epoch, Ordering::Relaxed);
        self.desk.tell(Verdict::Changed, "record_lost");
        Ok(true)
    }

    /// When it is now, as nearly as the store's clock is known here.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.epoch()).after(self.asked_at.elapsed())
    }

    /// Tells all in this process who ask the same, until the store says it.
    pub(crate) fn tell(&self, told: Told) {
        if let Some(seat) = &*self.seat.lock() {
            seat.tell(told);
        }
    }

    /// Whether another run may own the record by now.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.is_closed()
    }

    /// Waits until another run may own the record.
    pub(crate) async fn lost(&self) {
        let _ = self.lost.acquire().await;
    }

    /// From now on the store says what became of the operation.
    pub(crate) fn leave(&self) {
        let seat = self.seat.lock().take();
        drop(seat);
    }

    fn lose(&self) {
        self.lost.close();
        self.leave();
    }

    /// Renews it for as long as it is polled, first when it is about a third of its time old.
    pub(crate) async fn keep(&self) {
        let terms = &self.desk.terms;
        let step = Step::Renew { lease: terms.lease, retain: terms.retain };
        let mut renewed_at = self.asked_at;
        let mut pause = self.pause().saturating_sub(renewed_at.elapsed());
        loop {
            self.doubting(renewed_at, sleep(pause)).await;
            let asked_at = Instant::now();
            match self.doubting(renewed_at, self.step(&step)).await {
                Ok(Stepped::Done | Stepped::StatusOnly) => (renewed_at, pause) = (asked_at, self.pause()),
                Ok(Stepped::Fenced(_) | Stepped::Gone) => return self.lose(),
                Err(_) => pause = terms.lease / 12,
            }
        }
    }

    /// Takes its time, and says in the middle of it that the lease may be lost when a sixth of it is left.
    async fn doubting<A>(&self, renewed_at: Instant, work: impl Future<Output = A>) -> A {
        let mut work = pin!(work);
        if let Ok(done) = timeout_at(renewed_at + self.desk.terms.lease / 6 * 5, work.as_mut()).await {
            return done;
        }
        self.lose();
        work.await
    }

    /// A third of the lease, a tenth of which is up to chance, so that runs which began together do not renew together.
    fn pause(&self) -> Duration {
        let tenth = u32::try_from(self.desk.terms.entropy.draw() % 1_000).unwrap_or(0);
        self.desk.terms.lease.mul_f64((1.0 - f64::from(tenth) / 10_000.0) / 3.0)
    }
}
