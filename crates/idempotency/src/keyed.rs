use std::sync::Arc;

use buttress_core::{Deadline, Reject, Verdict};
use buttress_http::deadline_of;
use bytes::{Buf, Bytes};
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use tokio::sync::oneshot;
use tower_service::Service;

use crate::ask::{Asker, Heard};
use crate::desk::Desk;
use crate::run::Run;
use crate::seats::Told;
use crate::{
    Claim, EndpointStats, Event, Fingerprint, Idempotency, OwnerToken, RecordId, Refusal, ReplyBody, Scope,
    Store, capture, replay, unprotected,
};

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
    mut head: Parts,
    body: B,
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
    let terms = &desk.terms;
    let endpoint = desk.endpoint(&head);
    let stats = desk.stats_of(endpoint.as_deref());
    let says = Says { desk: &desk, reject: &reject, stats: &stats };
    let Some(caller) = terms.caller(&head) else { return says.no(Refusal::ScopeMissing) };
    let id = desk.hashes.record_id(&caller, &key);
    if runs_for(&head, id) {
        let response = service.call(Request::from_parts(head, body)).await?;
        return Ok(response.map(ReplyBody::passing));
    }
    let scope = desk.hashes.scope_of(&caller);
    let place = match desk.places.take(scope) {
        Ok(place) => place,
        Err(why) => return says.no(why),
    };
    let body = match capture::request(body, terms.request_limit, terms.body_time).await {
        Ok(body) => body,
        Err(why) => return says.no(why),
    };
    let asked_for = desk.hashes.fingerprint(terms, endpoint.as_deref().unwrap_or_default(), &head, &body);
    let claim = claim(&desk, id, scope, asked_for);
    let deadline = if terms.wait.is_zero() { None } else { deadline_of(&head.extensions) };
    // Nobody's patience ends the work.
    head.extensions.remove::<Deadline>();
    let (reply, answer) = oneshot::channel();
    match Asker::new(&desk, &stats, &claim, deadline).ask(claim, Some(place)).await {
        Heard::Told(told) => return says.what_is_known(told),
        Heard::Granted(grant) => {
            let run = Run::new(Arc::clone(&desk), grant, stats.clone());
            Desk::<T>::spawn(run.see_through(service, head, B::from(body), reply));
        }
        Heard::Unprotected(exception) => {
            stats.count(Event::StoreFailed);
            let request = Request::from_parts(head, B::from(body));
            Desk::<T>::spawn(unprotected::see_through(Arc::clone(&desk), exception, service, request, reply));
        }
    }
    match answer.await {
        Ok(Ok(answer)) => answer,
        Ok(Err(why)) => says.no(why),
        // The task has gone without a word, as it does when the runtime ends.
        Err(_) => says.no(Refusal::OutcomeUnknown),
    }
}

/// Whether a layer outside has the record and runs it for this very request.
fn runs_for(head: &Parts, id: RecordId) -> bool {
    head.extensions.get::<Idempotency>().is_some_and(|run| run.id() == id)
}

fn claim<T: Store>(desk: &Desk<T>, id: RecordId, scope: Scope, fingerprint: Fingerprint) -> Claim {
    let terms = &desk.terms;
    Claim {
        id,
        scope,
        fingerprint,
        owner: OwnerToken::draw(&terms.entropy),
        lease: terms.lease,
        retain: terms.retain,
        when_abandoned: terms.when_abandoned,
    }
}

/// Answers without a run.
struct Says<'a, T, J> {
    desk: &'a Desk<T>,
    reject: &'a J,
    stats: &'a EndpointStats,
}

impl<T: Store, J> Says<'_, T, J> {
    fn no<RB: Body, E>(&self, why: Refusal) -> Result<Response<ReplyBody<RB>>, E>
    where
        J: Reject<Response<ReplyBody<RB>>, E>,
    {
        self.reject.reject(self.desk.refused(why, self.stats))
    }

    fn what_is_known<RB: Body, E>(&self, told: Told) -> Result<Response<ReplyBody<RB>>, E>
    where
        J: Reject<Response<ReplyBody<RB>>, E>,
    {
        match told {
            Told::InFlight => self.no(Refusal::InFlight),
            Told::Mismatch => self.no(Refusal::Mismatch),
            Told::Unknown => self.no(Refusal::OutcomeUnknown),
            Told::Failed(error) => self.no(Refusal::of_store(&error)),
            Told::Done(done) => match replay::answer(&done, &self.desk.terms) {
                Ok(response) => {
                    self.stats.count(Event::Replayed);
                    self.desk.tell(Verdict::Passed, "replayed");
                    Ok(response)
                }
                Err(why) => {
                    let mut refusal = self.no(why);
                    if let Ok(response) = &mut refusal {
                        replay::point_to(&done.response, response.headers_mut());
                    }
                    refusal
                }
            },
        }
    }
}
