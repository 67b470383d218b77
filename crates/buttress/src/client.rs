use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_bulkhead::{BulkheadLayerBuilder, HeldBody, UntilBodyEnd};
use buttress_circuit_breaker::{Breaker, BreakerConfig, BreakerRegistry};
use buttress_core::{AsError, Checks, ConfigError, ModeSwitch, Observer};
use buttress_idempotency::KeyInjectorLayer;
use buttress_rate_limit::throttle::{ByAuthority, HttpFeedback, ThrottleBuilder};
use buttress_reqwest::{AsReqwestBody, Client, EventsLayer, Reqwest, noting_redirects};
use buttress_retry::{ResendHttp, RetryBuilder, StandardPolicy};
use buttress_timeout::{BodyTimeoutBuilder, BodyTimeoutLayer, Responses, TimeoutBody};
use reqwest::Body;
use reqwest::redirect::Policy;
use tower::util::MapResponseLayer;
use tower_layer::Layer;

use crate::Profile;
use crate::stack::{Outbound, OutboundBuilder};

/// Begins a client over reqwest, named after the service that it calls.
///
/// With nothing else said it has every protection of [`Outbound`], clocks on response bodies, and an event in the
/// log for each call.
///
/// ```
/// use std::time::Duration;
/// use buttress::BreakerRegistry;
///
/// let breakers = BreakerRegistry::default();
/// let intune = buttress::client("intune")
///     .timeout(Duration::from_secs(20))
///     .retry(|retry| retry.max_attempts(4))
///     .registry(&breakers)
///     .build()?;
/// assert_eq!(intune.name(), "intune");
/// assert!(breakers.all_healthy());
///
/// let error = buttress::client("jamf").timeout(Duration::ZERO).retry(|retry| retry.max_attempts(0)).build().unwrap_err();
/// assert!(error.problems().len() >= 2, "all that is wrong is told at once");
/// # Ok::<(), buttress::ConfigError>(())
/// ```
pub fn client(name: impl Into<Arc<str>>) -> ClientBuilder {
    let name = name.into();
    ClientBuilder {
        outbound: Outbound::named(Arc::clone(&name)).retry(|retry| retry.wrap_body(AsReqwestBody)),
        body: BodyTimeoutLayer::responses().name(Arc::clone(&name)),
        name,
        http: None,
    }
}

/// Builds a [`Client`] with the whole outbound stack.
///
/// Takes the options of [`OutboundBuilder`], and these:
///
/// | option | default | range | effect |
/// |---|---|---|---|
/// | `body_idle` | 15 s | 1 ms to 1 day | the longest gap in a response body |
/// | `body` | those of the layer | | every option of [`BodyTimeoutLayer::responses`]; the end of `timeout` ends a body too, unless it says `without_deadline` |
/// | `http` | 2 s to connect, no limit of its own after that, redirects followed as reqwest does | | the `reqwest::Client` that sends |
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    name: Arc<str>,
    outbound: OutboundBuilder<AsReqwestBody>,
    body: BodyTimeoutBuilder<Responses>,
    http: Option<reqwest::Client>,
}

type ReqwestRetry = RetryBuilder<StandardPolicy, ResendHttp<AsReqwestBody>>;

impl ClientBuilder {
    /// How long the default `reqwest::Client` waits for a connection.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

    /// Bounds the whole call: retries, waits, and the response body.
    pub fn timeout(self, limit: Duration) -> Self {
        self.outbound(|outbound| outbound.timeout(limit))
    }

    /// Bounds one attempt, up to the head of its response.
    pub fn attempt_timeout(self, limit: Duration) -> Self {
        self.outbound(|outbound| outbound.attempt_timeout(limit))
    }

    /// Bounds the gaps in a response body.
    pub fn body_idle(self, idle: Duration) -> Self {
        self.body(|body| body.idle(idle))
    }

    /// Changes the clocks on response bodies, such as for a download that goes on beyond `timeout`.
    pub fn body(
        self,
        change: impl FnOnce(BodyTimeoutBuilder<Responses>) -> BodyTimeoutBuilder<Responses>,
    ) -> Self {
        Self { body: change(self.body), ..self }
    }

    /// Changes the retry layer.
    pub fn retry(self, change: impl FnOnce(ReqwestRetry) -> ReqwestRetry) -> Self {
        self.outbound(|outbound| outbound.retry(change))
    }

    /// Changes the settings of the circuit breaker.
    pub fn circuit_breaker(self, change: impl FnOnce(BreakerConfig) -> BreakerConfig) -> Self {
        self.outbound(|outbound| outbound.circuit_breaker(change))
    }

    /// Gives each call a key, so that it can be sent again; see [`OutboundBuilder::idempotency_keys`].
    pub fn idempotency_keys(self, keys: KeyInjectorLayer) -> Self {
        self.outbound(|outbound| outbound.idempotency_keys(keys))
    }

