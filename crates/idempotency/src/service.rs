use std::borrow::Cow;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use buttress_core::{Mode, Refused, Reject, Verdict};
use bytes::{Buf, Bytes};
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::desk::Desk;
use crate::keyed::{self, About, Keyed};
use crate::{EndpointStats, Refusal, ReplyBody, ResponseFuture, Store, key};

/// A service whose requests with a key run once; made by [`IdempotencyLayer`](crate::IdempotencyLayer).
///
/// A request without a key goes through as it is.
pub struct IdempotencyService<S, T, J> {
    inner: S,
    desk: Arc<Desk<T>>,
    reject: J,
}

/// What a request says before its body is read.
enum Word<'a> {
    Passes,
    Key(Cow<'a, str>),
    Refused(Refusal),
}

impl<S, T: Store, J> IdempotencyService<S, T, J> {
    pub(crate) fn new(inner: S, desk: Arc<Desk<T>>, reject: J) -> Self {
        Self { inner, desk, reject }
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service on its own.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// Whether there is anything to look at: most requests have no key and need none.
    fn is_concerned<B>(&self, request: &Request<B>, mode: Mode) -> bool {
        let terms = &self.desk.terms;
        let may_need_key = || terms.required.is_some() || terms.key_from.is_some();
        mode != Mode::Off
            && terms.methods.contains(request.method())
            && (request.headers().contains_key(&terms.key) || may_need_key())
    }

    fn word<'a>(&self, head: &'a Parts, mode: Mode) -> Word<'a> {
        let why = match self.key(head) {
            Ok(None) => return Word::Passes,
            Ok(Some(key)) if mode == Mode::Enforce => return Word::Key(key),
            Ok(Some(_)) if self.desk.terms.caller(head).is_some() => return Word::Passes,
            Ok(Some(_)) => Refusal::ScopeMissing,
            Err(why) => why,
        };
        if mode == Mode::Enforce {
            return Word::Refused(why);
        }
        self.desk.tell(Verdict::WouldRefuse, Refused::new(why).code());
        Word::Passes
    }

    fn key<'a>(&self, head: &'a Parts) -> Result<Option<Cow<'a, str>>, Refusal> {
        let terms = &self.desk.terms;
        if let Some(key) = key::read(&head.headers, &terms.key)? {
            return Ok(Some(key));
        }
        match terms.key_from.as_ref().and_then(|key_from| key_from(head)) {
            Some(key) => key::of_length(key.into()).map(Some),
            None if terms.needs_key(head) => Err(Refusal::KeyMissing),
            None => Ok(None),
        }
    }
}

impl<S, T, J, B, RB> Service<Request<B>> for IdempotencyService<S, T, J>
where
    S: Service<Request<B>, Response = Response<RB>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    T: Store,
    J: Reject<Response<ReplyBody<RB>>, S::Error> + Clone + Send + Sync + 'static,
    B: Body + From<Bytes> + Send + 'static,
    B::Data: Send,
    B::Error: Send,
    RB: Body<Data: Buf + Send, Error: Send> + Send + 'static,
{
    type Response = Response<ReplyBody<RB>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, RB, S::Error>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mode = self.desk.mode.get();
        if !self.is_concerned(&request, mode) {
            return ResponseFuture::passing(self.inner.call(request));
        }
        let (head, body) = request.into_parts();
        match self.word(&head, mode) {
            Word::Passes => ResponseFuture::passing(self.inner.call(Request::from_parts(head, body))),
            Word::Refused(why) => self.refused_of(&head, why),
            Word::Key(key) => {
                let about = About::of(&self.desk, &head, &key);
                self.keyed(about, head, body)
            }
        }
    }
}

impl<S, T: Store, J> IdempotencyService<S, T, J> {
    fn keyed<B, RB>(
        &mut self,
        about: Option<About>,
        head: Parts,
        body: B,
    ) -> ResponseFuture<S::Future, RB, S::Error>
    where
        S: Service<Request<B>, Response = Response<RB>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Send + 'static,
        J: Reject<Response<ReplyBody<RB>>, S::Error> + Clone + Send + Sync + 'static,
        B: Body<Data: Send, Error: Send> + From<Bytes> + Send + 'static,
        RB: Body<Data: Buf + Send, Error: Send> + Send + 'static,
    {
        let Some(about) = about else { return self.refused_of(&head, Refusal::ScopeMissing) };
        if about.runs_already(&head) {
            return ResponseFuture::passing(self.inner.call(Request::from_parts(head, body)));
        }
        let place = match self.desk.places.take(about.scope) {
            Ok(place) => place,
            Err(why) => return self.refused(why, about.stats(&self.desk)),
        };
        // The instance that was polled ready runs it; a clone takes its place.
        let spare = self.inner.clone();
        let service = mem::replace(&mut self.inner, spare);
        let keyed = Keyed { desk: Arc::clone(&self.desk), reject: self.reject.clone(), service, about };
        ResponseFuture::keyed(keyed::answer(keyed, place, head, body))
    }

    /// Without more than its head says.
    fn refused_of<F, RB: Body, E>(&self, head: &Parts, why: Refusal) -> ResponseFuture<F, RB, E>
    where
        J: Reject<Response<ReplyBody<RB>>, E>,
    {
        match self.desk.endpoint(head) {
            Some(endpoint) => self.refused(why, &self.desk.stats.endpoint(&endpoint)),
            None => self.refused(why, self.desk.own_stats()),
        }
    }

    fn refused<F, RB: Body, E>(&self, why: Refusal, stats: &EndpointStats) -> ResponseFuture<F, RB, E>
    where
        J: Reject<Response<ReplyBody<RB>>, E>,
    {
        ResponseFuture::answered(self.reject.reject(self.desk.refused(why, stats)))
    }
}

impl<S: Clone, T, J: Clone> Clone for IdempotencyService<S, T, J> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), desk: Arc::clone(&self.desk), reject: self.reject.clone() }
    }
}

impl<S, T: Store, J> fmt::Debug for IdempotencyService<S, T, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotencyService").field("desk", &self.desk).finish_non_exhaustive()
    }
}
