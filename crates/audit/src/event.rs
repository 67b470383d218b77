//! What happened, and how a record says it.

mod action;
pub(crate) mod bound;
mod builder;
mod calendar;
mod category;
mod changes;
mod details;
mod encode;
pub(crate) mod facts;
mod json;
mod ocsf;
mod refused;
mod resource;
mod typed;
mod word;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use buttress_core::{CorrelationId, Principal};
use buttress_redact::Redactor;
use uuid::{NoContext, Timestamp, Uuid};

pub use self::action::{Action, InvalidAction};
pub use self::builder::EventBuilder;
pub use self::category::{Category, Class};
pub use self::changes::Changes;
pub use self::ocsf::ocsf;
pub use self::resource::{Resource, Service};
pub use self::typed::ConnectorOutcome;
pub use self::word::{Outcome, Severity, Stage};

pub(crate) use self::details::{Details, Written};
use self::facts::RequestFacts;
pub(crate) use self::refused::{RefusedFor, RefusedRequest};

/// What happened: who did what to which resource, and what became of it.
///
/// ```
/// use buttress_audit::{Action, Event, Outcome, Resource};
/// use buttress_core::Principal;
/// use buttress_redact::Redactor;
///
/// let event = Event::builder(Action::UPDATE)
///     .actor(Principal::user("ann@example.com"))
///     .resource(Resource::new("booking", "b-17"))
///     .outcome(Outcome::Denied)
///     .detail("note", "asked by card 4111 1111 1111 1111")
///     .build();
/// let mut line = Vec::new();
/// event.encode(&Redactor::default(), &mut line);
/// let record: serde_json::Value = serde_json::from_slice(&line)?;
/// assert_eq!((&record["action"], &record["outcome"]), (&"UPDATE".into(), &"denied".into()));
/// assert_eq!(record["actor"]["id"], "ann@example.com");
/// assert_eq!(record["details"]["note"], "asked by card ****-****-****-1111");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Event(Box<Parts>);

#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) id: Uuid,
    pub(crate) at: SystemTime,
    pub(crate) action: Action,
    pub(crate) outcome: Outcome,
    pub(crate) reason: Option<Cow<'static, str>>,
    pub(crate) severity: Option<Severity>,
    pub(crate) stage: Stage,
    pub(crate) duration: Option<Duration>,
    pub(crate) actor: Option<Principal>,
    pub(crate) resource: Option<Resource>,
    pub(crate) request: RequestFacts,
    pub(crate) correlation_id: Option<CorrelationId>,
    /// The trace and the span in it.
    pub(crate) trace: Option<(u128, u64)>,
    pub(crate) message: Option<Box<str>>,
    pub(crate) changes: Option<Changes>,
    pub(crate) details: Details,
    /// The record of the same request that was made before it was handled.
    pub(crate) intent: Option<Uuid>,
    pub(crate) service: Option<Service>,
    /// Set if it may be told together with others of its kind.
    pub(crate) refused: Option<RefusedRequest>,
}

impl Event {
    /// Begins an event. Who acts and in which flow of work is taken from the current
    /// [`Context`](buttress_core::Context), until something else is said.
    pub fn builder(action: Action) -> EventBuilder {
        EventBuilder::new(action)
    }

    /// The ID, unique and sorting by time.
    pub fn id(&self) -> Uuid {
        self.0.id
    }

    /// When it happened.
    pub fn at(&self) -> SystemTime {
        self.0.at
    }

    /// What was done.
    pub fn action(&self) -> &Action {
        &self.0.action
    }

    /// Which family the action belongs to.
    pub fn category(&self) -> Category {
        self.0.action.category()
    }

    /// What policies go by.
    pub fn class(&self) -> Class {
        self.0.action.class()
    }

    /// What became of it.
    pub fn outcome(&self) -> Outcome {
        self.0.outcome
    }

    /// Why.
    pub fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.0.severity()
    }

    /// When in the life of a request it was recorded.
    pub fn stage(&self) -> Stage {
        self.0.stage
    }

    /// Who did it.
    pub fn actor(&self) -> Option<&Principal> {
        self.0.actor.as_ref()
    }

    /// To what.
    pub fn resource(&self) -> Option<&Resource> {
        self.0.resource.as_ref()
    }

    /// In which flow of work.
    pub fn correlation_id(&self) -> Option<&CorrelationId> {
        self.0.correlation_id.as_ref()
    }

    /// How long it took.
    pub fn duration(&self) -> Option<Duration> {
        self.0.duration
    }

    /// The status that a request was answered with.
    pub fn status(&self) -> Option<u16> {
        self.0.request.status
    }

    /// The route of the request, as a template of the router.
    pub fn route(&self) -> Option<&Arc<str>> {
        self.0.request.route.as_ref()
    }

    /// As what it was refused, if it may be told together with others.
    pub(crate) fn refused(&self) -> Option<RefusedRequest> {
        self.0.refused
    }

    /// What it is made of, to make another one of it.
    pub(crate) fn into_parts(self) -> Box<Parts> {
        self.0
    }

    /// Adds the event to a buffer as one JSON object without line breaks, redacted.
    ///
    /// The members are those of `docs/audit.md`. Whatever stands in a header, a path or a detail, it is one line.
    pub fn encode(&self, redactor: &Redactor, out: &mut Vec<u8>) {
        encode::write(&self.0, redactor, out);
    }
}

impl Parts {
    /// An event of which nothing is known but what was done.
    pub(crate) fn new(action: Action) -> Self {
        Self {
            id: Uuid::nil(),
            at: SystemTime::UNIX_EPOCH,
            action,
            outcome: Outcome::Success,
            reason: None,
            severity: None,
            stage: Stage::Complete,
            duration: None,
            actor: None,
            resource: None,
            request: RequestFacts::default(),
            correlation_id: None,
            trace: None,
            message: None,
            changes: None,
            details: Details::default(),
            intent: None,
            service: None,
            refused: None,
        }
    }

    /// The event, with an ID of its own.
    pub(crate) fn into_event(mut self: Box<Self>, now: SystemTime) -> Event {
        if self.at == SystemTime::UNIX_EPOCH {
            self.at = now;
        }
        self.id = id_at(self.at);
        Event(self)
    }

    pub(crate) fn severity(&self) -> Severity {
        self.severity.unwrap_or(match self.outcome {
            Outcome::Success => Severity::Info,
            Outcome::Denied => Severity::Medium,
            Outcome::Failure | Outcome::Partial | Outcome::Unknown => Severity::Low,
        })
    }

    pub(crate) fn set_reason(&mut self, reason: impl Into<Cow<'static, str>>) {
        self.reason = Some(match reason.into() {
            Cow::Borrowed(reason) => Cow::Borrowed(reason),
            Cow::Owned(reason) => Cow::Owned(bound::kept(reason, bound::REASON).into()),
        });
    }
}

/// An ID that sorts by time (RFC 9562, version 7). The bits beside the time are chance: records are ordered by the
/// numbers that the log gives them.
fn id_at(at: SystemTime) -> Uuid {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(NoContext, since.as_secs(), since.subsec_nanos()))
}

impl RequestFacts {
    fn is_empty(&self) -> bool {
        let Self { method, route, path, query, status, client_ip, peer_ip, user_agent, body } = self;
        let texts = [path, query, user_agent].into_iter().all(Option::is_none);
        let rest = method.is_none() && route.is_none() && status.is_none() && body.is_none();
        texts && rest && client_ip.is_none() && peer_ip.is_none()
    }
}
