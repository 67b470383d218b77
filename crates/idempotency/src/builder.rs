use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Checks, ConfigError, Entropy, ModeSwitch, Observer};
use buttress_http::AsProblem;
use http::request::Parts;
use http::{HeaderName, Method, StatusCode, Uri};

use crate::desk::Desk;
use crate::marks::Marks;
use crate::rejection::LAYER;
use crate::seats::Bounds;
use crate::terms::Terms;
use crate::{Ending, IdempotencyLayer, KeptHeaders, Store, StoredResponse, WhenAbandoned};

/// What becomes of a request whose claim the store did not decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WhenStoreFails {
    /// It is refused, and the handler does not run. The default.
    #[default]
    Refuse,
    /// The handler runs without protection, and the response says so: `idempotency-status: unprotected`. Of the same
    /// requests in one process, one runs at a time. A record that is there and cannot be read is refused all the same,
    /// and so is a caller who has too many.
    Continue,
}

/// Builds an [`IdempotencyLayer`]; begun by [`IdempotencyLayer::inbound`].
///
/// Nothing is checked before [`build`](Self::build).
#[must_use = "a builder does nothing until `build`"]
pub struct IdempotencyBuilder<T, J = AsProblem> {
    store: Arc<T>,
    terms: Terms,
    mode: ModeSwitch,
    reject: J,
}

impl<T: Store> IdempotencyBuilder<T> {
    pub(crate) fn new(store: Arc<T>) -> Self {
        Self { store, terms: Terms::default(), mode: ModeSwitch::default(), reject: AsProblem::default() }
    }
}

impl<T: Store, J> IdempotencyBuilder<T, J> {
    fn with(mut self, change: impl FnOnce(&mut Terms)) -> Self {
        change(&mut self.terms);
        self
    }

    /// Whose keys they are: tenant and principal, as the application's own authentication has put them into the
    /// extensions. Never take it from a header that the client chooses. A request with a key and without a scope is
    /// refused.
    pub fn scope<C: AsRef<[u8]>>(self, scope: impl Fn(&Parts) -> Option<C> + Send + Sync + 'static) -> Self {
        self.with(|terms| {
            terms.is_one_scope = false;
            terms.scope = Some(Arc::new(move |head, out| {
                scope(head).is_some_and(|caller| {
                    out.extend_from_slice(caller.as_ref());
                    true
                })
            }));
        })
    }

    /// All callers share one scope: whoever knows another's key and request is given his answer. For services with
    /// one caller.
    pub fn one_scope_for_all(self) -> Self {
        self.scope(|_| Some([])).with(|terms| terms.is_one_scope = true)
    }

    /// The name of the layer in signals and, without [`endpoint`](Self::endpoint), in statistics. Records belong to a
    /// name: layers of different names on one store know nothing of each other's, and a layer that is renamed begins
    /// anew. Default: empty.
    pub fn name(self, name: impl Into<Arc<str>>) -> Self {
        self.with(|terms| terms.name = name.into())
    }

    /// The endpoint of a request: a pattern of the router and never a path. It is what statistics count by, and it is
    /// part of what makes two requests the same.
    pub fn endpoint(self, endpoint: impl Fn(&Parts) -> String + Send + Sync + 'static) -> Self {
        self.with(|terms| terms.endpoint = Some(Arc::new(endpoint)))
    }

    /// The URI by which two requests are the same, where it is not the one that the layer sees: a router that serves
    /// another under a prefix may cut off what tells two endpoints apart. With Axum,
    /// `.uri(|head| head.extensions.get::<OriginalUri>().map(|uri| uri.0.clone()))`. `None` means the one that the layer
    /// sees. Default: that one.
    pub fn uri(self, uri: impl Fn(&Parts) -> Option<Uri> + Send + Sync + 'static) -> Self {
        self.with(|terms| terms.uri = Some(Arc::new(uri)))
    }

    /// A header of requests that is part of what makes two of them the same, such as a version or the host. May be
    /// called several times. Default: none besides `Content-Type` without its parameters and `Content-Encoding`.
    pub fn compare_header(self, name: HeaderName) -> Self {
        self.with(|terms| terms.compared = terms.compared.iter().cloned().chain([name]).collect())
    }

    /// A secret for the hashes that stores see, 16 bytes at least: who reads a store cannot try keys then. Another
    /// secret means other records. Default: none.
    pub fn secret(self, secret: impl AsRef<[u8]>) -> Self {
        self.with(|terms| terms.secret = secret.as_ref().into())
    }

    /// The methods whose keys count. Default: POST and PATCH.
    pub fn methods(self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.with(|terms| terms.methods = methods.into_iter().collect())
    }

    /// Requests of these methods need a key. Default: it is optional.
    pub fn key_required(self) -> Self {
        self.key_required_when(|_| true)
    }

    /// Of these methods, the requests of which this is true need a key; for others it is optional. Default: optional.
    pub fn key_required_when(self, required: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.with(|terms| terms.required = Some(Arc::new(required)))
    }

