use std::sync::Arc;

use buttress_core::{Deadline, Reject, Verdict};
use buttress_http::deadline_of;
use bytes::{Buf, Bytes};
use http::header::{HeaderName, HeaderValue};
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use tokio::sync::oneshot;
use tower_service::Service;

use crate::ask::{Asker, Heard};
use crate::desk::{Desk, Place};
use crate::run::Run;
use crate::seats::Told;
use crate::{
    After, Claim, Event, OwnerToken, Refusal, ReplyBody, Store, StoreError, WhenStoreFails, capture,
    fingerprint, replay,
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
    let deadline = if desk.terms.wait.is_zero() { None } else { deadline_of(&head.extensions) };
    let grant = match Asker::new(&desk, &stats, &claim, deadline).ask(claim, Some(place)).await {
        Heard::Granted(grant) => grant,
        Heard::Told(Told::Done(done)) => {
            return match replay::answer(&done, &desk.terms) {
                Ok(response) => {
                    stats.count(Event::Replayed);
                    desk.tell(Verdict::Passed, "replayed");
                    Ok(response)
                }
                Err(why) => refuse(why),
            };
        }
        Heard::Told(Told::InFlight) => return refuse(Refusal::InFlight),
        Heard::Told(Told::Mismatch) => return refuse(Refusal::Mismatch),
        Heard::Told(Told::Unknown) => return refuse(Refusal::OutcomeUnknown),
        Heard::Told(Told::Failed(error)) if may_continue(&desk, &error) => {
            stats.count(Event::StoreFailed);
            desk.tell(Verdict::Changed, "unprotected");
            let response = service.call(Request::from_parts(head, B::from(body))).await?;
            let mut response = response.map(ReplyBody::passing);
            response.headers_mut().insert(STATUS, HeaderValue::from_static("unprotected"));
            return Ok(response);
        }
        Heard::Told(Told::Failed(error)) => return refuse(Refusal::of_store(&error)),
    };
    let is_recovery = grant.owned.after == After::Abandonment;
    stats.count(if is_recovery { Event::Recovered } else { Event::Started });
    // Nobody's patience ends the work.
    head.extensions.remove::<Deadline>();
    let (reply, answer) = oneshot::channel();
    let run = Run::new(Arc::clone(&desk), grant, stats.clone());
    desk.spawn(run.see_through(service, head, B::from(body), reply));
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
