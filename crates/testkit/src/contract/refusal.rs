use std::sync::Arc;
use std::task::Poll;

use tower_service::Service;

use super::bench::{Bench, finished, ready};
use super::readiness::poll_now;
use super::subject::{Inner, Reply};
use super::{Subject, Suite, Wire};

impl<L: Subject<W>, W: Wire> Suite<L, W> {
    pub(super) async fn refusal_leaves_inner(&self) -> Result<(), String> {
        let mut bench = self.refusing_bench().await?;
        bench.refused("a refused call").await?;
        drop(finished(bench.request(130)).await?);
        bench.untouched("a refused call on a clone")?;
        if self.leaves_inner_alone {
            bench.inner_left_alone().await?;
        }
        self.assert_quiet(&bench.layer, "after refusals")?;
        bench.close()
    }

    pub(super) async fn refusal_answers_call(&self) -> Result<(), String> {
        let mut bench = self.refusing_bench().await?;
        for again in 1..=3 {
            match poll_now(|cx| bench.service.poll_ready(cx)) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    return Err(format!("the layer refused from `poll_ready`, with {error:?}"));
                }
                Poll::Pending => {
                    return Err(format!("readiness for a refusal was not granted at poll {again}"));
                }
            }
        }
        drop(finished(bench.service.call(self.ask(131))).await?);
        bench.untouched("a refused call")?;
        bench.close()
    }

    pub(super) async fn one_state(&self) -> Result<(), String> {
        let layer = (self.make)();
        let mut before = Bench::of(self, layer.clone(), self.responding());
        drop(before.call(132).await?);
        if before.probe.calls() == 0 {
            return Err("the layer refused before it was brought to".to_owned());
        }
        self.refuse(&layer).await?;
        let mut after = Bench::of(self, layer.clone(), self.responding());
        let calls = before.probe.calls();
        drop(before.call(133).await?);
        if before.probe.calls() > calls {
            return Err("a service made before the layer refused still calls its inner service".to_owned());
        }
        after.refused("a service made after its layer value refused").await?;
        before.close()?;
        after.close()
    }

    async fn refusing_bench(&self) -> Result<Bench<'_, L, W>, String> {
        let layer = (self.make)();
        self.refuse(&layer).await?;
        Ok(Bench::of(self, layer, self.responding()))
    }

    /// An inner service with permits to spare: a layer that asked for readiness and then refused may keep it.
    fn responding(&self) -> Inner<W> {
        let respond = self.responder();
        Inner::<W>::with(move |_, _| Reply::<W>::Ok(respond(134))).permits(self.permits + 8)
    }

    /// Brings the layer to refuse: through its own switch, or else by calls through two services of it in turn.
    async fn refuse(&self, layer: &L) -> Result<(), String> {
        if let Some(refuse) = &self.refusing {
            refuse(layer);
            return Ok(());
        }
        let Some((calls, reply)) = &self.refuses_after else { return Ok(()) };
        let inner = || {
            let reply = Arc::clone(reply);
            Inner::<W>::with(move |call, _| reply(call))
        };
        let mut services = [layer.over(inner()), layer.clone().over(inner())];
        for call in 0..*calls {
            let service = &mut services[call % 2];
            ready::<L, W>(service).await?;
            drop(finished(service.call(self.ask(135))).await?);
        }
        Ok(())
    }
}

impl<L: Subject<W>, W: Wire> Bench<'_, L, W> {
    async fn refused(&mut self, who: &str) -> Result<(), String> {
        drop(self.call(136).await?);
        self.untouched(who)
    }

    async fn inner_left_alone(&mut self) -> Result<(), String> {
        if self.probe.ready_polls() > 0 {
            return Err("the layer asked for the inner service's readiness to refuse a call".to_owned());
        }
        self.probe.hold_ready();
        let refused = self.refused("a refused call").await;
        refused.map_err(|saw| format!("while the inner service was not ready: {saw}"))
    }

    fn untouched(&self, who: &str) -> Result<(), String> {
        match self.probe.calls() {
            0 => Ok(()),
            calls => Err(format!("{who} reached the inner service ({calls} calls)")),
        }
    }
}