    /// A key for requests whose caller sends none, taken from what the request says of itself: the number of an order,
    /// the ID of a message. It must be the same for a request and its repetition, and another one for each operation; a
    /// key that is drawn by chance recognizes nothing. It counts as if the caller had sent it, and is never told. `None`
    /// means that there is no key. Default: none.
    ///
    /// ```
    /// use buttress_idempotency::{IdempotencyLayer, MemoryStore};
    ///
    /// let layer = IdempotencyLayer::inbound(MemoryStore::default())
    ///     .one_scope_for_all()
    ///     .key_from(|head| Some(head.headers.get("x-message-id")?.to_str().ok()?.to_owned()))
    ///     .build();
    /// assert!(layer.is_ok());
    /// ```
    pub fn key_from(self, key: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static) -> Self {
        self.with(|terms| terms.key_from = Some(Arc::new(key)))
    }

    /// The header with the key. Default: `Idempotency-Key`.
    pub fn key_header(self, name: HeaderName) -> Self {
        self.with(|terms| terms.key = name)
    }

    /// The header that marks a replay. Default: `Idempotent-Replayed`.
    pub fn replayed_header(self, name: HeaderName) -> Self {
        self.with(|terms| terms.marks.replayed = name)
    }

    /// Marks answers as services did that came before the others: `X-Idempotency-Replayed` is `true` on replays and
    /// `false` on first answers, and `X-Original-Timestamp` is the time as RFC 3339 has it.
    pub fn x_headers(self) -> Self {
        self.with(|terms| terms.marks = Marks::x())
    }

    /// Which headers of responses are kept, where the handler does not say so itself. Default: all but those that never
    /// are.
    pub fn keep_headers(self, kept: KeptHeaders) -> Self {
        self.with(|terms| terms.kept = kept)
    }

    /// A header of responses that is not kept, besides those that never are. May be called several times.
    pub fn drop_header(self, name: HeaderName) -> Self {
        self.with(|terms| terms.kept = terms.kept.clone().without(name))
    }

    /// What is kept of a response where the handler does not say so itself. Default: [`Ending::of_status`].
    pub fn end_with(self, ending: fn(StatusCode) -> Ending) -> Self {
        self.with(|terms| terms.ending = ending)
    }

    /// How long an answer is kept. Default: 24 h.
    pub fn retain(self, time: Duration) -> Self {
        self.with(|terms| terms.retain = time)
    }

    /// How long a run counts as alive without a word from its process. Renewed every third of it. Default: 30 s.
    pub fn lease(self, time: Duration) -> Self {
        self.with(|terms| terms.lease = time)
    }

    /// How long a handler may run; then it is dropped, and its outcome is unknown. Default: 15 min.
    pub fn longest_run(self, time: Duration) -> Self {
        self.with(|terms| terms.longest = time)
    }

    /// How long the store may take for an answer. Default: 250 ms.
    pub fn store_time(self, time: Duration) -> Self {
        self.with(|terms| terms.store_time = time)
    }

    /// How long a request's body may take. Default: 30 s.
    pub fn body_time(self, time: Duration) -> Self {
        self.with(|terms| terms.body_time = time)
    }

    /// How large the body of a request with a key may be, in bytes. Default: 1 MiB.
    pub fn request_limit(self, bytes: u64) -> Self {
        self.with(|terms| terms.request_limit = bytes)
    }

    /// How large a body is kept, in bytes; of a larger one, only the status. Default: 1 MiB.
    pub fn response_limit(self, bytes: u64) -> Self {
        self.with(|terms| terms.response_limit = bytes)
    }

    /// How many requests with keys are worked on at once, those whose client has left included. Default: 512.
    pub fn max_requests(self, number: usize) -> Self {
        self.with(|terms| terms.max_requests = number)
    }

    /// How many of these one caller has, so that nobody's slow uploads or runs shut the others out; those beyond are
    /// refused with 429. Default: half of [`max_requests`](Self::max_requests), and all of them where all callers share
    /// one scope.
    pub fn max_requests_per_scope(self, number: usize) -> Self {
        self.with(|terms| terms.max_requests_per_scope = Some(number))
    }

    /// How long a request waits for the same one that runs, instead of being refused at once. Never longer than its
    /// deadline. In this process the run itself wakes it; if another process runs it, the store is asked in growing
    /// pauses of at most 2 s, once for all who wait here. Default: 0, it is refused at once.
    ///
    /// ```
    /// use std::time::Duration;
    /// use buttress_idempotency::{IdempotencyLayer, MemoryStore};
    ///
    /// let builder = IdempotencyLayer::inbound(MemoryStore::default()).one_scope_for_all();
    /// let layer = builder.wait(Duration::from_secs(5)).max_waiters(100).max_waiters_per_key(2).build();
    /// assert!(layer.is_ok());
    /// ```
    pub fn wait(self, time: Duration) -> Self {
        self.with(|terms| terms.wait = time)
    }

    /// How many requests wait at once; those beyond are refused. They count among [`max_requests`](Self::max_requests)
    /// too, and must be fewer, so that there is a place for a request that runs. Default: 256.
    pub fn max_waiters(self, number: usize) -> Self {
        self.with(|terms| terms.waiters.in_all = number)
    }

