//! The record of one request, from the time it arrives until it is written.

use std::pin::pin;
use std::sync::Arc;
use std::task::{self, Poll, Waker};
use std::time::Instant;

use buttress_core::{Caller, Context, CorrelationId, Deadline, Principal, Verdict as Told};
use buttress_http::{ClientAddr, deadline_of};
use http::header::USER_AGENT;
use http::request;
use tokio::runtime::Handle;

use super::handle::AuditHandle;
use super::judge::Verdict;
use super::rejection::Unrecorded;
use super::rule::{Level, Rule, action_of};
use super::tap::Seen;
use super::{Shared, trace_parent};
use crate::event::facts::Text;
use crate::event::{Class, Event, Parts, RefusedFor, RefusedRequest, Stage};
use crate::record::{NotRecorded, Recorder, Reservation};

/// The wait for a receipt.
pub(super) type RecordingOf<R> = <<R as Recorder>::Reservation as Reservation>::Recording;

/// The record of a request under way. Dropped before it was made, it is made then: the request was cancelled, or it
/// panicked.
pub(super) struct Entry<R: Recorder> {
    shared: Arc<Shared<R>>,
    /// Gone once the record was made.
    parts: Option<Box<Parts>>,
    room: Option<R::Reservation>,
    handle: AuditHandle,
    caller: Caller,
    client: Option<ClientAddr>,
    seen: Option<Seen>,
    deadline: Option<Deadline>,
    began: Instant,
    progress: Progress,
    is_silent: bool,
    is_received_recorded: bool,
}

/// How far a request got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// It was not handed to the inner service yet.
    Waits,
    /// The inner service runs at this moment; if the record is dropped like this, it panicked.
    Runs,
    /// The inner service has it.
    Begun,
}