    /// Sends attempts no faster than the service allows; see [`OutboundBuilder::throttle`].
    pub fn throttle(
        self,
        change: impl FnOnce(
            ThrottleBuilder<ByAuthority, HttpFeedback, AsError>,
        ) -> ThrottleBuilder<ByAuthority, HttpFeedback, AsError>,
    ) -> Self {
        self.outbound(|outbound| outbound.throttle(change))
    }

    /// Limits how many attempts are under way at once; see [`OutboundBuilder::bulkhead`].
    pub fn bulkhead(
        self,
        change: impl FnOnce(
            BulkheadLayerBuilder<AsError, UntilBodyEnd>,
        ) -> BulkheadLayerBuilder<AsError, UntilBodyEnd>,
    ) -> Self {
        self.outbound(|outbound| outbound.bulkhead(change))
    }

    /// Takes the settings of breaker and retry from a profile.
    pub fn profile(self, profile: Profile) -> Self {
        self.outbound(|outbound| outbound.profile(profile))
    }

    /// A mode for every layer that can refuse or repeat, or a switch that something else turns.
    pub fn mode(self, mode: impl Into<ModeSwitch>) -> Self {
        self.outbound(|outbound| outbound.mode(mode))
    }

    /// Lists the breaker in a registry, under the client's name.
    pub fn registry(self, registry: &BreakerRegistry) -> Self {
        self.outbound(|outbound| outbound.registry(registry))
    }

    /// Lets somebody hear the signals of all layers, for metrics.
    pub fn observer(self, observer: impl Observer) -> Self {
        self.outbound(|outbound| outbound.observer(observer))
    }

    /// Changes any other part of the stack.
    pub fn outbound(
        self,
        change: impl FnOnce(OutboundBuilder<AsReqwestBody>) -> OutboundBuilder<AsReqwestBody>,
    ) -> Self {
        Self { outbound: change(self.outbound), ..self }
    }

    /// Sends by this client of reqwest, with its TLS settings, proxies and pool.
    ///
    /// Leave its own total timeout unset: it would bound each attempt, its body included, and the stack's clocks do
    /// that better. If it follows redirects, wrap their policy in
    /// [`noting_redirects`](buttress_reqwest::noting_redirects), so that a request which was redirected to a dead host
    /// is not taken for one that was never sent.
    pub fn http(self, http: reqwest::Client) -> Self {
        Self { http: Some(http), ..self }
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// Lists everything that is wrong with the settings of all layers.
    pub fn build(self) -> Result<Client, ConfigError> {
        self.build_with_breaker().map(|(client, _)| client)
    }

    /// The client, and its circuit breaker to look at and to steer.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_with_breaker(self) -> Result<(Client, Breaker), ConfigError> {
        let mut checks = Checks::of("client");
        let (mode, observer) = self.outbound.oversight();
        let mut body = self.body;
        if let Some(mode) = mode {
            body = body.mode(mode);
        }
        if let Some(observer) = observer {
            body = body.observer(observer);
        }
        let outbound = checks.absorb(self.outbound.build());
        let body = checks.absorb(body.build());
        let http = self.http.map_or_else(default_http, Ok);
        if let Err(error) = &http {
            checks.require(false, "http", error, "TLS that can be initialised");
        }
        let parts = outbound.zip(body).zip(http.ok());
        let ((outbound, body), http) = checks.finish_with(parts)?;
        let breaker = outbound.breaker().clone();
        Ok((assemble(self.name, outbound, &body, http), breaker))
    }
}

fn assemble(
    name: Arc<str>,
    outbound: Outbound<AsReqwestBody>,
    body: &BodyTimeoutLayer<Responses>,
    http: reqwest::Client,
) -> Client {
    let breaker = outbound.breaker().clone();
    let events = EventsLayer::new(&*name).with_breaker_state(move || breaker.state().as_str());
    let (marks, deadline, calls) = outbound.parts(Reqwest::new(http.clone()));
    // The clocks and the bulkhead change the type of the body; it becomes reqwest's again before anybody sees it.
    let calls = MapResponseLayer::new(into_reqwest as fn(_) -> _).layer(body.layer(calls));
    Client::over(name, http, marks.layer(events.layer(deadline.layer(calls))))
}

fn into_reqwest(response: http::Response<TimeoutBody<HeldBody<Body>>>) -> http::Response<Body> {
    response.map(Body::wrap)
}

fn default_http() -> Result<reqwest::Client, reqwest::Error> {
    let redirects = noting_redirects(Policy::default());
    reqwest::Client::builder().connect_timeout(ClientBuilder::CONNECT_TIMEOUT).redirect(redirects).build()
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("outbound", &self.outbound).finish_non_exhaustive()
    }
}
