use std::fmt;
use std::sync::Arc;

use buttress_core::{AsError, ModeSwitch};
#[cfg(feature = "http")]
use buttress_http::AsProblem;
use tower_layer::Layer;

use crate::policies::{Decision, Look, Policies};
use crate::service::RateLimit;
use crate::subject::Limits;
use crate::terms::Terms;
use crate::{Occupancy, Plain, PolicyHandle, RateLimitBuilder, Subject};

/// Puts limits around services.
///
/// The counts belong to the layer value: every service made by the layer or by a clone of it is counted together. `W`
/// says what is limited, `J` what a caller sees of a refusal.
///
/// The [crate example](crate#example) shows one in use.
pub struct RateLimitLayer<W: Subject, J> {
    policies: Arc<Policies<W>>,
    terms: Arc<Terms>,
    reject: J,
}

#[cfg(feature = "http")]
impl RateLimitLayer<crate::Http, AsProblem> {
    /// Begins to build a layer around HTTP handlers: a refusal is a problem document, responses say what is left, and
    /// CORS preflights are not counted.
    pub fn inbound() -> RateLimitBuilder<crate::Http, AsProblem> {
        RateLimitBuilder::inbound()
    }
}

#[cfg(feature = "http")]
impl RateLimitLayer<crate::Http, AsError> {
    /// Begins to build a layer around an HTTP client: a refusal is an error, which the client's error must be able to
    /// hold, as a boxed one is, and responses stay as they are.
    pub fn outbound() -> RateLimitBuilder<crate::Http, AsError> {
        RateLimitBuilder::outbound()
    }
}

impl<Req: 'static, Res: 'static> RateLimitLayer<Plain<Req, Res>, AsError> {
    /// Begins to build a layer for services that are not HTTP: a refusal is an error.
    pub fn plain() -> RateLimitBuilder<Plain<Req, Res>, AsError> {
        RateLimitBuilder::plain()
    }
}

impl<W: Subject, J> RateLimitLayer<W, J> {
    pub(crate) fn new(policies: Policies<W>, reject: J) -> Self {
        let policies = Arc::new(policies);
        Self { terms: policies.notice.latest(), policies, reject }
    }

    /// The same layer with counts and mode switches of its own; quotas and modes are those in force now.
    ///
    /// What a shared tier counts stays shared.
    #[must_use]
    pub fn fresh(&self) -> Self
    where
        J: Clone,
    {
        Self::new(self.policies.fresh(), self.reject.clone())
    }

    /// The mode of the whole layer, to look at and to change.
    pub fn mode(&self) -> &ModeSwitch {
        &self.policies.mode
    }

    /// The handle of a policy, to look at it and to change it while the layer runs.
    pub fn policy(&self, name: &str) -> Option<PolicyHandle<W>> {
        let place = self.policies.seats.iter().position(|seat| &*seat.policy.name == name)?;
        Some(PolicyHandle::new(Arc::clone(&self.policies), place))
    }

    /// The handles of all policies, in the order in which they were added.
    pub fn policies(&self) -> impl Iterator<Item = PolicyHandle<W>> {
        (0..self.policies.seats.len()).map(|place| PolicyHandle::new(Arc::clone(&self.policies), place))
    }

    /// How full this process's table is; a walk over all of it, for a gauge and not for a request.
    pub fn occupancy(&self) -> Occupancy {
        self.policies.occupancy()
    }

    /// Looks at a request, by the quotas in force.
    #[inline]
    pub(crate) fn look<Req, Res>(&mut self, request: &Req) -> Look
    where
        W: Limits<Req, Res>,
    {
        if !self.policies.notice.is_latest(&self.terms) {
            self.terms = self.policies.notice.latest();
        }
        self.policies.look(&self.terms, &self.policies.subject.head(request))
    }

    /// Decides what becomes of a request that was looked at.
    #[inline]
    pub(crate) fn decide<Req, Res>(&self, look: Look, request: &Req) -> Decision<W>
    where
        W: Limits<Req, Res>,
    {
        self.policies.decide(look, &self.terms, &self.policies.subject.head(request))
    }

    #[inline]
    pub(crate) fn in_force(&self) -> &Arc<Policies<W>> {
        &self.policies
    }

    pub(crate) fn terms(&self) -> &Arc<Terms> {
        &self.terms
    }

    pub(crate) fn reject(&self) -> &J {
        &self.reject
    }
}

impl<S, W: Subject, J: Clone> Layer<S> for RateLimitLayer<W, J> {
    type Service = RateLimit<S, W, J>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimit::new(inner, self.clone())
    }
}

impl<W: Subject, J: Clone> Clone for RateLimitLayer<W, J> {
    fn clone(&self) -> Self {
        Self {
            policies: Arc::clone(&self.policies),
            terms: Arc::clone(&self.terms),
            reject: self.reject.clone(),
        }
    }
}

impl<W: Subject, J> fmt::Debug for RateLimitLayer<W, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitLayer")
            .field("mode", &self.policies.mode.get())
            .field("policies", &self.terms.of)
            .finish_non_exhaustive()
    }
}
