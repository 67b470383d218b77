//! What is left of a call when it is over, however it ends.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::thread;

use buttress_bulkhead::{BulkheadLayer, Hold, Permit};
use buttress_core::{BoxError, Deadline, Observer, Signal};
use tokio_test::{assert_pending, task};
use tower::{Layer, Service};

use crate::gauge;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Does {
    Answers,
    Fails,
    Waits,
    PanicsAtOnce,
    PanicsLater,
}

/// A service in which everything holds one token: itself, its requests, its futures and its responses.
#[derive(Clone)]
struct Holding {
    does: Does,
    drop_panics: bool,
    token: Arc<()>,
}

struct Running {
    service: Holding,
    _request: Arc<()>,
}

impl Service<Arc<()>> for Holding {
    type Response = Arc<()>;
    type Error = BoxError;
    type Future = Running;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Arc<()>) -> Running {
        assert!(self.does != Does::PanicsAtOnce, "as asked");
        Running { service: self.clone(), _request: request }
    }
}

impl Future for Running {
    type Output = Result<Arc<()>, BoxError>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match self.service.does {
            Does::Answers => Poll::Ready(Ok(Arc::clone(&self.service.token))),
            Does::Fails => Poll::Ready(Err("down".into())),
            Does::Waits => Poll::Pending,
            Does::PanicsAtOnce | Does::PanicsLater => panic!("as asked"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        assert!(!self.service.drop_panics || thread::panicking(), "as asked");
    }
}

/// Whether there is room for a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Room {
    Free,
    AfterOnePoll,
    Never,
    NotEvenInTheQueue,
}

/// Says whether it panicked.
fn panics(act: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(act)).is_err()
}

#[tokio::test(start_paused = true)]
async fn a_call_keeps_nothing_however_it_ends() {
    let rooms = [Room::Free, Room::AfterOnePoll, Room::Never, Room::NotEvenInTheQueue];
    for does in [Does::Answers, Does::Fails, Does::Waits, Does::PanicsAtOnce, Does::PanicsLater] {
        for (room, drop_panics) in rooms.into_iter().flat_map(|room| [(room, false), (room, true)]) {
            for polls in 0..=3 {
                let token = Arc::new(());
                let layer = BulkheadLayer::plain("reports").max_concurrent(1).queue(1).build().unwrap();
                let mut permit = (room != Room::Free).then(|| layer.bulkhead().try_acquire().unwrap());
                let place = (room == Room::NotEvenInTheQueue).then(|| layer.bulkhead().enqueue().unwrap());

                let mut service = layer.layer(Holding { does, drop_panics, token: Arc::clone(&token) });
                let mut call = None;
                panics(|| call = Some(task::spawn(service.call(Arc::clone(&token)))));
                for _ in 0..polls {
                    panics(|| drop(call.as_mut().map(task::Spawn::poll)));
                    permit = permit.filter(|_| room != Room::AfterOnePoll);
                }
                panics(|| drop(call));
                drop((service, permit, place));
                assert_eq!(
                    (gauge(layer.bulkhead()), Arc::strong_count(&token)),
                    ((0, 0), 1),
                    "{does:?}, room: {room:?}, drop panics: {drop_panics}, polled {polls} times"
                );
            }
        }
    }
}

/// Panics when it is cloned, or when it is asked, as soon as it is told to.
struct Touchy {
    clone_panics: Arc<AtomicBool>,
    hold_panics: bool,
}

impl Clone for Touchy {
    fn clone(&self) -> Self {
        assert!(!self.clone_panics.load(Ordering::Relaxed), "as asked");
        Self { clone_panics: Arc::clone(&self.clone_panics), hold_panics: self.hold_panics }
    }
}

impl<Req, Res> Hold<Req, Res> for Touchy {
    type Held = Res;

    fn deadline(&self, _: &Req) -> Option<Deadline> {
        None
    }

    fn hold(&self, response: Res, _: &mut Option<Permit>) -> Res {
        assert!(!self.hold_panics, "as asked");
        response
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_hold_panics_gives_back_its_permit_or_its_place() {
    for (has_to_wait, hold_panics) in [(false, false), (false, true), (true, false), (true, true)] {
        let (token, clone_panics) = (Arc::new(()), Arc::new(AtomicBool::new(false)));
        let hold = Touchy { clone_panics: Arc::clone(&clone_panics), hold_panics };
        let builder = BulkheadLayer::plain("reports").max_concurrent(1).queue(1).hold(hold);
        let layer = builder.build().unwrap();
        let permit = has_to_wait.then(|| layer.bulkhead().try_acquire().unwrap());
        let inner = Holding { does: Does::Answers, drop_panics: false, token: Arc::clone(&token) };
        let mut service = layer.layer(inner);
        clone_panics.store(!hold_panics, Ordering::Relaxed);
        let panicked = panics(|| {
            let mut call = task::spawn(service.call(Arc::clone(&token)));
            if has_to_wait {
                assert_pending!(call.poll());
                drop(permit);
            }
            let _ = call.poll();
        });
        drop(service);
        let left = (panicked, gauge(layer.bulkhead()), Arc::strong_count(&token));
        assert_eq!(left, (true, (0, 0), 1), "has to wait: {has_to_wait}, is asked: {hold_panics}");
    }
}

struct Panics;

impl Observer for Panics {
    fn observe(&self, _: &Signal<'_>) {
        panic!("as asked");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_observer_panics_keeps_nothing() {
    for waits in [false, true] {
        let token = Arc::new(());
        let builder = BulkheadLayer::plain("reports").max_concurrent(1).observer(Panics);
        let layer = if waits { builder.queue(1) } else { builder }.build().unwrap();
        let permit = layer.bulkhead().try_acquire().unwrap();
        let inner = Holding { does: Does::Answers, drop_panics: false, token: Arc::clone(&token) };
        let mut service = layer.layer(inner);
        // Told of a refusal, or of a caller that leaves the queue.
        assert!(panics(|| drop(service.call(Arc::clone(&token)))));
        drop((service, permit));
        assert_eq!((gauge(layer.bulkhead()), Arc::strong_count(&token)), ((0, 0), 1), "waits: {waits}");
    }
}
