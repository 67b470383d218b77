//! A small layer that is right, and can be told to do one thing wrong.

use std::future::{Future, poll_fn};
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};
use std::task::{Context, Poll, Waker};

use buttress_core::BoxError;
use tower::{Layer, Service, ServiceExt};

/// The one thing that the layer does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Not a fault: readiness is asked for inside the call, as a timeout over queueing does.
    ReadyInCall,
    CallsUnreadyClone,
    ParksReadyInstance,
    CloneCopiesReadiness,
    WithdrawsReadiness,
    AsksMoreAndMore,
    TakesItsSlotWhenReady,
    TakesItsSlotToWait,
    SwallowsReadyWaker,
    KeepsFirstReadyWaker,
    SpinsForReadiness,
    RenamesReadinessError,
    ChangesRequest,
    ChangesResponse,
    RenamesError,
    SwallowsAnswerWaker,
    SpinsInCall,
    TicksInCall,
    CountsUntilAnswered,
    CountsFromFirstPoll,
    LeaksOnPanic,
    DetachesTheCall,
    KeepsAnInstance,
    RefusesFromPollReady,
    RefusesByPending,
    CallsThenRefuses,
    AsksInnerToRefuse,
    StateInService,
}

#[derive(Clone)]
pub(crate) struct ToyLayer {
    fault: Fault,
    running: Arc<AtomicIsize>,
    calls: Arc<AtomicIsize>,
    shut: Arc<AtomicBool>,
    most_calls: isize,
    kept: Arc<std::sync::Mutex<Vec<Box<dyn std::any::Any + Send>>>>,
}

impl ToyLayer {
    pub(crate) fn new(fault: Fault) -> Self {
        Self {
            fault,
            running: Arc::default(),
            calls: Arc::default(),
            shut: Arc::default(),
            most_calls: isize::MAX,
            kept: Arc::default(),
        }
    }

    /// Refuses once it has let so many calls through.
    pub(crate) fn at_most(mut self, calls: isize) -> Self {
        self.most_calls = calls;
        self
    }

    pub(crate) fn running(&self) -> isize {
        self.running.load(Ordering::SeqCst)
    }

    pub(crate) fn shut(&self) {
        self.shut.store(true, Ordering::SeqCst);
    }

    fn refuses(&self) -> bool {
        self.shut.load(Ordering::SeqCst) || self.calls.load(Ordering::SeqCst) >= self.most_calls
    }
}

impl<S: Clone + Send + 'static> Layer<S> for ToyLayer {
    type Service = Toy<S>;

    fn layer(&self, inner: S) -> Toy<S> {
        let mut layer = self.clone();
        if self.fault == Fault::StateInService {
            layer.calls = Arc::default();
            layer.shut = Arc::new(AtomicBool::new(self.shut.load(Ordering::SeqCst)));
        }
        if self.fault == Fault::KeepsAnInstance {
            self.kept.lock().unwrap().push(Box::new(inner.clone()));
        }
        Toy { inner, parked: None, layer, ready: false, polls: 0, first_waker: None, extra: Vec::new() }
    }
}

pub(crate) struct Toy<S> {
    inner: S,
    parked: Option<S>,
    layer: ToyLayer,
    ready: bool,
    polls: usize,
    first_waker: Option<Waker>,
    extra: Vec<S>,
}

impl<S: Clone> Clone for Toy<S> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            parked: None,
            layer: self.layer.clone(),
            ready: self.ready && self.layer.fault == Fault::CloneCopiesReadiness,
            polls: 0,
            first_waker: None,
            extra: Vec::new(),
        }
    }
}

type Answer = Result<u32, BoxError>;

