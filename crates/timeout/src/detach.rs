use std::future::Future;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll};
use std::time::Duration;

use buttress_core::{Checks, Context, Verdict};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{Instrument, Span};

use crate::on_timeout::{Leave, OnTimeout, Settings};
use crate::range;
use crate::reporter::Reporter;

/// Lets a call whose time has run out go on in a task of its own, so that work once begun is finished.
///
/// The caller has its refusal at the time limit either way. There are never more such tasks than `max`, and none
/// goes on for longer than `longest` after it was left; a call for which there is no room is dropped, as under
/// [`Cancel`](crate::Cancel). The task keeps the tracing span and the [`Context`] of the request, without its
/// deadline, which is over. A panic inside it is counted as what it is, and reaches no caller.
///
/// Clones share the room, so one value in several layers is one bound, and a clone that is kept tells how many
/// tasks run and waits for them at shutdown. When the last clone is dropped, services included, the tasks are
/// aborted.
#[derive(Clone, Debug)]
pub struct Detach(Arc<Room>);

#[derive(Debug)]
struct Room {
    max: NonZeroUsize,
    longest: Duration,
    tally: Arc<Tally>,
    tasks: Mutex<JoinSet<()>>,
}

/// What has become of the calls that were left; shared with their tasks, which must not keep the room alive.
#[derive(Debug, Default)]
struct Tally {
    running: watch::Sender<usize>,
    finished: AtomicU64,
    panicked: AtomicU64,
    overdue: AtomicU64,
    refused: AtomicU64,
}

/// What has become of the calls that were left to go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DetachCounts {
    /// Those that go on now.
    pub running: usize,
    /// Those that came to their end, with whatever result.
    pub finished: u64,
    /// Those that panicked.
    pub panicked: u64,
    /// Those that were dropped because they went on for too long.
    pub overdue: u64,
    /// Those that were dropped at the time limit because there was no room.
    pub refused: u64,
}

impl Detach {
    /// Room for `max` calls that go on for at most `longest` each.
    pub fn at_most(max: NonZeroUsize, longest: Duration) -> Self {
        Self(Arc::new(Room { max, longest, tally: Arc::default(), tasks: Mutex::default() }))
    }

    /// What has become of the calls so far.
    pub fn counts(&self) -> DetachCounts {
        let Tally { running, finished, panicked, overdue, refused } = &*self.0.tally;
        DetachCounts {
            running: *running.borrow(),
            finished: finished.load(Ordering::Relaxed),
            panicked: panicked.load(Ordering::Relaxed),
            overdue: overdue.load(Ordering::Relaxed),
            refused: refused.load(Ordering::Relaxed),
        }
    }

    /// Waits until no call goes on, or the time is up; answers how many still do.
    pub async fn drain(&self, limit: Duration) -> usize {
        let mut running = self.0.tally.running.subscribe();
        // It is cut short at the limit or ends at zero; the sender lives as long as `self`.
        let _ = tokio::time::timeout(limit, running.wait_for(|running| *running == 0)).await;
        self.counts().running
    }

    fn adopt<F: Future + Send + 'static>(&self, call: Pin<Box<F>>, reporter: &Reporter) {
        let Some(place) = Place::take(&self.0.tally, self.0.max) else {
            count(&self.0.tally.refused);
            reporter.tell(Verdict::Changed, "detach_full");
            return;
        };
        reporter.tell(Verdict::Changed, "detached");
        // From now on, and not from when the task is first polled.
        let end = Instant::now() + self.0.longest;
        let context = Context::current().without_deadline();
        let task = context.scope(see_through(call, place, end, reporter.clone()));
        let mut tasks = self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task.instrument(Span::current()));
    }
}

async fn see_through<F: Future>(call: Pin<Box<F>>, place: Place, end: Instant, reporter: Reporter) {
    let ending = tokio::time::timeout_at(end, Caught { call }).await;
    let (counter, code) = match ending {
        Ok(Ending::Finished) => (&place.0.finished, "detached_finished"),
        Ok(Ending::Panicked) => (&place.0.panicked, "detached_panicked"),
        Err(_) => (&place.0.overdue, "detached_overdue"),
    };
    count(counter);
    reporter.tell(Verdict::Changed, code);
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// One of the places for calls that go on; free again when it is dropped.
struct Place(Arc<Tally>);

impl Place {
    fn take(tally: &Arc<Tally>, max: NonZeroUsize) -> Option<Self> {
        let taken = tally.running.send_if_modified(|running| {
            let free = *running < max.get();
            *running += usize::from(free);
            free
        });
        taken.then(|| Self(Arc::clone(tally)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running -= 1);
    }
}

/// A call nobody waits for: its result is dropped, and a panic is a result.
struct Caught<F> {
    call: Pin<Box<F>>,
}

enum Ending {
    Finished,
    Panicked,
}

impl<F: Future> Future for Caught<F> {
    type Output = Ending;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Ending> {
        // After a panic the call is dropped and nothing else; whatever it shared was shared across unwinding anyway.
        match catch_unwind(AssertUnwindSafe(|| self.call.as_mut().poll(cx).map(drop))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => Poll::Ready(Ending::Finished),
            Err(_) => Poll::Ready(Ending::Panicked),
        }
    }
}

impl Settings for Detach {
    fn check(&self, checks: &mut Checks) {
        range::check_limit(checks, "detach.longest", self.0.longest);
    }
}

impl<F: Future + Send + 'static> OnTimeout<F> for Detach {
    type Work = Detached<F>;

    #[expect(
        clippy::disallowed_methods,
        reason = "what has been polled can go to a task only if it does not move"
    )]
    fn begin(&self, call: F) -> Detached<F> {
        Detached { call: Some(Box::pin(call)), detach: self.clone() }
    }
}

/// A call that goes on when it is left.
#[derive(Debug)]
pub struct Detached<F> {
    call: Option<Pin<Box<F>>>,
    detach: Detach,
}

impl<F: Future> Future for Detached<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        match &mut self.call {
            Some(call) => call.as_mut().poll(cx),
            None => Poll::Pending, // only after it was left
        }
    }
}

impl<F: Future + Send + 'static> Leave for Detached<F> {
    fn leave(mut self: Pin<&mut Self>, reporter: &Reporter) {
        if let Some(call) = self.call.take() {
            let detach = self.detach.clone();
            detach.adopt(call, reporter);
        }
    }
}
