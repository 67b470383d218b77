use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Refused, Verdict};
use bytes::Buf;
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use tokio::time::Instant;
use tower_service::Service;

use crate::ask::Grant;
use crate::capture::Captured;
use crate::desk::Desk;
use crate::lease::Lease;
use crate::places::Place;
use crate::renewals::Renewal;
use crate::seats::Told;
use crate::within::{Late, within};
use crate::work::{Call, Caught, Then};
use crate::{
    After, Completion, EndpointStats, Event, Idempotency, Refusal, ReplyBody, Step, Stepped, Store,
    StoreError, StoreErrorKind, capture, replay,
};

/// What the client hears: the inner service's answer, or the layer's own.
pub(crate) type Answer<RB, E> = Result<Result<Response<ReplyBody<RB>>, E>, Refusal>;

/// How a run ended.
struct Ended<RB: Body, E> {
    answer: Answer<RB, E>,
    step: Step,
}

/// One run of a handler, from the claim to the end of its record.
///
/// Dropped before its end is counted, as when its runtime ends, it counts as abandoned and says so to the store.
pub(crate) struct Run<T: Store> {
    lease: Arc<Lease<T>>,
    stats: EndpointStats,
    has_ended: bool,
    _renewal: Renewal<T>,
    _place: Option<Place>,
}

impl<T: Store> Run<T> {
    /// Between two tries to write down how a run ended, at first.
    const PAUSE: Duration = Duration::from_millis(100);
    /// The longest of these pauses.
    const LONGEST_PAUSE: Duration = Duration::from_secs(5);

    pub(crate) fn new(grant: Grant<T>, stats: EndpointStats) -> Self {
        let Grant { lease, place } = grant;
        let is_recovery = lease.after == After::Abandonment;
        stats.count(if is_recovery { Event::Recovered } else { Event::Started });
        let renewal = lease.desk.renewals.add(Arc::clone(&lease));
        Self { lease, stats, has_ended: false, _renewal: renewal, _place: place }
    }

    fn desk(&self) -> &Desk<T> {
        &self.lease.desk
    }

    /// Runs the handler to its end, with its lease renewed, writes down how it ended, and then answers.
    ///
    /// Not an async function, which would hold its arguments twice and all that it ever waits for side by side.
    pub(crate) fn see_through<S, B, RB>(
        self,
        service: S,
        mut head: Parts,
        body: B,
    ) -> impl Future<Output = Answer<RB, S::Error>> + use<T, S, B, RB>
    where
        S: Service<Request<B>, Response = Response<RB>>,
        S::Error: 'static,
        RB: Body<Data: Buf>,
    {
        head.extensions.insert(Idempotency::new(Arc::clone(&self.lease)));
        let (longest, lease) = (self.desk().terms.longest, Arc::clone(&self.lease));
        let call = Call::new(service, Request::from_parts(head, body));
        let handling = Then::new(call, move |called| taken_in(lease, called));
        Then::new(Caught::new(within(longest, handling)), move |done| {
            let why = match done {
                Some(Ok(ended)) => return self.end(ended),
                Some(Err(Late)) => Refusal::Overdue,
                None => Refusal::Panicked,
            };
            self.end(Ended { answer: Err(why), step: Step::Abandon })
        })
    }

    /// Writes it down before the answer goes out, so that no client sees a result that a retry would not see again. If
    /// the store fails, the client has waited for long enough, and the writing goes on.
    fn end<RB: Body, E>(
        mut self,
        ended: Ended<RB, E>,
    ) -> impl Future<Output = Answer<RB, E>> + use<T, RB, E> {
        let Ended { answer, step } = ended;
        async move {
            match self.lease.step(&step).await {
                Ok(stepped) => {
                    self.count(event_of(&step, &stepped));
                    // Before the answer goes out: who has it may ask again at once.
                    self.lease.leave();
                    self.said(answer, &step, stepped)
                }
                Err(error) => {
                    self.foretell(&step);
                    Desk::<T>::spawn(self.insist(step, error));
                    answer
                }
            }
        }
    }