impl<S> Service<u32> for Toy<S>
where
    S: Service<u32, Response = u32, Error = BoxError> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    type Response = u32;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.polls += 1;
        if self.layer.refuses() {
            match self.layer.fault {
                Fault::RefusesFromPollReady => return Poll::Ready(Err("shut".into())),
                Fault::RefusesByPending => return Poll::Pending,
                Fault::AsksInnerToRefuse => {}
                _ => return Poll::Ready(Ok(())),
            }
        }
        match self.layer.fault {
            Fault::ReadyInCall => Poll::Ready(Ok(())),
            Fault::CloneCopiesReadiness if self.ready => Poll::Ready(Ok(())),
            Fault::WithdrawsReadiness if self.polls > 1 => {
                self.inner = self.inner.clone();
                self.inner.poll_ready(cx)
            }
            Fault::AsksMoreAndMore => {
                let mut extra = self.inner.clone();
                let _ = extra.poll_ready(cx);
                self.extra.push(extra);
                self.inner.poll_ready(cx)
            }
            Fault::TakesItsSlotWhenReady | Fault::TakesItsSlotToWait => {
                let polled = self.inner.poll_ready(cx);
                let slot = polled.is_ready() == (self.layer.fault == Fault::TakesItsSlotWhenReady);
                if slot && !mem::replace(&mut self.ready, true) {
                    self.layer.running.fetch_add(1, Ordering::SeqCst);
                }
                polled
            }
            Fault::SwallowsReadyWaker => self.inner.poll_ready(&mut Context::from_waker(Waker::noop())),
            Fault::KeepsFirstReadyWaker => {
                let waker = self.first_waker.get_or_insert_with(|| cx.waker().clone());
                self.inner.poll_ready(&mut Context::from_waker(waker))
            }
            Fault::SpinsForReadiness => {
                let polled = self.inner.poll_ready(cx);
                if polled.is_pending() {
                    cx.waker().wake_by_ref();
                }
                polled
            }
            Fault::RenamesReadinessError => self.inner.poll_ready(cx).map_err(|_| "not ready".into()),
            _ => {
                let polled = self.inner.poll_ready(cx);
                self.ready = polled.is_ready();
                polled
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a toy may allocate")]
    fn call(&mut self, request: u32) -> Self::Future {
        let fault = self.layer.fault;
        if mem::take(&mut self.ready)
            && matches!(fault, Fault::TakesItsSlotWhenReady | Fault::TakesItsSlotToWait)
        {
            self.layer.running.fetch_sub(1, Ordering::SeqCst);
        }
        self.polls = 0;
        if self.layer.refuses() {
            let inner = (fault == Fault::CallsThenRefuses).then(|| self.inner.clone());
            return Box::pin(async move {
                if let Some(inner) = inner {
                    let _ = inner.oneshot(request).await;
                }
                Err("shut".into())
            });
        }
        self.layer.calls.fetch_add(1, Ordering::SeqCst);
        let inner = match fault {
            Fault::CallsUnreadyClone => {
                let mut clone = self.inner.clone();
                return Box::pin(clone.call(request));
            }
            Fault::ParksReadyInstance => {
                self.parked = Some(self.inner.clone());
                let clone = self.inner.clone();
                return Box::pin(clone.oneshot(request));
            }
            Fault::ReadyInCall => self.inner.clone(),
            _ => {
                let clone = self.inner.clone();
                mem::replace(&mut self.inner, clone)
            }
        };
        self.layer.running.fetch_add(1, Ordering::SeqCst);
        let counted = (fault != Fault::CountsFromFirstPoll).then(|| Counted::adopt(&self.layer));
        Box::pin(run(self.layer.clone(), inner, request, counted))
    }
}

/// Takes over a call that was counted when it began, and counts it out at its end.
struct Counted {
    fault: Fault,
    layer: ToyLayer,
    answered: bool,
}

impl Counted {
    fn adopt(layer: &ToyLayer) -> Self {
        Self { fault: layer.fault, layer: layer.clone(), answered: false }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let leaks = match self.fault {
            Fault::CountsUntilAnswered => !self.answered,
            Fault::LeaksOnPanic => std::thread::panicking(),
            _ => false,
        };
        if !leaks {
            self.layer.running.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

async fn run<S>(layer: ToyLayer, mut inner: S, request: u32, counted: Option<Counted>) -> Answer
where
    S: Service<u32, Response = u32, Error = BoxError>,
    S::Future: Send + 'static,
{
    let fault = layer.fault;
    let mut counted = counted.unwrap_or_else(|| Counted::adopt(&layer));
    if fault == Fault::ReadyInCall {
        poll_fn(|cx| inner.poll_ready(cx)).await?;
    }
    let request = if fault == Fault::ChangesRequest { request + 1 } else { request };
    let call = inner.call(request);
    let answer = match fault {
        Fault::SwallowsAnswerWaker => without_waker(call).await,
        Fault::SpinsInCall => spinning(call).await,
        Fault::TicksInCall => ticking(call).await,
        Fault::DetachesTheCall => detached(call).await,
        _ => call.await,
    };
    counted.answered = true;
    match fault {
        Fault::ChangesResponse => answer.map(|response| response + 1),
        Fault::RenamesError => answer.map_err(|why| format!("layer failed: {why}").into()),
        _ => answer,
    }
}

async fn without_waker(call: impl Future<Output = Answer>) -> Answer {
    let mut call = pin!(call);
    poll_fn(|_| call.as_mut().poll(&mut Context::from_waker(Waker::noop()))).await
}

async fn spinning(call: impl Future<Output = Answer>) -> Answer {
    let mut call = pin!(call);
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        call.as_mut().poll(cx)
    })
    .await
}

async fn ticking(call: impl Future<Output = Answer>) -> Answer {
    let mut call = pin!(call);
    loop {
        let tick = std::time::Duration::from_millis(10);
        if let Ok(answer) = tokio::time::timeout(tick, call.as_mut()).await {
            return answer;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the fault in question")]
async fn detached(call: impl Future<Output = Answer> + Send + 'static) -> Answer {
    tokio::spawn(call).await?
}
