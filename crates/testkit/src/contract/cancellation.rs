use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use tower_service::Service;

use super::bench::{Bench, finished, responded};
use super::readiness::poll_now;
use super::subject::Reply;
use super::{MarkedError, Subject, Suite, Wire};
use crate::drive::poll_then_drop;

/// More polls than any honest call needs that is dropped at each of them.
const DROP_POINTS: usize = 256;

/// What the inner service answers once the call that came to harm is gone.
const WELL: u32 = 120;

impl<L: Subject<W>, W: Wire> Suite<L, W> {
    pub(super) async fn dropped_service_leaves_nothing(&self) -> Result<(), String> {
        let mut ready = self.ailing_bench(|_| Reply::<W>::Hang).0;
        ready.ready().await?;
        ready.close().map_err(|saw| format!("dropped while ready: {saw}"))?;

        let mut waiting = self.ailing_bench(|_| Reply::<W>::Hang).0;
        waiting.probe.hold_ready();
        let _ = poll_now(|cx| waiting.service.poll_ready(cx));
        waiting.close().map_err(|saw| format!("dropped while it waited for readiness: {saw}"))
    }

    pub(super) async fn unpolled_future_leaves_nothing(&self) -> Result<(), String> {
        let (mut bench, well) = self.ailing_bench(|_| Reply::<W>::Hang);
        bench.ready().await?;
        let call = bench.service.call(self.ask(121));
        drop(call);
        bench.nothing_running("after the future was dropped")?;
        bench.recovers(&well).await
    }

    pub(super) async fn dropped_future_leaves_nothing(&self) -> Result<(), String> {
        let respond = self.responder();
        self.drop_under("a response", move |_| Reply::<W>::Yields(3, Ok(respond(122)))).await?;
        if W::Error::marked(0).is_some() {
            let error =
                || W::Error::marked(123).map_or(Reply::<W>::Hang, |error| Reply::<W>::Yields(3, Err(error)));
            self.drop_under("an error", move |_| error()).await?;
        }
        for (name, reply) in &self.scripts {
            let reply = Arc::clone(reply);
            self.drop_under(name, move |call| reply(call)).await?;
        }
        Ok(())
    }

    /// Drops a call at each of its polls, each time over a fresh layer.
    async fn drop_under(
        &self,
        script: &str,
        reply: impl Fn(u64) -> Reply<W> + Clone + Send + 'static,
    ) -> Result<(), String> {
        for allowed in 0..DROP_POINTS {
            let (bench, well) = self.ailing_bench(reply.clone());
            let end = poll_then_drop(bench.request(124), allowed).await;
            let when = format!("after a call was dropped at poll {allowed}, on its way to {script}");
            bench.nothing_running(&when)?;
            if end.is_some() {
                return bench.close();
            }
            bench.recovers(&well).await.map_err(|saw| format!("{saw}, {when}"))?;
        }
        Err(format!("the call on its way to {script} was still pending after {DROP_POINTS} polls"))
    }

    pub(super) async fn panic_leaves_nothing(&self) -> Result<(), String> {
        let (mut bench, well) = self.ailing_bench(|_| Reply::<W>::Panic);
        bench.ready().await?;
        {
            let mut call = pin!(bench.service.call(self.ask(125)));
            let safe = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(cx))) {
                Ok(polled) => polled.map(drop),
                Err(_panic) => Poll::Ready(()),
            });
            finished(safe).await?;
        }
        bench.nothing_running("after the inner call panicked")?;
        bench.recovers(&well).await
    }

    /// A layer over an inner service that answers as told, and well once the flag is set.
    fn ailing_bench(
        &self,
        reply: impl Fn(u64) -> Reply<W> + Send + 'static,
    ) -> (Bench<'_, L, W>, Arc<AtomicBool>) {
        let (respond, well) = (self.responder(), Arc::new(AtomicBool::new(false)));
        let flag = Arc::clone(&well);
        let bench =
            self.bench(
                move |call| {
                    if flag.load(Ordering::SeqCst) { Reply::<W>::Ok(respond(WELL)) } else { reply(call) }
                },
            );
        (bench, well)
    }
}

impl<L: Subject<W>, W: Wire> Bench<'_, L, W> {
    /// The next call works as if nothing had been.
    async fn recovers(mut self, well: &AtomicBool) -> Result<(), String> {
        well.store(true, Ordering::SeqCst);
        let next = self.call(126).await.map_err(|saw| format!("the next call found no way: {saw}"))?;
        responded(next, WELL).await.map_err(|saw| format!("the next call went wrong: {saw}"))?;
        self.close()
    }
}
