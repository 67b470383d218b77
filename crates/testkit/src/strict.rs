use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tower_service::Service;

use crate::gate::Gate;
use crate::ledger::{Ledger, Seat};
use crate::{Answering, Log, Probe, Reply};

type Script<Req, Res, E> = Box<dyn FnMut(u64, Req) -> (Reply<Res, E>, Option<Req>) + Send>;
type Listener<Req> = Box<dyn Fn(&Req) + Send>;

/// An inner service that answers by script and forgives nothing.
///
/// It panics, and writes a [violation](Probe::violations) down, when it is called on an instance that was not
/// polled ready; a clone starts unready. Its [`Probe`] counts what happens and holds things up on demand.
///
/// ```
/// # use buttress_testkit::{Reply, Strict};
/// # use tower::ServiceExt;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let inner = Strict::<u32, u32, &str>::with(|call, request| match call {
///     0 => Reply::Err("not yet"),
///     _ => Reply::Ok(request * 2),
/// });
/// let probe = inner.probe();
/// assert_eq!(inner.clone().oneshot(21).await, Err("not yet"));
/// assert_eq!(inner.oneshot(21).await, Ok(42));
/// assert_eq!((probe.calls(), probe.in_flight()), (2, 0));
/// # }
/// ```
pub struct Strict<Req, Res, E> {
    desk: Arc<Desk<Req, Res, E>>,
    probe: Probe<E>,
    seat: Seat,
}

struct Desk<Req, Res, E> {
    script: Mutex<Script<Req, Res, E>>,
    listeners: Mutex<Vec<Listener<Req>>>,
}

impl<Req, Res, E> Strict<Req, Res, E> {
    /// Answers each call as the closure says; it sees the number of the call, from 0, and the request.
    ///
    /// The request lives until the call has answered or is dropped.
    pub fn with(mut reply: impl FnMut(u64, &Req) -> Reply<Res, E> + Send + 'static) -> Self {
        Self::new(Box::new(move |call, request| (reply(call, &request), Some(request))))
    }

    /// Answers each call as the closure says, and gives it the request; [`Reply::run`] can then read a body.
    pub fn handling(mut reply: impl FnMut(u64, Req) -> Reply<Res, E> + Send + 'static) -> Self {
        Self::new(Box::new(move |call, request| (reply(call, request), None)))
    }

    /// Answers the first call with the first reply, and so on; a call too many is a violation.
    pub fn script<I>(replies: I) -> Self
    where
        I: IntoIterator<Item = Reply<Res, E>>,
        Res: Send + 'static,
        E: Send + 'static,
    {
        let mut replies: VecDeque<_> = replies.into_iter().collect();
        let ledger = Ledger::default();
        let books = ledger.clone();
        let script = move |call, request| match replies.pop_front() {
            Some(reply) => (reply, Some(request)),
            None => books.violated(&format!("call {} came, and the script ends before it", call + 1)),
        };
        Self::seated(Box::new(script), ledger)
    }

    fn new(script: Script<Req, Res, E>) -> Self {
        Self::seated(script, Ledger::default())
    }

    fn seated(script: Script<Req, Res, E>, ledger: Ledger) -> Self {
        let desk = Desk { script: Mutex::new(script), listeners: Mutex::default() };
        let seat = ledger.seat(false);
        Self { desk: Arc::new(desk), probe: Probe::new(ledger, Gate::default()), seat }
    }

    /// Grants readiness to so many instances and calls at a time; without a limit unless this is called.
    #[must_use]
    pub fn permits(self, permits: usize) -> Self {
        self.probe.ledger.limit_permits(permits);
        self
    }

    /// Writes down something about every request.
    #[must_use]
    pub fn noting<N: Send + 'static>(self, log: &Log<N>, note: impl Fn(&Req) -> N + Send + 'static) -> Self {
        let log = log.clone();
        lock(&self.desk.listeners).push(Box::new(move |request| log.push(note(request))));
        self
    }

    /// The hand and the eye of the test at this service and all its clones.
    pub fn probe(&self) -> Probe<E> {
        self.probe.clone()
    }
}

impl<Req, Res, E> Service<Req> for Strict<Req, Res, E> {
    type Response = Res;
    type Error = E;
    type Future = Answering<Req, Res, E>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.probe.ledger.count_ready_poll();
        if !self.seat.is_ready()
            && let Some(error) = self.probe.next_failure()
        {
            return Poll::Ready(Err(error));
        }
        self.seat.poll_ready(cx).map(Ok)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let permit = self.seat.spend();
        let (call, running) = self.probe.ledger.begin(permit);
        for listener in lock(&self.desk.listeners).iter() {
            listener(&request);
        }
        let (reply, request) = lock(&self.desk.script)(call, request);
        Answering::new(reply, &self.probe.gate, request, running, self.probe.ledger.clone())
    }
}

impl<Req, Res, E> Clone for Strict<Req, Res, E> {
    fn clone(&self) -> Self {
        let seat = self.probe.ledger.seat(true);
        Self { desk: Arc::clone(&self.desk), probe: self.probe.clone(), seat }
    }
}

impl<Req, Res, E> fmt::Debug for Strict<Req, Res, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strict").field("counts", &self.probe.counts()).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