    /// How many requests wait at once for the same run; those beyond are refused. Default: 8.
    pub fn max_waiters_per_key(self, number: usize) -> Self {
        self.with(|terms| terms.waiters.per_key = number)
    }

    /// What becomes of a request whose earlier attempt nobody finished. Default: it runs as the next attempt.
    pub fn when_abandoned(self, choice: WhenAbandoned) -> Self {
        self.with(|terms| terms.when_abandoned = choice)
    }

    /// What becomes of a request whose claim the store did not decide. Default: it is refused.
    pub fn when_store_fails(self, choice: WhenStoreFails) -> Self {
        self.with(|terms| terms.when_store_fails = choice)
    }

    /// Where owners and pauses are drawn from, besides what the system has drawn for this process. Default: the system.
    pub fn entropy(self, entropy: Entropy) -> Self {
        self.with(|terms| terms.entropy = entropy)
    }

    /// Who hears of refusals, replays and what went wrong behind. Default: nobody but the trail of the request.
    pub fn observer(self, observer: impl Observer) -> Self {
        self.with(|terms| terms.observer = Some(Arc::new(observer)))
    }

    /// A mode, or a switch that something else turns. Default: enforce. A layer that observes reports the requests that
    /// it would refuse for what they say, before it asks the store: no key where one is needed, one that cannot be used,
    /// a caller who is unknown. It asks no store, knows no duplicates, and protects nothing.
    pub fn mode(self, mode: impl Into<ModeSwitch>) -> Self {
        Self { mode: mode.into(), ..self }
    }

    /// How a refusal is said.
    pub fn reject_with<K>(self, reject: K) -> IdempotencyBuilder<T, K> {
        let Self { store, terms, mode, reject: _ } = self;
        IdempotencyBuilder { store, terms, mode, reject }
    }

    /// The layer.
    ///
    /// # Errors
    ///
    /// Every setting that is missing or out of range, with its value and the range.
    pub fn build(self) -> Result<IdempotencyLayer<T, J>, ConfigError> {
        let mut checks = Checks::of(LAYER);
        check(&mut checks, &self.terms);
        checks.finish()?;
        let Self { store, mut terms, mode, reject } = self;
        terms.marks = terms.marks.for_retention(terms.retain);
        Ok(IdempotencyLayer::new(Desk::new(store, terms, mode), reject))
    }
}

fn check(checks: &mut Checks, terms: &Terms) {
    let millis = Duration::from_millis;
    let within = |time: Duration, from: Duration, to: Duration| (from..=to).contains(&time);
    let day = Duration::from_secs(86_400);
    let mut time = |field, value: Duration, from, to, allowed| {
        checks.require(within(value, from, to), field, format_args!("{value:?}"), allowed);
    };
    time("retain", terms.retain, Duration::from_secs(1), day * 366, "1 s to 366 days");
    time("lease", terms.lease, millis(100), day, "100 ms to 1 day");
    time("longest_run", terms.longest, millis(1), day, "1 ms to 1 day");
    time("store_time", terms.store_time, millis(1), Duration::from_secs(60), "1 ms to 60 s");
    time("body_time", terms.body_time, millis(1), day, "1 ms to 1 day");
    checks.require(terms.scope.is_some(), "scope", "missing", "`scope`, or `one_scope_for_all`");
    checks.require(!terms.methods.is_empty(), "methods", "none", "one at least");
    let secret = terms.secret.len();
    checks.require(
        secret == 0 || secret >= 16,
        "secret",
        format_args!("{secret} bytes"),
        "none, or 16 bytes at least",
    );
    let largest = StoredResponse::MAX_BODY_BYTES as u64;
    checks.require(terms.request_limit <= largest * 4, "request_limit", terms.request_limit, "0 to 64 MiB");
    checks.require(terms.response_limit <= largest, "response_limit", terms.response_limit, "0 to 16 MiB");
    let max = terms.max_requests;
    checks.require((1..=1_000_000).contains(&max), "max_requests", max, "1 to 1,000,000");
    if let Some(each) = terms.max_requests_per_scope {
        checks.require((1..=max).contains(&each), "max_requests_per_scope", each, "1 to `max_requests`");
    }
    if !terms.wait.is_zero() {
        check_waiting(checks, terms);
    }
}

fn check_waiting(checks: &mut Checks, terms: &Terms) {
    let Bounds { in_all, per_key } = terms.waiters;
    let is_short = terms.wait <= Duration::from_secs(300);
    checks.require(is_short, "wait", format_args!("{:?}", terms.wait), "0 to 5 min");
    let range = 1..terms.max_requests;
    checks.require(range.contains(&in_all), "max_waiters", in_all, "1 and more, fewer than `max_requests`");
    checks.require(per_key > 0, "max_waiters_per_key", per_key, "1 and more");
}

impl<T, J> fmt::Debug for IdempotencyBuilder<T, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotencyBuilder").field("name", &self.terms.name).finish_non_exhaustive()
    }
}
