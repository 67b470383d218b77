use buttress_core::{Kind, Refused, WallClock};
use buttress_http::{RetryAfter, SHOULD_RETRY, TransportError, TransportKind, is_idempotent, refused_in};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Response, StatusCode};

use super::StatusRule;
use super::rules::{Statuses, fault_of};
use crate::{Decision, Fault, RetryPolicy, Stop, Tried};

/// The rules for HTTP: no request is sent twice that might do its work twice.
///
/// A request may be sent again after any fault if its method is idempotent or it carries an idempotency key, and
/// whatever it is if no connection came about. The tables are on the [front page](crate#when-things-fail).
#[derive(Clone, Debug)]
pub struct StandardPolicy {
    statuses: Statuses,
    idempotency_header: HeaderName,
    all_methods: bool,
    wall_clock: WallClock,
}

/// What the caller says about one request, put into its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retryable {
    /// It may be sent twice although its method does not say so.
    Yes,
    /// It must not be sent twice whatever its method says.
    No,
}

impl StandardPolicy {
    /// The header that makes any request idempotent, unless told otherwise
    /// (`draft-ietf-httpapi-idempotency-key-header`).
    pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

    /// The rules as they stand on the front page.
    pub fn new() -> Self {
        Self {
            statuses: Statuses::standard(),
            idempotency_header: Self::IDEMPOTENCY_KEY,
            all_methods: false,
            wall_clock: WallClock::system(),
        }
    }

    /// Sends requests of every method again: right only where the service recognises a request that it has seen.
    #[must_use]
    pub fn retry_all_methods(self) -> Self {
        Self { all_methods: true, ..self }
    }

    /// Another header that makes a request idempotent, instead of `Idempotency-Key`.
    #[must_use]
    pub fn idempotency_header(self, name: HeaderName) -> Self {
        Self { idempotency_header: name, ..self }
    }

    /// Changes the rule for one status from 400 on; below, a response is an answer.
    #[must_use]
    pub fn retry_status(mut self, status: StatusCode, rule: StatusRule) -> Self {
        self.statuses.set(status, rule);
        self
    }

    /// Also retries 500, which a server that fails on the same input every time answers every time.
    #[must_use]
    pub fn retry_internal_errors(self) -> Self {
        self.retry_status(StatusCode::INTERNAL_SERVER_ERROR, StatusRule::Always)
    }

    /// Retries no status; errors, and what the service asks for, remain.
    #[must_use]
    pub fn without_statuses(self) -> Self {
        Self { statuses: Statuses::none(), ..self }
    }

    /// The calendar by which a date in `Retry-After` is read; by default that of the machine.
    #[must_use]
    pub fn wall_clock(self, clock: WallClock) -> Self {
        Self { wall_clock: clock, ..self }
    }

    #[cold]
    fn fault_of_response<B>(&self, response: &Response<B>) -> Option<Fault> {
        if let Some(refused) = refused_in(response) {
            return Some(fault_of_refusal(refused));
        }
        if should_retry(response.headers()) == Some(true) {
            return Some(Fault::ServerAsks);
        }
        let says_when = || RetryAfter::from_headers(response.headers()).is_some();
        match self.statuses.rule(response.status()) {
            StatusRule::Always => Some(fault_of(response.status())),
            StatusRule::WithRetryAfter => says_when().then(|| fault_of(response.status())),
            StatusRule::KeyInFlight => says_when().then_some(Fault::InFlight),
            StatusRule::Never => None,
        }
    }

    fn may_repeat(&self, request: &Parts) -> bool {
        self.all_methods || is_idempotent(&request.method) || self.has_key(request)
    }

    fn has_key(&self, request: &Parts) -> bool {
        request.headers.get(&self.idempotency_header).is_some_and(|key| !key.is_empty())
    }

    /// What forbids to send this request again, whatever the service says.
    fn forbids(&self, fault: Fault, request: &Parts) -> Option<Stop> {
        match (request.extensions.get(), fault) {
            (_, Fault::Refused) => Some(Stop::LocalRefusal),
            (_, Fault::InFlight) if !self.has_key(request) => Some(Stop::NoKey),
            (Some(Retryable::No), _) => Some(Stop::OptedOut),
            (Some(Retryable::Yes), _) | (None, Fault::Connect) => None,
            (None, _) => (!self.may_repeat(request)).then_some(Stop::Method),
        }
    }
}

impl Default for StandardPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl<B, E: 'static> RetryPolicy<Parts, Response<B>, E> for StandardPolicy {
    #[inline]
    fn fault(&self, outcome: Result<&Response<B>, &E>) -> Option<Fault> {
        match outcome {
            Ok(response) if response.status().as_u16() < 400 => None,
            Ok(response) => self.fault_of_response(response),
            Err(error) => fault_of_error(error),
        }
    }

    fn decide(&self, tried: &Tried<'_, Parts, Response<B>, E>) -> Decision {
        if let Some(stop) = self.forbids(tried.fault, tried.request) {
            return Decision::Stop(stop);
        }
        let Ok(response) = tried.outcome else { return Decision::Retry };
        if should_retry(response.headers()) == Some(false) {
            return Decision::Stop(Stop::ServerSaidNo);
        }
        RetryAfter::from_headers(response.headers())
            .map_or(Decision::Retry, |wish| Decision::RetryAfter(wish.wait(self.wall_clock.now())))
    }
}

#[cold]
fn fault_of_error<E: 'static>(error: &E) -> Option<Fault> {
    let transport = TransportError::in_error(error).map_or(TransportKind::Other, TransportError::kind);
    // First, because a refusal among its causes is that of the side that sends, whose body it was.
    if matches!(transport, TransportKind::Invalid | TransportKind::RequestBody) {
        return None;
    }
    if let Some(refused) = Refused::in_error(error) {
        return Some(fault_of_refusal(refused));
    }
    Some(match transport {
        TransportKind::Connect => Fault::Connect,
        TransportKind::Interrupted => Fault::Interrupted,
        TransportKind::TimedOut => Fault::TimedOut,
        TransportKind::Invalid | TransportKind::RequestBody | TransportKind::Other => Fault::Other,
    })
}

/// A timeout around the attempt is a fault of the service; every other refusal is the word of a layer that would
/// only be gone around.
fn fault_of_refusal(refused: &Refused) -> Fault {
    match refused.kind() {
        Kind::TimedOut if refused.reached_inner() => Fault::TimedOut,
        _ => Fault::Refused,
    }
}

fn should_retry(headers: &HeaderMap) -> Option<bool> {
    match headers.get(SHOULD_RETRY)?.as_bytes() {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