impl<R: Recorder> Entry<R> {
    /// The record of a request that arrived. Puts what inner layers and the handler need into the request's head and
    /// into the context.
    pub(super) fn new(shared: &Arc<Shared<R>>, head: &mut request::Parts, context: &mut Context) -> Self {
        let route = shared.route.as_ref().and_then(|route| route(head));
        let rule = shared.rules.iter().find(|rule| rule.applies(head, route.as_deref()));
        let level = rule.and_then(|rule| rule.level).unwrap_or(shared.level);
        let action = rule.and_then(|rule| rule.action.clone()).unwrap_or_else(|| action_of(&head.method));
        let mut parts = Box::new(Parts::new(action));
        parts.resource = rule.and_then(|rule| rule.resource.as_ref()).and_then(|resource| resource(head));
        parts.request.route = route;
        let client = shared.fill(&mut parts, head, context, level);
        let caller = listen(context);
        let handle = AuditHandle::default();
        head.extensions.insert(handle.clone());
        Self {
            shared: Arc::clone(shared),
            parts: Some(parts),
            room: None,
            handle,
            caller,
            client,
            seen: seen(head, level),
            deadline: deadline_of(&head.extensions),
            began: now(),
            progress: Progress::Waits,
            is_silent: level == Level::None,
            is_received_recorded: rule.is_some_and(|rule: &Rule| rule.is_received_recorded),
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared<R>> {
        &self.shared
    }

    pub(super) fn class(&self) -> Class {
        self.parts.as_ref().map_or(Class::write(crate::Category::System), |parts| parts.action.class())
    }

    pub(super) fn seen(&self) -> Option<Seen> {
        self.seen.clone()
    }

    /// Whether there must be a record before the request is handled.
    pub(super) fn wants_received(&self) -> bool {
        let fails_closed = || self.shared.recorder.fails_closed(self.class());
        !self.is_silent && (self.is_received_recorded || fails_closed())
    }

    pub(super) fn has_room(&self) -> bool {
        self.room.is_some()
    }

    /// Asks for room. None means that it has to be waited for; a request of which nothing is recorded needs none.
    pub(super) fn asks_for_room(&mut self) -> Option<Result<(), NotRecorded>> {
        if self.is_silent {
            return Some(Ok(()));
        }
        match self.room_at_once()? {
            Ok(room) => {
                self.room = Some(room);
                Some(Ok(()))
            }
            Err(why) => Some(Err(why)),
        }
    }

    pub(super) fn take_room(&mut self, room: R::Reservation) {
        self.room = Some(room);
    }

    /// The record that the request was received.
    pub(super) fn received(&mut self) -> Option<Event> {
        let parts = self.parts.as_mut()?;
        let mut received = parts.clone();
        (received.stage, received.outcome) = (Stage::Received, crate::Outcome::Unknown);
        received.severity = Some(crate::Severity::Info);
        received.actor = received.actor.or_else(|| self.caller.principal());
        let event = received.into_event(self.shared.wall_clock.now());
        parts.intent = Some(event.id());
        Some(event)
    }

    /// Runs the inner service; a panic in between is seen when the record is dropped.
    pub(super) fn watch<T>(&mut self, work: impl FnOnce() -> T) -> T {
        self.progress = Progress::Runs;
        let done = work();
        self.progress = Progress::Begun;
        done
    }

    /// Whether the request ends in a record for which there is no room yet.
    pub(super) fn needs_late_room(&self) -> bool {
        self.is_silent && self.room.is_none() && self.handle.is_touched()
    }

    /// Makes the record. Gives the wait for its receipt, and whether the answer depends on it.
    pub(super) fn close(&mut self, verdict: Verdict, actor: Option<Principal>) -> Option<Closing<R>> {
        let parts = self.parts.take()?;
        let room = self.room.take()?;
        let event = self.event(parts, verdict, actor);
        let must_be_recorded = self.shared.recorder.fails_closed(event.class());
        Some(Closing { recording: room.record(event), must_be_recorded })
    }

    fn event(&self, mut parts: Box<Parts>, verdict: Verdict, actor: Option<Principal>) -> Event {
        let Verdict { outcome, reason, stage, status, is_open_to_doubt, refused } = verdict;
        (parts.outcome, parts.reason, parts.stage) = (outcome, reason, stage);
        parts.request.status = status.map(|status| status.as_u16());
        parts.request.body = self.seen.as_ref().map(Seen::text);
        parts.duration = Some(now().saturating_duration_since(self.began));
        // Whoever was announced last acts; authentication has run by now.
        parts.actor = self.caller.principal().or(actor).or(parts.actor);
        parts.refused = refused.and_then(|why| self.refused(why, &parts));
        let mut parts = self.handle.lay_over(parts, is_open_to_doubt);
        // The handler may have said that it is of another class.
        if parts.refused.is_some() && self.shared.recorder.fails_closed(parts.action.class()) {
            parts.refused = None;
        }
        parts.into_event(self.shared.wall_clock.now())
    }

    /// As what a request was refused, if it may be told together with others: on a server, and if there is no first
    /// record that waits for a last one.
    fn refused(&self, why: RefusedFor, parts: &Parts) -> Option<RefusedRequest> {
        let may_be = self.shared.is_inbound && parts.intent.is_none();
        may_be.then(|| RefusedRequest { why, client: self.client.map(|client| client.network()) })
    }

    /// Says what it means that there is no record: whether the request is refused.
    pub(super) fn is_refused_for(&self, why: &NotRecorded) -> bool {
        if why.shed {
            self.is_lost();
            return false;
        }
        let enforces = self.shared.enforces();
        self.shared.tell(if enforces { Told::Refused } else { Told::WouldRefuse }, "audit_unavailable");
        enforces
    }

    /// Says what it means that the last record has no receipt: whether the answer is kept back.
    pub(super) fn keeps_back(&self, cause: NotRecorded, must_be_recorded: bool) -> Option<Unrecorded> {
        if cause.shed || !must_be_recorded {
            self.is_lost();
            return None;
        }
        let enforces = self.shared.enforces();
        self.shared.tell(if enforces { Told::Refused } else { Told::WouldRefuse }, "audit_incomplete");
        enforces.then_some(Unrecorded { cause, was_handled: true })
    }

    /// Says that a request was handled of which there is no record.
    pub(super) fn is_lost(&self) {
        self.shared.tell(Told::GaveUp, "audit_lost");
    }

    fn verdict_of_drop(&self) -> Verdict {
        match self.progress {
            Progress::Runs => Verdict::panicked(),
            _ if self.deadline.is_some_and(|deadline| deadline.is_past(now())) => Verdict::timed_out(),
            progress => Verdict::cancelled(progress == Progress::Begun),
        }
    }

    /// The answer that can be had without a wait.
    fn room_at_once(&self) -> Option<Result<R::Reservation, NotRecorded>> {
        let reserving = pin!(self.shared.recorder.reserve(self.class()));
        match reserving.poll(&mut task::Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }
}

/// A record that was made, and has no receipt yet.
pub(super) struct Closing<R: Recorder> {
    pub(super) recording: RecordingOf<R>,
    pub(super) must_be_recorded: bool,
}

impl<R: Recorder> Drop for Entry<R> {
    fn drop(&mut self) {
        if self.parts.is_none() || (self.is_silent && !self.handle.is_touched()) {
            return;
        }
        let begun = self.progress != Progress::Waits;
        // A wait may need the timers of a runtime; a request that is dropped when that is gone has none.
        let can_ask = self.room.is_none() && (self.is_silent || !begun) && Handle::try_current().is_ok();
        if can_ask {
            self.room = self.room_at_once().and_then(Result::ok);
        }
        if self.close(self.verdict_of_drop(), None).is_none() {
            self.shared.tell(Told::Abandoned, "audit_lost");
        }
    }
}

impl<R: Recorder> Shared<R> {
    /// What is known of a request when it arrives; gives back who the client is.
    fn fill(
        &self,
        parts: &mut Parts,
        head: &request::Parts,
        context: &Context,
        level: Level,
    ) -> Option<ClientAddr> {
        let request = &mut parts.request;
        request.method = Some(head.method.clone());
        request.path = Some(Text::PathOf(head.uri.clone()));
        if level >= Level::Query && head.uri.query().is_some() {
            request.query = Some(Text::QueryOf(head.uri.clone()));
        }
        request.user_agent = head.headers.get(USER_AGENT).map(|name| Text::Header(name.clone()));
        let client = self.client.resolve_request(&head.extensions, &head.headers).addr;
        request.client_ip = client.map(|client| client.addr());
        request.peer_ip = self.client.peer(&head.extensions);
        let known = || head.extensions.get::<CorrelationId>().cloned();
        parts.correlation_id = context.correlation_id().cloned().or_else(known);
        parts.trace = trace_parent::read(&head.headers);
        parts.actor = head.extensions.get::<Principal>().cloned();
        parts.service.clone_from(&self.service);
        client
    }
}

/// The place where authentication says who asks: the one that an outer layer has made, or a new one.
fn listen(context: &mut Context) -> Caller {
    if let Some(caller) = context.caller() {
        return caller.clone();
    }
    let caller = Caller::unknown();
    *context = std::mem::take(context).with_caller(caller.clone());
    caller
}

fn seen(head: &request::Parts, level: Level) -> Option<Seen> {
    let Level::Body { cap_bytes } = level else { return None };
    Some(Seen::new(&head.headers, cap_bytes))
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
