use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Refused, Verdict};
use bytes::Buf;
use http::header::HeaderValue;
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use tower_service::Service;

use crate::ask::Grant;
use crate::desk::{Desk, Place};
use crate::seats::Seat;
use crate::work::{Beside, Caught};
use crate::{
    Completion, EndpointStats, Event, Idempotency, Owned, Refusal, ReplyBody, Step, Stepped, Store,
    StoreError, capture, replay,
};

/// What the client hears: the inner service's answer, or the layer's own.
pub(crate) type Answer<RB, E> = Result<Result<Response<ReplyBody<RB>>, E>, Refusal>;

/// How a run ended.
struct Ended<RB: Body, E> {
    answer: Answer<RB, E>,
    step: Step,
}

/// One run of a handler, from the claim to the end of its record.
pub(crate) struct Run<T> {
    desk: Arc<Desk<T>>,
    owned: Owned,
    stats: EndpointStats,
    lost: Arc<watch::Sender<bool>>,
    seat: Mutex<Option<Seat>>,
    _place: Option<Place>,
}

impl<T: Store> Run<T> {
    /// Between two tries to write down how a run ended, at first.
    const PAUSE: Duration = Duration::from_millis(100);
    /// The longest of these pauses.
    const LONGEST_PAUSE: Duration = Duration::from_secs(5);

    pub(crate) fn new(desk: Arc<Desk<T>>, grant: Grant, stats: EndpointStats) -> Self {
        let Grant { owned, seat, place } = grant;
        Self { desk, owned, stats, lost: Arc::default(), seat: Mutex::new(Some(seat)), _place: place }
    }

    /// Runs the handler to its end, with its lease renewed, writes down how it ended, and then answers.
    pub(crate) async fn see_through<S, B, RB>(
        self,
        service: S,
        mut head: Parts,
        body: B,
        reply: oneshot::Sender<Answer<RB, S::Error>>,
    ) where
        S: Service<Request<B>, Response = Response<RB>>,
        S::Error: 'static,
        RB: Body<Data: Buf>,
    {
        head.extensions.insert(Idempotency::new(Arc::clone(&self.desk), &self.owned, &self.lost));
        let request = Request::from_parts(head, body);
        let work = async {
            let ended = self.run(service, request).await;
            self.end(ended, reply).await;
        };
        Beside::new(work, self.renew()).await;
    }

    async fn run<S, B, RB>(&self, service: S, request: Request<B>) -> Ended<RB, S::Error>
    where
        S: Service<Request<B>, Response = Response<RB>>,
        S::Error: 'static,
        RB: Body<Data: Buf>,
    {
        let handling = Caught::new(self.handle(service, request));
        let why = match tokio::time::timeout(self.desk.terms.longest, handling).await {
            Ok(Some(ended)) => return ended,
            Ok(None) => Refusal::Panicked,
            Err(_) => Refusal::Overdue,
        };
        Ended { answer: Err(why), step: Step::Abandon }
    }

    async fn handle<S, B, RB>(&self, mut service: S, request: Request<B>) -> Ended<RB, S::Error>
    where
        S: Service<Request<B>, Response = Response<RB>>,
        S::Error: 'static,
        RB: Body<Data: Buf>,
    {
        let terms = &self.desk.terms;
        match service.call(request).await {
            Ok(response) => {
                let (response, step) = capture::response(response, terms).await;
                Ended { answer: Ok(Ok(response)), step }
            }
            Err(error) => {
                let is_untouched = Refused::in_error(&error).is_some_and(|refused| !refused.reached_inner());
                let step = if is_untouched { Step::Release { retain: terms.retain } } else { Step::Abandon };
                Ended { answer: Ok(Err(error)), step }
            }
        }
    }

    /// Writes it down before the answer goes out, so that no client sees a result that a retry would not see again. If
    /// the store fails, the client has waited for long enough, and the writing goes on.
    async fn end<RB: Body, E>(&self, ended: Ended<RB, E>, reply: oneshot::Sender<Answer<RB, E>>) {
        let Ended { answer, step } = ended;
        let ticket = &self.owned.ticket;
        match self.desk.step(ticket, &step).await {
            Ok(stepped) => {
                self.count(&step, &stepped);
                // Before the answer goes out: who has it may ask again at once.
                self.leave();
                // Nobody waits if the client has left.
                let _ = reply.send(self.said(answer, &step, stepped));
            }
            Err(error) => {
                let _ = reply.send(answer);
                self.insist(&step, error).await;
            }
        }
    }

