//! A control plane with upstreams of its own, and words for what a caller does with it.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use buttress::rate_limit::Quota;
use buttress_testkit::patience::{self, PATIENCE, looking};
use control_plane::{ControlPlane, RateLimits, Resilience, Running, Unfinished};
use fleet_sim::{Fault, Upstream};
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

pub(crate) const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

pub(crate) struct World {
    running: Running,
    http: reqwest::Client,
}

/// A response that was read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// Waits for something that has to happen.
pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    patience::within(PATIENCE, what, || "nothing that works takes so long").await
}

/// Asks again until the answer is as wanted.
pub(crate) async fn until(holds: impl AsyncFnMut() -> bool) {
    within(looking(holds)).await;
}

/// Retries without waiting, and breakers that do not close while a test runs.
pub(crate) fn quick() -> Resilience {
    Resilience {
        backoff: Duration::from_millis(1),
        open_for: Duration::from_secs(3_600),
        ..Resilience::default()
    }
}

/// As quick, with a single attempt: each call is one request.
pub(crate) fn no_retry() -> Resilience {
    Resilience { attempts: 1, ..quick() }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(ControlPlane::builder().resilience(quick())).await
    }

    pub(crate) async fn guarded_by(resilience: Resilience) -> Self {
        Self::with(ControlPlane::builder().resilience(resilience)).await
    }

    /// Without limits that a test which asks again and again could run into.
    pub(crate) async fn with(control_plane: ControlPlane) -> Self {
        let plenty = Quota::per_second(100_000);
        let limits = RateLimits { per_address: plenty, per_key: plenty, ..RateLimits::default() };
        Self::of(control_plane.rate_limits(limits)).await
    }

    pub(crate) async fn limited_by(limits: RateLimits) -> Self {
        Self::of(ControlPlane::builder().rate_limits(limits)).await
    }

    pub(crate) async fn of(control_plane: ControlPlane) -> Self {
        let running = control_plane.start().await.expect("it starts");
        Self { running, http: reqwest::Client::new() }
    }

    pub(crate) fn sim(&self) -> &fleet_sim::Running {
        self.running.simulation().expect("it brings its own upstreams")
    }

    /// Makes both connectors fetch their tokens, and forgets that they did.
    pub(crate) async fn with_tokens(self) -> Self {
        for upstream in Upstream::ALL {
            assert_eq!(self.devices(upstream).await.status, 200);
            self.sim().clear_requests(upstream);
        }
        self
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.running.addr()))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }

    /// Asks for something new.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_with(&new_key(), path, body).await
    }

    /// Asks with an idempotency key.
    pub(crate) async fn post_with(&self, key: &str, path: &str, body: Value) -> Answer {
        Answer::to(self.request(Method::POST, path).header(IDEMPOTENCY_KEY, key).json(&body)).await
    }

    pub(crate) async fn post_as(&self, id: &str, path: &str, body: Value) -> Answer {
        let request = self.request(Method::POST, path).header(IDEMPOTENCY_KEY, new_key());
        Answer::to(request.header(CORRELATION_ID, id).json(&body)).await
    }

    pub(crate) async fn devices(&self, upstream: Upstream) -> Answer {
        self.get(&format!("/api/v1/devices/{upstream}")).await
    }

    pub(crate) async fn devices_as(&self, id: &str, upstream: Upstream) -> Answer {
        let path = format!("/api/v1/devices/{upstream}");
        Answer::to(self.request(Method::GET, &path).header(CORRELATION_ID, id)).await
    }

    pub(crate) async fn breaker(&self, upstream: Upstream) -> Value {
        self.get("/api/v1/health/circuit-breakers").await.json()[upstream.name()].clone()
    }

    /// Lets calls fail until the breaker is open, and the upstream be well again.
    pub(crate) async fn break_circuit(&self, upstream: Upstream) {
        self.sim().set_fault(upstream, Fault::answering(503)).expect("a fault");
        until(async || {
            self.devices(upstream).await;
            self.breaker(upstream).await["state"] == "open"
        })
        .await;
        self.sim().clear_fault(upstream);
    }

    /// Takes a package in and returns its ID.
    pub(crate) async fn package(&self, package: Value) -> String {
        self.post("/api/v1/packages", package).await.created()
    }

    pub(crate) async fn deploy(&self, package: &str, ring: &str) -> Answer {
        self.post("/api/v1/deployments", json!({ "package_id": package, "ring": ring })).await
    }

    pub(crate) async fn promote(&self, deployment: &str) -> Answer {
        self.promote_with(&new_key(), deployment).await
    }

    pub(crate) async fn promote_with(&self, key: &str, deployment: &str) -> Answer {
        let request = self.request(Method::POST, &format!("/api/v1/deployments/{deployment}/promote"));
        Answer::to(request.header(IDEMPOTENCY_KEY, key)).await
    }

    pub(crate) async fn rule(&self, package: &str, ruling: Value) -> Answer {
        self.post(&format!("/api/v1/packages/{package}/approval"), ruling).await
    }

    pub(crate) fn set_install_success(&self, upstream: Upstream, percent: u32) {
        let settings = self.sim().settings(upstream);
        let settings = fleet_sim::FleetSettings { install_success_percent: percent, ..settings };
        self.sim().set_settings(upstream, settings).expect("a percentage");
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.running.addr()
    }

    pub(crate) async fn stop(self) -> Unfinished {
        within(self.running.shutdown()).await
    }
}

impl Answer {
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        Self::try_to(request).await.expect("a whole answer")
    }

    /// Of somebody who may be gone before he has answered.
    pub(crate) async fn try_to(request: RequestBuilder) -> reqwest::Result<Self> {
        within(async {
            let response = request.send().await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Ok(Self { status, headers, text: response.text().await? })
        })
        .await
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn correlation_id(&self) -> &str {
        self.header(CORRELATION_ID.as_str()).expect("every answer has one")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The ID of what was created.
    pub(crate) fn created(&self) -> String {
        assert_eq!(self.status, 201, "{self:?}");
        self.json()["id"].as_str().expect("an ID").to_owned()
    }

    /// Checks that this is a problem document of the status, and returns its code.
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        problem["code"].as_str().expect("a code").to_owned()
    }

    /// The gates that a refusal lists, each with its connector where it has one.
    pub(crate) fn shut_gates(&self) -> Vec<String> {
        assert_eq!(self.problem(409), "gates_shut", "{self:?}");
        let gates = self.json()["gates"].as_array().expect("a list").clone();
        gates
            .iter()
            .map(|gate| match gate["connector"].as_str() {
                Some(connector) => format!("{}/{connector}", gate["gate"].as_str().expect("a gate")),
                None => gate["gate"].as_str().expect("a gate").to_owned(),
            })
            .collect()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers, self.text)
    }
}

/// An idempotency key that nobody has used.
pub(crate) fn new_key() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("key-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A package for these platforms of which every risk factor has this share, so that its score is a hundred times it.
pub(crate) fn package(name: &str, platforms: &[&str], share: f64) -> Value {
    json!({
        "name": name,
        "version": "1.0.0",
        "platforms": platforms,
        "artifact_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "risk_factors": {
            "privilege_impact": share,
            "supply_chain_trust": share,
            "exploitability": share,
            "data_access": share,
            "sbom_vulnerability": share,
            "blast_radius": share,
            "operational_complexity": share,
            "history": share,
        },
    })
}

pub(crate) fn approval(ring: &str) -> Value {
    json!({ "decision": "approve", "ring": ring, "by": "change board", "conditions": ["watch the helpdesk"] })
}
