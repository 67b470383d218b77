use std::future::{Future, poll_fn};

use tower_service::Service;

use super::subject::{Answer, Inner, InnerProbe, Outer};
use super::{MarkedError, ReadMark, Subject, Suite, Wire};
use crate::{Counts, poll_bounded};

/// More polls than an honest call needs in these laws, retries included.
const CALL_POLLS: usize = 64;

/// One layer over one inner service, and one service made of them.
pub(super) struct Bench<'a, L: Subject<W>, W: Wire> {
    pub(super) suite: &'a Suite<L, W>,
    pub(super) layer: L,
    pub(super) probe: InnerProbe<W>,
    pub(super) service: Outer<L, W>,
}

impl<'a, L: Subject<W>, W: Wire> Bench<'a, L, W> {
    pub(super) fn new(suite: &'a Suite<L, W>, inner: Inner<W>) -> Self {
        Self::of(suite, (suite.make)(), inner.permits(suite.permits))
    }

    pub(super) fn with_permits(suite: &'a Suite<L, W>, inner: Inner<W>, permits: usize) -> Self {
        Self::of(suite, (suite.make)(), inner.permits(permits))
    }

    pub(super) fn of(suite: &'a Suite<L, W>, layer: L, inner: Inner<W>) -> Self {
        let probe = inner.probe();
        let service = layer.over(inner);
        Self { suite, layer, probe, service }
    }

    pub(super) async fn ready(&mut self) -> Result<(), String> {
        ready::<L, W>(&mut self.service).await
    }

    /// One whole call on the service itself.
    pub(super) async fn call(&mut self, mark: u32) -> Result<Answer<L, W>, String> {
        self.ready().await?;
        finished(self.service.call(self.suite.ask(mark))).await
    }

    /// One whole call as a future that owns its service: waits for readiness, then calls.
    pub(super) fn request(&self, mark: u32) -> impl Future<Output = Answer<L, W>> + use<L, W> {
        let request = self.suite.ask(mark);
        let mut service = self.service.clone();
        async move {
            poll_fn(|cx| service.poll_ready(cx)).await?;
            service.call(request).await
        }
    }

    /// No call of the inner service is on its way, and the layer holds nothing.
    pub(super) fn nothing_running(&self, when: &str) -> Result<(), String> {
        let Counts { in_flight, permits_held, .. } = self.probe.counts();
        none(in_flight, "inner calls still in flight", when)?;
        none(permits_held, "inner permits still held", when)?;
        self.suite.assert_quiet(&self.layer, when)
    }

    /// Drops the service; nothing is left of it, and the strict inner service has no complaint.
    pub(super) fn close(self) -> Result<(), String> {
        let Self { suite, layer, probe, service } = self;
        drop(service);
        let Counts { in_flight, permits_held, instances, .. } = probe.counts();
        none(in_flight, "inner calls still in flight", "after the end")?;
        none(permits_held, "inner permits still held", "after the end")?;
        none(instances, "inner instances still alive", "after the last service was dropped")?;
        suite.assert_quiet(&layer, "after the end")?;
        match probe.violations().as_slice() {
            [] => Ok(()),
            violations => Err(violations.join("; ")),
        }
    }
}

fn none(count: usize, what: &str, when: &str) -> Result<(), String> {
    if count == 0 { Ok(()) } else { Err(format!("{count} {what} {when}")) }
}

pub(super) async fn ready<L: Subject<W>, W: Wire>(service: &mut Outer<L, W>) -> Result<(), String> {
    match poll_bounded(poll_fn(|cx| service.poll_ready(cx)), CALL_POLLS).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("readiness failed with {error:?}")),
        Err(why) => Err(format!("readiness was {why}")),
    }
}

pub(super) async fn finished<F: Future>(call: F) -> Result<F::Output, String> {
    poll_bounded(call, CALL_POLLS).await.map_err(|why| format!("the call was {why}"))
}

/// The answer is the inner response with that mark.
pub(super) async fn responded<Res, E>(answer: Result<Res, E>, mark: u32) -> Result<(), String>
where
    Res: ReadMark,
    E: MarkedError,
{
    match answer {
        Ok(response) => match finished(response.read_mark()).await? {
            Some(seen) if seen == mark => Ok(()),
            Some(seen) => Err(format!("the response to another call came, with mark {seen} and not {mark}")),
            None => Err(format!("the response is not the inner one: it lost its mark {mark}")),
        },
        Err(error) => Err(format!("the call failed with {error:?}, and the inner service had responded")),
    }
}

/// The answer is the inner error with that mark, and no other around it.
pub(super) fn failed<Res, E: MarkedError>(answer: Result<Res, E>, mark: u32) -> Result<(), String> {
    match answer {
        Err(error) if error.mark() == Some(mark) => Ok(()),
        Err(error) => Err(format!("the inner error with mark {mark} became {error:?}")),
        Ok(_) => Err(format!("the inner error with mark {mark} became a response")),
    }
}
