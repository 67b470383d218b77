use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Caller, Context, Refused, Trail};
use buttress_http::refused_in;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use tokio::time::Instant;
use tracing::{Level, Span};

use super::RequestOutcome;
use super::layer::Settings;
use crate::millis::millis;

/// What is known so far of a request that is being answered. It writes its line when it is dropped.
///
/// Whoever keeps it in the response makes the request last as long; see [`Until`](super::Until).
pub struct OpenRecord {
    settings: Arc<Settings>,
    context: Context,
    span: Span,
    started: Instant,
    method: Method,
    uri: Uri,
    route: Option<Box<str>>,
    bytes_in: Option<u64>,
    head: Option<Head>,
    /// What was sent of the body, where somebody counts.
    bytes_out: Option<u64>,
    ending: Ending,
}

/// The response as far as its head tells.
#[derive(Clone, Copy, Debug)]
struct Head {
    status: StatusCode,
    after: Duration,
    outcome: RequestOutcome,
    error_type: Option<&'static str>,
}

/// What is heard of the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// Nothing: whoever asked has left.
    Unheard,
    /// Code of the request runs. If that does not come back, it panicked.
    Running,
    /// The head said it all.
    Whole,
    /// It ended otherwise.
    Other(RequestOutcome, &'static str),
}

impl OpenRecord {
    pub(super) fn open<B>(settings: &Arc<Settings>, request: &Request<B>) -> Self {
        let route = settings.route.as_ref().and_then(|route| route(request.extensions()));
        Self {
            context: settings.listen(Context::current()),
            span: Span::current(),
            started: Instant::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            route: route.map(Into::into),
            bytes_in: length(request.headers()),
            head: None,
            bytes_out: None,
            ending: Ending::Unheard,
            settings: Arc::clone(settings),
        }
    }

    /// Runs code of the request in its context.
    pub(super) fn run<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let before = std::mem::replace(&mut self.ending, Ending::Running);
        let done = self.context.lend(work);
        self.ending = before;
        done
    }

    /// The same where the request's span has been left.
    pub(super) fn run_in_span<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let span = self.span.clone();
        let _entered = span.enter();
        self.run(work)
    }

    pub(super) fn answered<B>(&mut self, response: &Response<B>) {
        let (status, refused) = (response.status(), refused_in(response));
        let outcome = RequestOutcome::of_response(status, refused);
        let error_type = refused.map(Refused::code);
        self.head = Some(Head { status, after: self.started.elapsed(), outcome, error_type });
    }

    pub(super) fn failed<E: 'static>(&mut self, error: &E) {
        let refused = Refused::in_error(error);
        self.ending =
            Ending::Other(RequestOutcome::of_error(refused), refused.map_or("error", Refused::code));
    }

    /// So many bytes of the body, which somebody counts, have been sent.
    pub(super) fn sent(&mut self, bytes: u64) {
        *self.bytes_out.get_or_insert(0) += bytes;
    }

    /// The response has been sent to its end.
    pub(super) fn ended(&mut self) {
        self.ending = Ending::Whole;
    }

    pub(super) fn body_failed<E: 'static>(&mut self, error: &E) {
        let code = Refused::in_error(error).map_or("body", Refused::code);
        self.ending = Ending::Other(RequestOutcome::BodyError, code);
    }

    /// The body is dropped before it said that it is over. It may be all there is to send nevertheless.
    pub(super) fn body_dropped(&mut self, expected: Option<u64>) {
        let is_all = self.has_no_body() || (expected.is_some() && expected == self.bytes_out);
        if is_all && self.ending == Ending::Unheard {
            self.ended();
        }
    }

    /// Whether the response has no body whatever its type says (RFC 9110, section 6.4.1).
    fn has_no_body(&self) -> bool {
        let status = self.head.map(|head| head.status);
        self.method == Method::HEAD
            || matches!(status, Some(StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED))
    }

    /// How it ended, and a word for what went wrong.
    fn end(&self) -> (RequestOutcome, Option<&'static str>) {
        match (self.ending, self.head) {
            (Ending::Whole, Some(head)) => (head.outcome, head.error_type),
            (Ending::Other(outcome, error_type), _) => (outcome, Some(error_type)),
            (Ending::Running, _) => (RequestOutcome::Panic, Some("panic")),
            (Ending::Unheard | Ending::Whole, _) => (RequestOutcome::Cancelled, Some("cancelled")),
        }
    }

    fn write(&self, context: &mut Context, span: &Span) {
        let (outcome, error_type) = self.end();
        let status = self.head.map(|head| head.status.as_u16());
        // A status is a word for what went wrong as well, and there are not many of them.
        let named = self.head.filter(|_| error_type.is_none() && outcome == RequestOutcome::ServerError);
        let error_type = error_type.or(named.as_ref().map(|head| head.status.as_str()));
        let path = self.settings.redactor.url(self.uri.path());
        let trail = context.trail().filter(|_| self.settings.verdicts);
        let verdicts = trail.map(ToString::to_string).filter(|verdicts| !verdicts.is_empty());
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    target: "buttress_telemetry::request",
                    $level,
                    event = "http_request",
                    method = known(&self.method),
                    route = self.route.as_deref().unwrap_or("unmatched"),
                    path = &*path,
                    status_code = status,
                    duration_ms = millis(self.started.elapsed()),
                    headers_ms = self.head.map(|head| millis(head.after)),
                    bytes_in = self.bytes_in,
                    bytes_out = self.bytes_out,
                    outcome = outcome.as_str(),
                    error_type,
                    verdicts,
                )
            };
        }
        let _entered = span.enter();
        context.lend(|| match outcome.level() {
            Level::INFO => {
                line!(Level::INFO);
            }
            Level::WARN => {
                line!(Level::WARN);
            }
            _ => {
                line!(Level::ERROR);
            }
        });
    }
}

impl Drop for OpenRecord {
    fn drop(&mut self) {
        let mut context = std::mem::take(&mut self.context);
        self.write(&mut context, &self.span);
    }
}

impl Settings {
    /// The context with a place for what the layer wants to hear.
    fn listen(&self, context: Context) -> Context {
        let context = match context.caller() {
            Some(_) => context,
            None => context.with_caller(Caller::unknown()),
        };
        if self.verdicts && context.trail().is_none() { context.with_trail(Trail::new()) } else { context }
    }
}

/// The method, or `_OTHER` for one that HTTP does not define: a stranger can write anything there.
fn known(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS
        | Method::CONNECT
        | Method::TRACE => method.as_str(),
        _ => "_OTHER",
    }
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

impl fmt::Debug for OpenRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenRecord")
            .field("method", &self.method)
            .field("route", &self.route)
            .field("head", &self.head)
            .field("ending", &self.ending)
            .finish_non_exhaustive()
    }
}
