use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout_at};

use crate::desk::Desk;
use crate::seats::Seat;
use crate::{Step, Stepped, Store, Ticket};

/// What a run holds of its record, for as long as it renews it.
pub(crate) struct Lease<T> {
    desk: Arc<Desk<T>>,
    ticket: Ticket,
    asked_at: Instant,
    lost: watch::Sender<bool>,
    seat: Mutex<Option<Seat>>,
}

/// A lease that is being renewed; dropped, it is not any more.
#[derive(Debug)]
pub(crate) struct Renewal(AbortHandle);

impl<T: Store> Lease<T> {
    pub(crate) fn new(desk: Arc<Desk<T>>, ticket: Ticket, asked_at: Instant, seat: Option<Seat>) -> Self {
        Self { desk, ticket, asked_at, lost: watch::Sender::default(), seat: Mutex::new(seat) }
    }

    /// Whether another run may own the record by now.
    pub(crate) fn lost(&self) -> watch::Receiver<bool> {
        self.lost.subscribe()
    }

    /// From now on the store says what became of the operation.
    pub(crate) fn leave(&self) {
        let seat = self.seat.lock().take();
        drop(seat);
    }

    fn lose(&self) {
        self.lost.send_replace(true);
        self.leave();
    }

    /// Renews it in a task of its own, so that a handler that blocks its thread keeps it too.
    pub(crate) fn renew(lease: &Arc<Self>) -> Renewal {
        let renewed = Arc::clone(lease);
        Renewal(lease.desk.spawn(async move { renewed.keep().await }))
    }

    async fn keep(&self) {
        let terms = &self.desk.terms;
        let step = Step::Renew { lease: terms.lease, retain: terms.retain };
        let (mut renewed_at, mut pause) = (self.asked_at, self.pause());
        loop {
            self.doubting(renewed_at, sleep(pause)).await;
            let asked_at = Instant::now();
            match self.doubting(renewed_at, self.desk.step(&self.ticket, &step)).await {
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

impl Drop for Renewal {
    fn drop(&mut self) {
        self.0.abort();
    }
}