    /// What the store will say once it can be written down is said to those who ask here meanwhile.
    fn foretell(&self, step: &Step) {
        if let Step::Complete { response, retain } = step {
            let (response, completed_at) = (Arc::clone(response), self.lease.now());
            let expires_at = completed_at.after(*retain);
            let attempt = self.lease.attempt;
            self.lease.tell(Told::Done(Completion { response, completed_at, expires_at, attempt }));
        }
    }

    async fn insist(mut self, step: Step, mut error: StoreError) {
        self.stats.count(Event::StoreFailed);
        let give_up = Instant::now() + self.desk().terms.longest;
        let mut pause = Self::PAUSE;
        // A record that cannot be read will not be read later.
        while Instant::now() < give_up && error.kind() != StoreErrorKind::Corrupt {
            self.desk().tell(Verdict::Retried, code_of(&error));
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Self::LONGEST_PAUSE);
            match self.lease.step(&step).await {
                Ok(stepped) => return self.count(event_of(&step, &stepped)),
                Err(again) => error = again,
            }
        }
        self.desk().tell(Verdict::GaveUp, code_of(&error));
        self.count(Event::Abandoned);
    }

    fn count(&mut self, end: Event) {
        self.has_ended = true;
        self.stats.count(end);
    }

    /// The run's own answer, unless another run has given the one that counts.
    fn said<RB: Body, E>(&self, mut answer: Answer<RB, E>, step: &Step, stepped: Stepped) -> Answer<RB, E> {
        match (stepped, &mut answer) {
            (Stepped::Fenced(done), _) => self.canonical(done),
            (Stepped::Done, Ok(Ok(response))) if is_whole(step) => {
                let terms = &self.desk().terms;
                terms.marks.kept(response.headers_mut(), terms.retain);
                answer
            }
            _ => answer,
        }
    }

    fn canonical<RB: Body, E>(&self, done: Option<Completion>) -> Answer<RB, E> {
        self.desk().tell(Verdict::Changed, "fenced");
        let done = done.ok_or(Refusal::Overtaken)?;
        replay::answer(&done, &self.desk().terms).map(Ok)
    }
}

impl<T: Store> Drop for Run<T> {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        self.stats.count(Event::Abandoned);
        if tokio::runtime::Handle::try_current().is_ok() {
            let (desk, ticket) = (Arc::clone(&self.lease.desk), self.lease.ticket());
            // If it fails, the lease ends it.
            Desk::<T>::spawn(async move { drop(desk.step(&ticket, &Step::Abandon).await) });
        }
    }
}

/// Takes in what the handler said, as far as that is kept.
async fn taken_in<T, RB, E>(lease: Arc<Lease<T>>, called: Result<Response<RB>, E>) -> Ended<RB, E>
where
    T: Store,
    RB: Body<Data: Buf>,
    E: 'static,
{
    let (terms, after) = (&lease.desk.terms, lease.after);
    match called {
        Ok(response) => {
            let Captured { mut response, step } = capture::response(response, terms, after).await;
            terms.marks.first(response.headers_mut());
            Ended { answer: Ok(Ok(response)), step }
        }
        Err(error) => {
            let is_untouched = Refused::in_error(&error).is_some_and(|refused| !refused.reached_inner());
            let may_release = is_untouched && after != After::Abandonment;
            let step = if may_release { Step::Release { retain: terms.retain } } else { Step::Abandon };
            Ended { answer: Ok(Err(error)), step }
        }
    }
}

fn event_of(step: &Step, stepped: &Stepped) -> Event {
    match (stepped, step) {
        (Stepped::Fenced(_) | Stepped::Gone, _) => Event::Fenced,
        (Stepped::Done, step) if is_whole(step) => Event::Completed,
        (_, Step::Complete { .. }) => Event::Tombstoned,
        (_, Step::Release { .. }) => Event::Released,
        (_, _) => Event::Abandoned,
    }
}

fn is_whole(step: &Step) -> bool {
    matches!(step, Step::Complete { response, .. } if response.body().is_some())
}

fn code_of(error: &StoreError) -> &'static str {
    if error.may_have_happened() { "store_unreachable" } else { "store_refused" }
}
