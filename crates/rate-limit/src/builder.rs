use std::fmt;
use std::sync::Arc;

use arrayvec::ArrayVec;
use buttress_core::{AsError, Checks, ConfigError, ModeSwitch, Observer};
#[cfg(feature = "http")]
use buttress_http::{AsProblem, ClientAddrResolver};

use crate::local::check_slots;
use crate::policies::{Parts, Policies};
use crate::rejection::LAYER;
use crate::reporter::Reporter;
use crate::terms::Term;
use crate::{Exempt, LocalTier, MAX_POLICIES, Plain, Policy, RateLimitLayer, Subject, Table, Tier};
#[cfg(feature = "http")]
use crate::{Fields, Http};

/// Builds a [`RateLimitLayer`]; begun by `inbound`, `outbound` or [`RateLimitLayer::plain`].
///
/// Nothing is checked before [`build`](Self::build).
#[must_use = "a builder does nothing until `build`"]
pub struct RateLimitBuilder<W: Subject, J> {
    subject: W,
    policies: Vec<Policy<W>>,
    exempt: Exempt<W>,
    mode: ModeSwitch,
    reject: J,
    reporter: Reporter,
    slots: usize,
    shared: Option<Arc<dyn Tier>>,
}

#[cfg(feature = "http")]
impl RateLimitBuilder<Http, AsProblem> {
    pub(crate) fn inbound() -> Self {
        let subject = Http { resolver: ClientAddrResolver::default(), fields: Fields::all() };
        Self::new(subject, AsProblem::default()).exempt(Exempt::preflights())
    }
}

#[cfg(feature = "http")]
impl RateLimitBuilder<Http, AsError> {
    pub(crate) fn outbound() -> Self {
        Self::new(Http { resolver: ClientAddrResolver::default(), fields: Fields::none() }, AsError)
    }
}

impl<Req: 'static, Res: 'static> RateLimitBuilder<Plain<Req, Res>, AsError> {
    pub(crate) fn plain() -> Self {
        Self::new(Plain::new(), AsError)
    }
}

#[cfg(feature = "http")]
impl<J> RateLimitBuilder<Http, J> {
    /// Who is never counted. Servers start with [`Exempt::preflights`], clients with nobody.
    pub fn exempt(self, exempt: Exempt<Http>) -> Self {
        Self { exempt, ..self }
    }

    /// What responses say about the limits. Servers start with [`Fields::all`], clients with [`Fields::none`].
    pub fn fields(self, fields: Fields) -> Self {
        Self { subject: Http { fields, ..self.subject }, ..self }
    }

    /// Who finds the client's address where no layer outside has put it into the extensions. Default: the peer, as the
    /// server has put it there.
    pub fn client_addr(self, resolver: ClientAddrResolver) -> Self {
        Self { subject: Http { resolver, ..self.subject }, ..self }
    }
}

impl<Req: 'static, Res: 'static, J> RateLimitBuilder<Plain<Req, Res>, J> {
    /// Requests that are never counted. May be called several times.
    pub fn exempt(mut self, exempt: impl Fn(&Req) -> bool + Send + Sync + 'static) -> Self {
        self.exempt.rules.push(Arc::new(move |request: &&Req| exempt(request)));
        self
    }
}

impl<W: Subject, J> RateLimitBuilder<W, J> {
    fn new(subject: W, reject: J) -> Self {
        Self {
            subject,
            policies: Vec::new(),
            exempt: Exempt::none(),
            mode: ModeSwitch::default(),
            reject,
            reporter: Reporter::default(),
            slots: Table::DEFAULT_SLOTS,
            shared: None,
        }
    }

    /// Adds a policy: 1 to 8, decided together, so that a request is charged to all or to none.
    pub fn policy(mut self, policy: Policy<W>) -> Self {
        self.policies.push(policy);
        self
    }

    /// What a caller sees of a refusal.
    pub fn reject_with<K>(self, reject: K) -> RateLimitBuilder<W, K> {
        let Self { subject, policies, exempt, mode, reject: _, reporter, slots, shared } = self;
        RateLimitBuilder { subject, policies, exempt, mode, reject, reporter, slots, shared }
    }

    /// A mode, or a switch that something else turns. Default: [`Mode::Enforce`](buttress_core::Mode::Enforce).
    pub fn mode(self, mode: impl Into<ModeSwitch>) -> Self {
        Self { mode: mode.into(), ..self }
    }

    /// Who hears its signals. Default: nobody.
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { reporter: Reporter::new(observer), ..self }
    }

    /// How many keys this process remembers, all policies together; rounded up to a multiple of 16. Default:
    /// [`Table::DEFAULT_SLOTS`].
    pub fn slots(self, slots: usize) -> Self {
        Self { slots, ..self }
    }

    /// Counts together with other processes, all policies but those that are [local](Policy::local).
    pub fn shared(self, tier: Arc<dyn Tier>) -> Self {
        Self { shared: Some(tier), ..self }
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// Every setting that is out of range, with its value and the range.
    pub fn build(self) -> Result<RateLimitLayer<W, J>, ConfigError> {
        let mut checks = Checks::of(LAYER);
        let number = self.policies.len();
        checks.require((1..=MAX_POLICIES).contains(&number), "policies", number, "1 to 8");
        for (place, policy) in self.policies.iter().enumerate() {
            policy.check(&mut checks);
            let is_first = self.policies[..place].iter().all(|other| other.name != policy.name);
            checks.require(is_first, "policy", format_args!("{:?} again", policy.name), "each name once");
        }
        self.exempt.check(&mut checks);
        check_slots(self.slots, &mut checks);
        let terms = self.policies.iter().take(MAX_POLICIES).filter_map(|policy| {
            let quota = policy.quota?;
            Some(Term { name: Arc::clone(&policy.name), quota, rate: quota.rate().ok()? })
        });
        let terms: ArrayVec<Term, MAX_POLICIES> = terms.collect();
        checks.finish()?;
        Ok(self.assemble(terms))
    }

    fn assemble(self, terms: ArrayVec<Term, MAX_POLICIES>) -> RateLimitLayer<W, J> {
        let Self { subject, policies, exempt, mode, reject, reporter, slots, shared } = self;
        let local = LocalTier::with_slots(slots);
        let parts = Parts { subject, policies, exempt, mode, reporter, local, shared };
        RateLimitLayer::new(Policies::new(parts, terms), reject)
    }
}

impl<W: Subject, J: Clone> Clone for RateLimitBuilder<W, J> {
    fn clone(&self) -> Self {
        Self {
            subject: self.subject.clone(),
            policies: self.policies.clone(),
            exempt: self.exempt.clone(),
            mode: self.mode.clone(),
            reject: self.reject.clone(),
            reporter: self.reporter.clone(),
            slots: self.slots,
            shared: self.shared.clone(),
        }
    }
}

impl<W: Subject, J> fmt::Debug for RateLimitBuilder<W, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitBuilder").field("policies", &self.policies).finish_non_exhaustive()
    }
}
