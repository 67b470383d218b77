use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tower_service::Service;

use super::bench::{Bench, failed, finished, responded};
use super::subject::{Inner, Reply};
use super::{MarkedError, Subject, Suite, Wire};
use crate::CountingWaker;

impl<L: Subject<W>, W: Wire> Suite<L, W> {
    pub(super) async fn ready_instance_called(&self) -> Result<(), String> {
        let respond = self.responder();
        let mut bench = self.bench(move |_| Reply::<W>::Ok(respond(1)));
        for _ in 0..3 {
            responded(bench.call(10).await?, 1).await?;
        }
        responded(finished(bench.request(11)).await?, 1).await?;
        // A service that was cloned from and called before must be as good as a new one.
        responded(bench.call(12).await?, 1).await?;
        bench.nothing_running("after five calls")?;
        bench.close()
    }

    pub(super) async fn readiness_stable(&self) -> Result<(), String> {
        let respond = self.responder();
        let inner = Inner::<W>::with(move |_, _| Reply::<W>::Ok(respond(2)));
        // Enough permits that a layer which takes one at each poll can be seen to do so.
        let mut bench = Bench::with_permits(self, inner, self.permits + 8);
        bench.ready().await?;
        let held = bench.probe.counts().permits_held;
        bench.still_ready()?;
        let now = bench.probe.counts().permits_held;
        if now > held {
            return Err(format!("repeated polls raised the inner permits held from {held} to {now}"));
        }
        bench.probe.hold_ready();
        bench.still_ready()?;
        let call = bench.service.call(self.ask(20));
        bench.probe.release_ready();
        responded(finished(call).await?, 2).await?;
        bench.close()
    }

    pub(super) async fn clone_unready(&self) -> Result<(), String> {
        let respond = self.responder();
        let mut bench = self.bench(move |_| Reply::<W>::Ok(respond(3)));
        bench.ready().await?;
        // The service is ready now; its clone must ask for itself, and the inner service does not let it.
        bench.probe.hold_ready();
        let mut clone = pin!(bench.request(30));
        if poll_now(|cx| clone.as_mut().poll(cx)).is_ready() {
            return Err("a clone was served although no inner instance of its own was ready".to_owned());
        }
        let call = bench.service.call(self.ask(31));
        if bench.probe.counts().permits_held == 0 {
            // This layer asks for inner readiness inside its call, so the call needs it now.
            bench.probe.release_ready();
        }
        responded(finished(call).await?, 3).await?;
        bench.probe.release_ready();
        responded(finished(clone).await?, 3).await?;
        bench.close()
    }

    pub(super) async fn pending_inner_wakes(&self) -> Result<(), String> {
        let respond = self.responder();
        let bench = self.bench(move |_| Reply::<W>::Ok(respond(4)));
        bench.probe.hold_ready();
        {
            let mut call = pin!(bench.request(40));
            let last = pending_on_second_waker(call.as_mut(), "an unready inner service")?;
            bench.probe.release_ready();
            if !last.take_woken() {
                return Err("the inner service became ready and the task was not woken".to_owned());
            }
            responded(finished(call).await?, 4).await?;
        }
        bench.close()
    }

    pub(super) async fn readiness_error_unchanged(&self) -> Result<(), String> {
        let Some(error) = W::Error::marked(5) else { return Ok(()) };
        let respond = self.responder();
        let bench = self.bench(move |_| Reply::<W>::Ok(respond(50)));
        bench.probe.fail_ready(error);
        failed(finished(bench.request(51)).await?, 5)?;
        bench.close()
    }
}

impl<L: Subject<W>, W: Wire> Bench<'_, L, W> {
    fn still_ready(&mut self) -> Result<(), String> {
        for again in 1..=3 {
            let polled = poll_now(|cx| self.service.poll_ready(cx));
            if !matches!(polled, Poll::Ready(Ok(()))) {
                return Err(format!("readiness was granted and then withdrawn at repeated poll {again}"));
            }
        }
        Ok(())
    }
}

/// One poll with a waker that nobody looks at.
pub(super) fn poll_now<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    poll(&mut Context::from_waker(&CountingWaker::new().waker()))
}

/// Polls a call with one waker and then with another, which is the one that counts from then on.
pub(super) fn pending_on_second_waker<F: Future>(
    mut call: Pin<&mut F>,
    over: &str,
) -> Result<CountingWaker, String> {
    let (first, last) = (CountingWaker::new(), CountingWaker::new());
    for waker in [&first, &last] {
        if call.as_mut().poll(&mut Context::from_waker(&waker.waker())).is_ready() {
            return Err(format!("a call over {over} was answered without it"));
        }
    }
    last.take_woken();
    Ok(last)
}
