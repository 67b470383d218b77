use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use buttress_core::{Context, CorrelationId, Principal, WallClock};
use http::{Method, StatusCode};
use serde::Serialize;

use super::action::Action;
use super::bound::{self, kept};
use super::changes::Changes;
use super::details::Written;
use super::facts::Text;
use super::resource::{Resource, Service};
use super::word::{Outcome, Severity, Stage};
use super::{Event, Parts};

/// Builds an [`Event`]; begun by [`Event::builder`].
///
/// Nothing here fails: what is too long is shortened when it is written, which the record then says.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct EventBuilder(Box<Parts>);

impl EventBuilder {
    /// Who acts and in which flow is taken from the current [`Context`].
    pub(super) fn new(action: Action) -> Self {
        let (correlation_id, actor) = Context::with_current(|context| {
            let actor = context.caller().and_then(buttress_core::Caller::principal);
            (context.correlation_id().cloned(), actor)
        });
        Self(Box::new(Parts { actor, correlation_id, ..Parts::new(action) }))
    }

    /// What became of it. Default: success.
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.0.outcome = outcome;
        self
    }

    /// Why, as a short word such as `rate_limited`.
    pub fn reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.0.set_reason(reason);
        self
    }

    /// How much it matters. Default: info for a success, medium for what was denied, low for the rest.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.0.severity = Some(severity);
        self
    }

    /// When in the life of a request. Default: complete.
    pub fn stage(mut self, stage: Stage) -> Self {
        self.0.stage = stage;
        self
    }

    /// When it happened. Default: now.
    pub fn at(mut self, at: SystemTime) -> Self {
        self.0.at = at;
        self
    }

    /// How long it took.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.0.duration = Some(duration);
        self
    }

    /// Who did it. Default: whoever has been announced in the current [`Context`].
    pub fn actor(mut self, actor: Principal) -> Self {
        self.0.actor = Some(actor);
        self
    }

    /// To what.
    pub fn resource(mut self, resource: Resource) -> Self {
        self.0.resource = Some(resource);
        self
    }

    /// In which flow of work. Default: that of the current [`Context`].
    pub fn correlation_id(mut self, id: CorrelationId) -> Self {
        self.0.correlation_id = Some(id);
        self
    }

    /// In which trace and span (W3C Trace Context).
    pub fn trace(mut self, trace_id: u128, span_id: u64) -> Self {
        self.0.trace = Some((trace_id, span_id));
        self
    }

    /// The method of the request that it was asked by.
    pub fn method(mut self, method: Method) -> Self {
        self.0.request.method = Some(method);
        self
    }

    /// The route of the request, as a template of the router.
    pub fn route(mut self, route: impl Into<Arc<str>>) -> Self {
        self.0.request.route = Some(route.into());
        self
    }

    /// The path of the request.
    pub fn path<'a>(mut self, path: impl Into<Cow<'a, str>>) -> Self {
        self.0.request.path = Some(Text::Own(kept(path, bound::PATH)));
        self
    }

    /// The query of the request, without its question mark.
    pub fn query<'a>(mut self, query: impl Into<Cow<'a, str>>) -> Self {
        self.0.request.query = Some(Text::Own(kept(query, bound::QUERY)));
        self
    }

    /// What the request was answered with.
    pub fn status(mut self, status: StatusCode) -> Self {
        self.0.request.status = Some(status.as_u16());
        self
    }

    /// The address of the client, as it was resolved.
    pub fn client_ip(mut self, addr: IpAddr) -> Self {
        self.0.request.client_ip = Some(addr);
        self
    }

    /// The address of the other end of the connection.
    pub fn peer_ip(mut self, addr: IpAddr) -> Self {
        self.0.request.peer_ip = Some(addr);
        self
    }

    /// What the client calls itself.
    pub fn user_agent<'a>(mut self, name: impl Into<Cow<'a, str>>) -> Self {
        self.0.request.user_agent = Some(Text::Own(kept(name, bound::USER_AGENT)));
        self
    }

    /// What happened, as a sentence for people.
    pub fn message<'a>(mut self, message: impl Into<Cow<'a, str>>) -> Self {
        self.0.message = Some(kept(message, bound::MESSAGE));
        self
    }

    /// What was changed.
    pub fn changes(mut self, changes: Changes) -> Self {
        self.0.changes = Some(changes);
        self
    }

    /// Something to say beyond the fields; a second one of the same name takes the place of the first.
    ///
    /// All details together take at most 16 KiB as JSON. A value beyond that is replaced by `***TRUNCATED***`, and the
    /// record counts it.
    pub fn detail(mut self, name: &str, value: impl Serialize) -> Self {
        self.0.details.set(name, &Written::of(value));
        self
    }

    /// Which program says so.
    pub fn service(mut self, service: Service) -> Self {
        self.0.service = Some(service);
        self
    }

    /// The event, with an ID of its own.
    pub fn build(self) -> Event {
        self.0.into_event(WallClock::system().now())
    }
}
