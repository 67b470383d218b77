use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use buttress_testkit::{CountingWaker, Unfinished, clock, drop_at_every_poll, poll_bounded};
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn a_future_that_spins_runs_into_the_bound() {
    let spins = poll_fn::<(), _>(|cx| {
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    assert_eq!(poll_bounded(spins, 7).await, Err(Unfinished::TooManyPolls(7)));
}

#[tokio::test(start_paused = true)]
async fn a_future_that_forgets_its_waker_is_told_apart_from_one_that_waits() {
    assert_eq!(poll_bounded(pending::<()>(), 7).await, Err(Unfinished::NeverWoken(1)));
    let start = Instant::now();
    assert_eq!(poll_bounded(sleep(Duration::from_secs(60)), 2).await, Ok(()));
    assert_eq!(start.elapsed(), Duration::from_secs(60), "waiting costs polls, not time");
}

/// Tells where its owner was when it was dropped.
struct Mark(Rc<Cell<usize>>, usize);

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.set(self.1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_future_is_dropped_at_each_place_where_it_waits() {
    let dropped_at = Rc::new(Cell::new(0));
    let make = || {
        let cell = Rc::clone(&dropped_at);
        async move {
            let mut mark = Mark(cell, 1);
            sleep(Duration::from_secs(1)).await;
            mark.1 = 2;
            tokio::task::yield_now().await;
            mark.1 = 3;
        }
    };
    let mut seen = Vec::new();
    let polls = drop_at_every_poll(make, |polls| seen.push((polls, dropped_at.take()))).await;
    assert_eq!(seen, [(0, 0), (1, 1), (2, 2), (3, 3)]);
    assert_eq!(polls, 3);
}

#[tokio::test(start_paused = true)]
async fn a_future_that_hangs_is_dropped_where_it_hangs() {
    let mut drops = 0;
    let polls = drop_at_every_poll(pending::<()>, |_| drops += 1).await;
    assert_eq!((polls, drops), (1, 3), "before its first poll, after it, and once it was not woken again");
}

#[test]
fn a_waker_counts_and_remembers() {
    let counter = CountingWaker::new();
    let waker = counter.waker();
    assert!(!counter.take_woken());
    waker.wake_by_ref();
    waker.wake();
    assert_eq!(counter.wakes(), 2);
    assert!(counter.take_woken());
    assert!(!counter.take_woken());
}

#[tokio::test(start_paused = true)]
async fn the_clock_moves_and_tasks_follow() {
    let done = Rc::new(Cell::new(false));
    let flag = Rc::clone(&done);
    let local = tokio::task::LocalSet::new();
    local.spawn_local(async move {
        sleep(Duration::from_millis(250)).await;
        flag.set(true);
    });
    local
        .run_until(async {
            clock::settle().await;
            clock::advance(Duration::from_millis(249)).await;
            assert!(!done.get());
            clock::advance(Duration::from_millis(1)).await;
            assert!(done.get());
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_state_moves_time_no_further_than_needed() {
    let start = Instant::now();
    clock::until(Duration::from_secs(1), || start.elapsed() >= Duration::from_millis(40)).await;
    assert_eq!(start.elapsed(), Duration::from_millis(40));
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "did not come to hold within 1s")]
async fn waiting_for_a_state_is_bounded() {
    clock::until(Duration::from_secs(1), || false).await;
}

#[tokio::test]
#[should_panic(expected = "time is not frozen")]
async fn driving_by_hand_asks_for_paused_time() {
    let _ = poll_bounded(pending::<()>(), 7).await;
}
