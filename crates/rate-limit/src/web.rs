//! Requests over HTTP as the subject of a layer.

use std::num::NonZeroU64;
use std::sync::Arc;

use buttress_core::Checks;
use buttress_http::ClientAddrResolver;
use http::{Request, Response, StatusCode};

use crate::exempt::is_preflight;
use crate::fields::{Fields, Stamp};
use crate::key::{HttpKey, Key};
use crate::policy::Cost;
use crate::rejection::LAYER;
use crate::subject::{Limits, Subject};
use crate::told::Told;
use crate::{Head, Policy, ResponseHead, Settle};

/// Requests and responses over HTTP, with any body.
#[derive(Clone, Debug)]
pub struct Http {
    pub(crate) resolver: ClientAddrResolver,
    pub(crate) fields: Fields,
}

impl Subject for Http {
    type Head<'a> = Head<'a>;
    type Answer<'a> = ResponseHead<'a>;
    type Mark = Option<Stamp>;

    #[inline]
    fn is_preflight(head: &Head<'_>) -> bool {
        is_preflight(head)
    }

    fn marks(&self) -> bool {
        self.fields.say_anything()
    }

    fn mark(&self, told: &Told<'_>) -> Option<Stamp> {
        self.fields.stamp(told)
    }
}

impl<B, R> Limits<Request<B>, Response<R>> for Http {
    #[inline]
    fn head<'a>(&'a self, request: &'a Request<B>) -> Head<'a> {
        Head::new(request, &self.resolver)
    }

    #[inline]
    fn answer(response: &Response<R>) -> ResponseHead<'_> {
        ResponseHead::new(response)
    }

    #[inline]
    fn stamp(mark: Option<Stamp>, response: &mut Response<R>) {
        if let Some(stamp) = mark {
            let status = response.status();
            stamp.put_on(status, response.headers_mut());
        }
    }
}

/// Policies for HTTP.
impl Policy<Http> {
    /// Begins a policy.
    pub fn named(name: impl Into<Arc<str>>) -> Self {
        Self::begin(name.into())
    }

    /// Who is counted: see [`key`](mod@crate::key).
    pub fn key(self, key: impl Key) -> Self {
        let mut checks = Checks::of(LAYER);
        key.check(&self.name, &mut checks);
        Self { key: Some(Arc::new(HttpKey(key))), key_checked: checks.finish(), ..self }
    }

    /// What all policies with this scope have in common, where a Cluster shares them: their keys live on one server, and
    /// a request that has several of them is one round trip.
    ///
    /// It is counted apart in each scope, so the scope had better follow from the key, as the tenant follows from its
    /// user. All keys of a scope are the work of one server: choose something of which there are many. A request without
    /// the scope, a policy that is local, and a layer that is not shared go by the key alone.
    pub fn scope(self, scope: impl Key) -> Self {
        Self { scope: Some(Arc::new(HttpKey(scope))), ..self }
    }

    /// What a request costs, by its head.
    pub fn cost_by(self, cost: impl Fn(&Head<'_>) -> u64 + Send + Sync + 'static) -> Self {
        Self { cost: Cost::By(Arc::new(move |head: &Head<'_>| cost(head))), ..self }
    }

    /// One unit for every so many bytes that `Content-Length` announces, rounded up; one for a request that announces
    /// nothing.
    ///
    /// A body that is streamed announces nothing: limit its size, and settle afterwards if it matters.
    pub fn cost_by_content_length(self, bytes_per_unit: NonZeroU64) -> Self {
        self.cost_by(move |head| {
            head.content_length().map_or(1, |bytes| bytes.div_ceil(bytes_per_unit.get()).max(1))
        })
    }

    /// What becomes of the cost once the head of the response is known.
    ///
    /// A service that fails without a response, or is dropped, keeps what it was given.
    pub fn settle(self, settle: impl Fn(&ResponseHead<'_>) -> Settle + Send + Sync + 'static) -> Self {
        Self { settle: Some(Arc::new(move |response: &ResponseHead<'_>| settle(response))), ..self }
    }

    /// Gives everything back if the response is 401 Unauthorized or 403 Forbidden.
    ///
    /// For a count that several callers share, such as a tenant's: a stranger who names the tenant and fails to prove
    /// himself must not use up what is theirs.
    pub fn refund_unauthorized(self) -> Self {
        self.settle(|response| match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Settle::REFUND,
            _ => Settle::Keep,
        })
    }
}
