use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Deadline, Reject, Verdict};
use bytes::{Buf, Bytes};
use http::header::{HeaderName, HeaderValue};
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use tokio::sync::oneshot;
use tower_service::Service;

use crate::desk::{Desk, Place};
use crate::run::Run;
use crate::{
    After, Claim, Claimed, Event, OwnerToken, Refusal, ReplyBody, Step, Store, StoreError, WhenStoreFails,
    capture, fingerprint, replay,
};

const STATUS: HeaderName = HeaderName::from_static("idempotency-status");

/// What answers a request with a key.
pub(crate) struct Keyed<S, T, J> {
    pub(crate) desk: Arc<Desk<T>>,
    pub(crate) reject: J,
    pub(crate) service: S,
    pub(crate) key: String,
}

/// Reads the body, claims, and either runs the handler in a task of its own or says what is known.
pub(crate) async fn answer<S, T, J, B, RB>(
    keyed: Keyed<S, T, J>,
    request: Request<B>,
) -> Result<Response<ReplyBody<RB>>, S::Error>
where
    S: Service<Request<B>, Response = Response<RB>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    T: Store,
    J: Reject<Response<ReplyBody<RB>>, S::Error> + Send + Sync + 'static,
    B: Body + From<Bytes> + Send + 'static,
    RB: Body<Data: Buf + Send, Error: Send> + Send + 'static,
{
    let Keyed { desk, reject, mut service, key } = keyed;
    let (mut head, body) = request.into_parts();
    let stats = desk.endpoint(&head);
    let refuse = |why| reject.reject(desk.refused(why, &stats));
    let (place, body, claim) = match prepare(&desk, &head, body, &key).await {
        Ok(prepared) => prepared,
        Err(why) => return refuse(why),
    };
    let (place, claimed) = send(&desk, place, &claim).await;
    let owned = match claimed {
        Ok(Claimed::Owned(owned)) => owned,
        Ok(Claimed::Completed(done)) => {
            return match replay::answer(&done, &desk.terms) {
                Ok(response) => {
                    stats.count(Event::Replayed);
                    desk.tell(Verdict::Passed, "replayed");
                    Ok(response)
                }
                Err(why) => refuse(why),
            };
        }
        Ok(Claimed::InFlight { .. }) => return refuse(Refusal::InFlight),
        Ok(Claimed::Mismatch) => return refuse(Refusal::Mismatch),
        Ok(Claimed::Abandoned { .. }) => return refuse(Refusal::OutcomeUnknown),
        Err(error) if may_continue(&desk, &error) => {
            stats.count(Event::StoreFailed);
            desk.tell(Verdict::Changed, "unprotected");
            let response = service.call(Request::from_parts(head, B::from(body))).await?;
            let mut response = response.map(ReplyBody::passing);
            response.headers_mut().insert(STATUS, HeaderValue::from_static("unprotected"));
            return Ok(response);
        }
        Err(error) => return refuse(Refusal::of_store(&error)),
    };
    stats.count(if owned.after == After::Abandonment { Event::Recovered } else { Event::Started });
    // Nobody's patience ends the work.
    head.extensions.remove::<Deadline>();
    let (reply, answer) = oneshot::channel();
    let run = Run::new(Arc::clone(&desk), owned, stats.clone());
    let work = run.see_through(service, head, B::from(body), reply);
    desk.spawn(async move {
        work.await;
        drop(place);
    });
    match answer.await {
        Ok(Ok(answer)) => answer,
        Ok(Err(why)) => refuse(why),
        // The task has gone without a word, as it does when the runtime ends.
        Err(_) => refuse(Refusal::OutcomeUnknown),
    }
}

fn may_continue<T>(desk: &Desk<T>, error: &StoreError) -> bool {
    let is_open = desk.terms.when_store_fails == WhenStoreFails::Continue;
    is_open && !matches!(Refusal::of_store(error), Refusal::ScopeFull)
}

async fn prepare<T: Store, B: Body>(
    desk: &Desk<T>,
    head: &Parts,
    body: B,
    key: &str,
) -> Result<(Place, Bytes, Claim), Refusal> {
    let terms = &desk.terms;
    let place = desk.place().ok_or(Refusal::Full)?;
    let mut caller = Vec::new();
    if !terms.scope.as_ref().is_some_and(|scope| scope(head, &mut caller)) {
        return Err(Refusal::ScopeMissing);
    }
    let body = capture::request(body, terms.request_limit, terms.body_time).await?;
    let claim = Claim {
        id: fingerprint::record_id(&terms.secret, &caller, key),
        scope: fingerprint::scope_of(&terms.secret, &caller),
        fingerprint: fingerprint::fingerprint(head, &body),
        owner: OwnerToken::draw(&terms.entropy),
        lease: terms.lease,
        retain: terms.retain,
        when_abandoned: terms.when_abandoned,
    };
    Ok((place, body, claim))
}

/// Claims; once more if the first answer was lost. The place comes back unless the claim has become a ghost.
async fn send<T: Store>(
    desk: &Arc<Desk<T>>,
    place: Place,
    claim: &Claim,
) -> (Option<Place>, Result<Claimed, StoreError>) {
    let mut ghost = Ghost { desk: Arc::clone(desk), claim: claim.clone(), place: Some(place) };
    let answer = match desk.claim(claim).await {
        Err(error) if error.may_have_happened() => desk.claim(claim).await,
        answer => answer,
    };
    let is_known = answer.as_ref().err().is_none_or(|error| !error.may_have_happened());
    let place = if is_known { ghost.place.take() } else { None };
    (place, answer)
}

/// A claim whose answer nobody has seen: it may have happened, and nobody runs it.
///
/// Dropped with its place, it gives up the claim, so that the same request need not wait for the lease to end.
struct Ghost<T: Store> {
    desk: Arc<Desk<T>>,
    claim: Claim,
    place: Option<Place>,
}

impl<T: Store> Ghost<T> {
    const TRIES: u32 = 3;
    const PAUSE: Duration = Duration::from_millis(250);
}

impl<T: Store> Drop for Ghost<T> {
    fn drop(&mut self) {
        let Some(place) = self.place.take() else { return };
        if tokio::runtime::Handle::try_current().is_err() {
            return; // the lease ends it
        }
        let (desk, claim) = (Arc::clone(&self.desk), self.claim.clone());
        self.desk.spawn(async move {
            lay(&desk, &claim).await;
            drop(place);
        });
    }
}

async fn lay<T: Store>(desk: &Desk<T>, claim: &Claim) {
    for _ in 0..Ghost::<T>::TRIES {
        if let Ok(claimed) = desk.claim(claim).await {
            let Claimed::Owned(owned) = claimed else { return };
            // It must not be forgotten that an earlier attempt was not finished.
            let step = match owned.after {
                After::Abandonment => Step::Abandon,
                After::Nothing | After::Release => Step::Release { retain: desk.terms.retain },
            };
            if desk.step(&owned.ticket, &step).await.is_ok() {
                return;
            }
        }
        tokio::time::sleep(Ghost::<T>::PAUSE).await;
    }
}
