use std::sync::Arc;

use buttress_core::{Deadline, Reject, Verdict};
use buttress_http::deadline_of;
use bytes::{Buf, Bytes};
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::ask::{Asker, Heard};
use crate::desk::Desk;
use crate::places::Place;
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
    pub(crate) about: About,
}

/// What the head of a request with a key says.
pub(crate) struct About {
    endpoint: Option<String>,
    stats: Option<EndpointStats>,
    pub(crate) id: RecordId,
    pub(crate) scope: Scope,
}

impl About {
    /// `None` if nobody knows whose key it is.
    pub(crate) fn of<T: Store>(desk: &Desk<T>, head: &Parts, key: &str) -> Option<Self> {
        let caller = desk.terms.caller(head)?;
        let endpoint = desk.endpoint(head);
        let stats = endpoint.as_deref().map(|endpoint| desk.stats.endpoint(endpoint));
        let (id, scope) = (desk.hashes.record_id(&caller, key), desk.hashes.scope_of(&caller));
        Some(Self { endpoint, stats, id, scope })
    }

    /// Where it counts.
    pub(crate) fn stats<'a, T: Store>(&'a self, desk: &'a Desk<T>) -> &'a EndpointStats {
        self.stats.as_ref().unwrap_or_else(|| desk.own_stats())
    }

    /// Whether a layer outside has the record and runs it for this very request.
    pub(crate) fn runs_already(&self, head: &Parts) -> bool {
        head.extensions.get::<Idempotency>().is_some_and(|run| run.id() == self.id)
    }

    fn claim<T: Store>(&self, desk: &Desk<T>, fingerprint: Fingerprint) -> Claim {
        let terms = &desk.terms;
        Claim {
            id: self.id,
            scope: self.scope,
            fingerprint,
            owner: OwnerToken::draw(&terms.entropy),
            lease: terms.lease,
            retain: terms.retain,
            when_abandoned: terms.when_abandoned,
        }
    }
}

/// Reads the body, claims, and either runs the handler in a task of its own or says what is known.
///
/// Not an async function, which would hold its arguments twice.
pub(crate) fn answer<S, T, J, B, RB>(
    keyed: Keyed<S, T, J>,
    place: Place,
    mut head: Parts,
    body: B,
) -> impl Future<Output = Result<Response<ReplyBody<RB>>, S::Error>> + Send + use<S, T, J, B, RB>
where
    S: Service<Request<B>, Response = Response<RB>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    T: Store,
    J: Reject<Response<ReplyBody<RB>>, S::Error> + Send + Sync + 'static,
    B: Body<Data: Send, Error: Send> + From<Bytes> + Send + 'static,
    RB: Body<Data: Buf + Send, Error: Send> + Send + 'static,
{
    let Keyed { desk, reject, service, about } = keyed;
    async move {
        let (terms, stats) = (&desk.terms, about.stats(&desk));
        let says = Says { desk: &desk, reject: &reject, stats };
        let body = match capture::request(body, terms.request_limit, terms.body_time).await {
            Ok(body) => body,
            Err(why) => return says.no(why),
        };
        let endpoint = about.endpoint.as_deref().unwrap_or_default();
        let claim = about.claim(&desk, desk.hashes.fingerprint(terms, endpoint, &head, &body));
        let deadline = if terms.wait.is_zero() { None } else { deadline_of(&head.extensions) };
        // Nobody's patience ends the work.
        head.extensions.remove::<Deadline>();
        let verdict = Asker::new(&desk, stats, claim, place, deadline).ask().await;
        let running = match verdict {
            Heard::Told(told) => return says.what_is_known(told),
            Heard::Granted(grant) => {
                let run = Run::new(grant, stats.clone());
                Desk::<T>::spawn(run.see_through(service, head, B::from(body)))
            }
            Heard::Unprotected(exception) => {
                stats.count(Event::StoreFailed);
                let request = Request::from_parts(head, B::from(body));
                Desk::<T>::spawn(unprotected::see_through(Arc::clone(&desk), exception, service, request))
            }
        };
        match running.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(why)) => says.no(why),
            // The task has gone without a word, as it does when the runtime ends.
            Err(_) => says.no(Refusal::OutcomeUnknown),
        }
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