    /// From now on the store says what became of the operation.
    fn leave(&self) {
        let seat = self.seat.lock().take();
        drop(seat);
    }

    fn lose(&self) {
        self.lost.send_replace(true);
        self.leave();
    }

    async fn insist(&self, step: &Step, mut error: StoreError) {
        self.stats.count(Event::StoreFailed);
        let give_up = Instant::now() + self.desk.terms.longest;
        let mut pause = Self::PAUSE;
        while Instant::now() < give_up {
            self.desk.tell(Verdict::Retried, code_of(&error));
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Self::LONGEST_PAUSE);
            match self.desk.step(&self.owned.ticket, step).await {
                Ok(stepped) => return self.count(step, &stepped),
                Err(again) => error = again,
            }
        }
        self.desk.tell(Verdict::GaveUp, code_of(&error));
        self.stats.count(Event::Abandoned);
    }

    fn count(&self, step: &Step, stepped: &Stepped) {
        let is_whole =
            |step: &Step| matches!(step, Step::Complete { response, .. } if response.body().is_some());
        let event = match (stepped, step) {
            (Stepped::Fenced(_) | Stepped::Gone, _) => Event::Fenced,
            (Stepped::Done, Step::Complete { .. }) if is_whole(step) => Event::Completed,
            (_, Step::Complete { .. }) => Event::Tombstoned,
            (_, Step::Release { .. }) => Event::Released,
            (_, _) => Event::Abandoned,
        };
        self.stats.count(event);
    }

    /// The run's own answer, unless another run has given the one that counts.
    fn said<RB: Body, E>(&self, mut answer: Answer<RB, E>, step: &Step, stepped: Stepped) -> Answer<RB, E> {
        match (stepped, &mut answer) {
            (Stepped::Fenced(done), _) => self.canonical(done),
            (Stepped::Done | Stepped::StatusOnly, Ok(Ok(response)))
                if matches!(step, Step::Complete { .. }) =>
            {
                let seconds = HeaderValue::from(self.desk.terms.retain.as_secs());
                response.headers_mut().insert(replay::RETENTION, seconds);
                answer
            }
            _ => answer,
        }
    }

    fn canonical<RB: Body, E>(&self, done: Option<Completion>) -> Answer<RB, E> {
        self.desk.tell(Verdict::Changed, "fenced");
        let done = done.ok_or(Refusal::InFlight)?;
        replay::answer(&done, &self.desk.terms).map(Ok)
    }

    /// Renews the lease for as long as it is polled, and tells the handler if it is lost.
    async fn renew(&self) {
        let terms = &self.desk.terms;
        let step = Step::Renew { lease: terms.lease, retain: terms.retain };
        let mut renewed_at = Instant::now();
        let mut pause = self.pause();
        loop {
            tokio::time::sleep(pause).await;
            let asked_at = Instant::now();
            match self.desk.step(&self.owned.ticket, &step).await {
                Ok(Stepped::Done | Stepped::StatusOnly) => {
                    renewed_at = asked_at;
                    pause = self.pause();
                }
                Ok(Stepped::Fenced(_) | Stepped::Gone) => {
                    self.lose();
                    return;
                }
                Err(_) => {
                    pause = terms.lease / 12;
                    if renewed_at.elapsed() >= terms.lease / 6 * 5 {
                        self.lose();
                    }
                }
            }
        }
    }

    /// A third of the lease, a tenth of which is up to chance, so that runs which began together do not renew together.
    fn pause(&self) -> Duration {
        let tenth = u32::try_from(self.desk.terms.entropy.draw() % 1_000).unwrap_or(0);
        self.desk.terms.lease.mul_f64((1.0 - f64::from(tenth) / 10_000.0) / 3.0)
    }
}

fn code_of(error: &StoreError) -> &'static str {
    if error.may_have_happened() { "store_unreachable" } else { "store_refused" }
}
