use std::time::Duration;

use fleet_sim::{CLIENT_ID, CLIENT_SECRET, FleetSim, Running, Upstream};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

/// No wait here takes longer than a second; this only keeps a broken one from hanging the run.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, wait).await.expect("it happens in time")
}

/// A simulation with a client that opens a connection for every request.
pub(crate) struct Site {
    pub(crate) sim: Running,
    http: reqwest::Client,
}

impl Site {
    pub(crate) async fn open() -> Self {
        Self::around(FleetSim::start("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn around(sim: Running) -> Self {
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).no_proxy().build().unwrap();
        Self { sim, http }
    }

    /// A request to a path of the whole site.
    pub(crate) fn at(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.sim.addr()))
    }

    /// A request to a path of one upstream, without a token.
    pub(crate) fn to(&self, upstream: Upstream, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.sim.base_url(upstream) + path)
    }

    pub(crate) async fn token(&self, upstream: Upstream) -> String {
        let answer = self.ask_token(upstream, CLIENT_ID, CLIENT_SECRET).await;
        assert_eq!(answer.0, StatusCode::OK);
        answer.1["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn ask_token(&self, upstream: Upstream, id: &str, secret: &str) -> (StatusCode, Value) {
        let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
        answer(self.to(upstream, Method::POST, token_path(upstream)).form(&form)).await
    }

    /// Signs in at one upstream.
    pub(crate) async fn caller(&self, upstream: Upstream) -> Caller<'_> {
        Caller { site: self, upstream, token: self.token(upstream).await }
    }

    pub(crate) async fn put(&self, path: &str, body: &str) -> (StatusCode, Value) {
        answer(self.at(Method::PUT, path).body(body.to_owned())).await
    }
}

pub(crate) fn token_path(upstream: Upstream) -> &'static str {
    match upstream {
        Upstream::Intune => "/oauth2/token",
        Upstream::Jamf => "/api/oauth/token",
    }
}

/// Someone with a token.
pub(crate) struct Caller<'a> {
    site: &'a Site,
    upstream: Upstream,
    token: String,
}

impl Caller<'_> {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.site.to(self.upstream, method, path).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str, query: &[(&str, &str)]) -> (StatusCode, Value) {
        answer(self.request(Method::GET, path).query(query)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        answer(self.request(Method::POST, path).json(body)).await
    }
}

/// Status and JSON body; `null` for an empty body.
pub(crate) async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let body = response.bytes().await.unwrap();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    (status, body)
}
