use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tower_service::Service;

use super::bench::{finished, responded};
use super::readiness::pending_on_second_waker;
use super::subject::Reply;
use super::{Subject, Suite, Wire};
use crate::{CountingWaker, clock};

/// How often a task may wake itself before it has settled: once or twice is the business of the runtime's budget.
const SELF_WAKES: usize = 3;

impl<L: Subject<W>, W: Wire> Suite<L, W> {
    pub(super) async fn answer_wakes(&self) -> Result<(), String> {
        let respond = self.responder();
        let bench = self.bench(move |_| Reply::<W>::Gate(Ok(respond(90))));
        {
            let mut call = pin!(bench.request(91));
            let last = pending_on_second_waker(call.as_mut(), "an inner call that waits")?;
            bench.probe.open_gate(1);
            if !last.take_woken() {
                return Err("the inner service answered and the task was not woken".to_owned());
            }
            responded(finished(call).await?, 90).await?;
        }
        bench.close()
    }

    pub(super) async fn hanging_call_sleeps(&self) -> Result<(), String> {
        let bench = self.bench(|_| Reply::<W>::Hang);
        {
            let mut call = pin!(bench.request(100));
            let waker = CountingWaker::new();
            if asleep(|cx| call.as_mut().poll(cx).map(drop), &waker)?.is_pending() {
                wakes_in_a_second(call, &waker, self.wakes).await?;
            }
        }
        bench.close()
    }

    pub(super) fn pending_readiness_sleeps(&self) -> Result<(), String> {
        let respond = self.responder();
        let mut bench = self.bench(move |_| Reply::<W>::Ok(respond(110)));
        bench.probe.hold_ready();
        let waker = CountingWaker::new();
        let _ = asleep(|cx| bench.service.poll_ready(cx).map(drop), &waker)?;
        bench.close()
    }
}

/// Polls until the task sleeps, without a move of the clock.
fn asleep(
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<()>,
    waker: &CountingWaker,
) -> Result<Poll<()>, String> {
    for _ in 0..=SELF_WAKES {
        if poll(&mut Context::from_waker(&waker.waker())).is_ready() {
            return Ok(Poll::Ready(()));
        }
        if !waker.take_woken() {
            return Ok(Poll::Pending);
        }
    }
    Err(format!("the task woke itself in each of {} polls, and nothing had happened", SELF_WAKES + 1))
}

/// Lets a second pass in small steps and counts the wakes of a call that cannot go on.
async fn wakes_in_a_second<F: Future>(
    mut call: Pin<&mut F>,
    waker: &CountingWaker,
    most: usize,
) -> Result<(), String> {
    let mut times = 0;
    for _ in 0..100 {
        clock::advance(Duration::from_millis(10)).await;
        while waker.take_woken() {
            times += 1;
            if times > most {
                return Err(format!(
                    "the task was woken more than {most} times in a second, and the inner call hung"
                ));
            }
            if call.as_mut().poll(&mut Context::from_waker(&waker.waker())).is_ready() {
                return Ok(());
            }
        }
    }
    Ok(())
}
