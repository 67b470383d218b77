use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::{CountingWaker, clock};

/// How long a future may leave its task asleep before it counts as forgotten. No time passes for it: the clock is
/// paused.
const ASLEEP: Duration = Duration::from_secs(24 * 60 * 60);

/// Far more polls than any future needs that is dropped at each of them.
const POLLS: usize = 1_000;

/// Polls one future by hand, and only when it was woken.
#[derive(Debug, Default)]
pub(crate) struct Driver {
    waker: CountingWaker,
    polls: usize,
}

/// What came of one poll.
#[derive(Debug)]
pub(crate) enum Polled<T> {
    Ready(T),
    Pending,
    /// It was not polled, because nothing woke it for a day.
    Forgotten,
}

impl Driver {
    /// Waits until the future is woken, then polls it; the first poll is free.
    pub(crate) async fn step<F: Future>(&mut self, future: Pin<&mut F>) -> Polled<F::Output> {
        if self.polls > 0 && !self.woken().await {
            return Polled::Forgotten;
        }
        self.polls += 1;
        match future.poll(&mut Context::from_waker(&self.waker.waker())) {
            Poll::Ready(output) => Polled::Ready(output),
            Poll::Pending => Polled::Pending,
        }
    }

    async fn woken(&self) -> bool {
        let woken = poll_fn(|cx| {
            self.waker.forward_to(cx.waker());
            if self.waker.take_woken() { Poll::Ready(()) } else { Poll::Pending }
        });
        tokio::time::timeout(ASLEEP, woken).await.is_ok()
    }
}

/// Why a future did not finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// It was polled that often and is still pending: it wakes itself without need.
    TooManyPolls(usize),
    /// After that many polls nothing woke it any more.
    NeverWoken(usize),
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyPolls(polls) => {
                write!(f, "still pending after {polls} polls, each of them woken for")
            }
            Self::NeverWoken(polls) => write!(f, "pending after {polls} polls, and never woken again"),
        }
    }
}

impl std::error::Error for Unfinished {}

/// Runs a future to its end, polling it only when it was woken, and at most so often.
///
/// The count catches a future that wakes itself without need; the rule of polling catches one that forgets its
/// waker.
///
/// # Panics
///
/// If time is not paused: a future that is never woken would otherwise be waited for a real day.
pub async fn poll_bounded<F: Future>(future: F, max_polls: usize) -> Result<F::Output, Unfinished> {
    clock::assert_paused().await;
    let mut future = pin!(future);
    let mut driver = Driver::default();
    while driver.polls < max_polls {
        match driver.step(future.as_mut()).await {
            Polled::Ready(output) => return Ok(output),
            Polled::Pending => {}
            Polled::Forgotten => return Err(Unfinished::NeverWoken(driver.polls)),
        }
    }
    Err(Unfinished::TooManyPolls(driver.polls))
}

/// Drops a future at every point where it waits: a fresh one after 0 polls, another after 1 poll, and so on until
/// one finishes or waits for ever. Returns how many polls that one took.
///
/// `after_each_drop` is told how many polls the dropped future was granted, and checks that nothing is left of it.
/// # Panics
///
/// If time is not paused, or the future does not finish within a thousand polls.
pub async fn drop_at_every_poll<F: Future>(
    mut make_future: impl FnMut() -> F,
    mut after_each_drop: impl FnMut(usize),
) -> usize {
    clock::assert_paused().await;
    for allowed in 0..=POLLS {
        let end = poll_then_drop(make_future(), allowed).await;
        after_each_drop(allowed);
        if let Some(polls) = end {
            return polls;
        }
    }
    panic!("the future was still pending after {POLLS} polls, each of them woken for");
}

/// Polls the future so often at most and drops it, its output too; `Some` if it will not go on.
pub(crate) async fn poll_then_drop<F: Future>(future: F, allowed: usize) -> Option<usize> {
    let mut future = pin!(future);
    let mut driver = Driver::default();
    while driver.polls < allowed {
        if !matches!(driver.step(future.as_mut()).await, Polled::Pending) {
            return Some(driver.polls);
        }
    }
    None
}
