use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use buttress_core::Principal;
use parking_lot::Mutex;
use serde::Serialize;

use crate::event::{Action, Changes, Details, Event, Outcome, Parts, Resource, Severity, Written, bound};

/// What a handler has to say to the record of its request.
///
/// In the extensions of every request that an [`AuditLayer`](super::AuditLayer) lets through, whatever its level: what
/// a handler says is never lost because of a rule. The last word on a thing stands. Clones share.
///
/// ```
/// use buttress_audit::{AuditHandle, Changes, Resource};
///
/// async fn confirm(audit: AuditHandle) {
///     audit.resource(Resource::new("booking", "b-17"));
///     audit.changes(Changes::new().with("/status", "asked", "confirmed"));
///     audit.detail("nights", 2);
/// }
/// ```
///
/// Words said after the answer has left the handler, by a task that goes on, come too late.
#[derive(Clone, Default)]
pub struct AuditHandle(Arc<Mutex<Said>>);

#[derive(Default)]
struct Said {
    is_touched: bool,
    instead: Option<Event>,
    action: Option<Action>,
    outcome: Option<Outcome>,
    reason: Option<Cow<'static, str>>,
    severity: Option<Severity>,
    actor: Option<Principal>,
    resource: Option<Resource>,
    route: Option<Arc<str>>,
    message: Option<Box<str>>,
    changes: Option<Changes>,
    details: Details,
}

impl AuditHandle {
    /// Something to say beyond the fields; a second one of the same name takes the place of the first.
    pub fn detail(&self, name: &str, value: impl Serialize) {
        // Before the lock: it may be code of others.
        let value = Written::of(value);
        self.say(|said| said.details.set(name, &value));
    }

    /// What was done, in place of what the rule says.
    pub fn action(&self, action: Action) {
        self.say(|said| said.action = Some(action));
    }

    /// What became of it, in place of what the status says.
    ///
    /// An answer of 500 and above, a refusal, an error, a panic and a caller who left outweigh the handler's word.
    pub fn outcome(&self, outcome: Outcome) {
        self.say(|said| said.outcome = Some(outcome));
    }

    /// Why, as a short word; counts where [`outcome`](Self::outcome) does.
    pub fn reason(&self, reason: impl Into<Cow<'static, str>>) {
        let reason = reason.into();
        self.say(|said| said.reason = Some(reason));
    }

    /// How much it matters.
    pub fn severity(&self, severity: Severity) {
        self.say(|said| said.severity = Some(severity));
    }

    /// Who did it, in place of whom authentication announced.
    pub fn actor(&self, actor: Principal) {
        self.say(|said| said.actor = Some(actor));
    }

    /// To what.
    pub fn resource(&self, resource: Resource) {
        self.say(|said| said.resource = Some(resource));
    }

    /// The template of the route, where the layer stands outside of the router and cannot see it.
    pub fn route(&self, route: impl Into<Arc<str>>) {
        let route = route.into();
        self.say(|said| said.route = Some(route));
    }

    /// What happened, as a sentence for people.
    pub fn message<'a>(&self, message: impl Into<Cow<'a, str>>) {
        let message = bound::kept(message, bound::MESSAGE);
        self.say(|said| said.message = Some(message));
    }

    /// What was changed.
    pub fn changes(&self, changes: Changes) {
        self.say(|said| said.changes = Some(changes));
    }

    /// Records this event in place of the layer's own. What it leaves open, the layer fills in: the request, who asked,
    /// the flow, the time that it took; and what became of it, as with [`outcome`](Self::outcome).
    pub fn replace(&self, event: Event) {
        self.say(|said| said.instead = Some(event));
    }

    fn say(&self, say: impl FnOnce(&mut Said)) {
        let mut said = self.0.lock();
        said.is_touched = true;
        say(&mut said);
    }

    /// Whether anything was said.
    pub(super) fn is_touched(&self) -> bool {
        self.0.lock().is_touched
    }

    /// What was said, laid over what the layer knows. Whether the outcome is the handler's to say is told apart.
    pub(super) fn lay_over(&self, mut seen: Box<Parts>, believed: bool) -> Box<Parts> {
        let said = std::mem::take(&mut *self.0.lock());
        if let Some(event) = said.instead {
            seen = replaced(event.into_parts(), *seen, believed);
        }
        if believed {
            if let Some(outcome) = said.outcome {
                // The reason that the status gave belongs to the outcome that it gave.
                (seen.outcome, seen.reason) = (outcome, None);
            }
            if let Some(reason) = said.reason {
                seen.set_reason(reason);
            }
        }
        // What was done has a record of its own, however it was answered.
        if said.changes.is_some() || said.outcome.is_some_and(|outcome| outcome != Outcome::Denied) {
            seen.refused = None;
        }
        set(&mut seen.action, said.action);
        or(&mut seen.severity, said.severity);
        or(&mut seen.actor, said.actor);
        or(&mut seen.resource, said.resource);
        or(&mut seen.request.route, said.route);
        or(&mut seen.message, said.message);
        or(&mut seen.changes, said.changes);
        seen.details.merge(&said.details);
        seen
    }
}

/// A handler's event, with what it leaves open filled in.
fn replaced(event: Box<Parts>, seen: Parts, believed: bool) -> Box<Parts> {
    let mut parts = event;
    if !believed {
        (parts.outcome, parts.reason) = (seen.outcome, seen.reason);
    }
    parts.at = seen.at;
    parts.stage = seen.stage;
    parts.request = seen.request;
    parts.intent = seen.intent;
    parts.duration = parts.duration.or(seen.duration);
    parts.actor = parts.actor.or(seen.actor);
    parts.resource = parts.resource.or(seen.resource);
    parts.correlation_id = parts.correlation_id.or(seen.correlation_id);
    parts.trace = parts.trace.or(seen.trace);
    parts.service = parts.service.or(seen.service);
    parts
}

fn set<T>(place: &mut T, said: Option<T>) {
    if let Some(said) = said {
        *place = said;
    }
}

fn or<T>(place: &mut Option<T>, said: Option<T>) {
    if said.is_some() {
        *place = said;
    }
}

impl fmt::Debug for AuditHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditHandle").field("is_touched", &self.is_touched()).finish_non_exhaustive()
    }
}
