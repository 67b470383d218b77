use std::fmt;
use std::time::Duration;

use buttress_core::{Checks, ConfigError, WallClock};
use buttress_redact::Redactor;
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url};

use super::OtlpSink;
use super::record::Attribute;

const MOST_ATTRIBUTES: usize = 64;
const FORM: &str = "http[s]://host[:port][/path]";

/// The settings of an [`OtlpSink`]; see the [options](crate::otlp#options).
#[must_use = "a builder does nothing until `build`"]
#[derive(Clone)]
pub struct OtlpSinkBuilder {
    endpoint: String,
    name: String,
    headers: Vec<(String, String)>,
    attributes: Vec<(String, String)>,
    client: Option<Client>,
    redactor: Redactor,
    call_timeout: Duration,
    clock: WallClock,
}

impl OtlpSinkBuilder {
    pub(super) fn new(endpoint: String) -> Self {
        Self {
            endpoint,
            name: "otlp".to_owned(),
            headers: Vec::new(),
            attributes: Vec::new(),
            client: None,
            redactor: Redactor::default(),
            call_timeout: Duration::from_secs(10),
            clock: WallClock::system(),
        }
    }

    /// What to call it, where one log is sent to several collectors. Default: `otlp`.
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// A header that is sent along, such as an API key.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// An attribute of the resource that the records are from, such as `service.name`. 64 at most.
    pub fn attribute(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.push((key.into(), value.into()));
        self
    }

    /// Who connects: one with TLS, certificates or a proxy. Default: one without any of that, which follows no
    /// redirects.
    pub fn client(self, client: Client) -> Self {
        Self { client: Some(client), ..self }
    }

    /// What is hidden in what is sent. Default: [`Redactor::default`].
    pub fn redactor(self, redactor: Redactor) -> Self {
        Self { redactor, ..self }
    }

    /// How long one request may take. Default: 10 s. 10 ms to 60 s.
    pub fn call_timeout(self, limit: Duration) -> Self {
        Self { call_timeout: limit, ..self }
    }

    /// What the time of sending is taken from. Default: the clock of the machine.
    pub fn clock(self, clock: WallClock) -> Self {
        Self { clock, ..self }
    }

    /// The sink. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// Every setting that cannot be used.
    pub fn build(self) -> Result<OtlpSink, ConfigError> {
        let mut checks = Checks::of("otlp");
        let endpoint = endpoint(&self.endpoint);
        // It may hold a password, so it is never shown.
        checks.require(endpoint.is_some(), "endpoint", "an address that cannot be used", FORM);
        let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        let is_name = (1..=64).contains(&self.name.len()) && self.name.bytes().all(is_plain);
        checks.require(is_name, "name", format_args!("{:?}", self.name), "1 to 64 of a-z, 0-9, _ and -");
        let headers = headers(&self.headers, &mut checks);
        let number = self.attributes.len();
        checks.require(
            number <= MOST_ATTRIBUTES,
            "attribute",
            format_args!("{number} of them"),
            "64 or fewer",
        );
        let limit = self.call_timeout;
        let fits = (Duration::from_millis(10)..=Duration::from_secs(60)).contains(&limit);
        checks.require(fits, "call_timeout", format_args!("{limit:?}"), "10 ms to 60 s");
        let client = self.client.or_else(plain_client);
        checks.require(client.is_some(), "client", "none", "one that can be made");
        let resource = self.attributes.into_iter().map(|(key, value)| Attribute::text(key, value)).collect();
        let sink = endpoint.zip(client).map(|(endpoint, client)| OtlpSink {
            name: self.name,
            endpoint,
            client,
            headers,
            resource,
            redactor: self.redactor,
            call_timeout: limit,
            clock: self.clock,
            rejected: super::Rejected::default(),
        });
        checks.finish_with(sink)
    }
}

fn endpoint(text: &str) -> Option<Url> {
    let mut url =
        Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())?;
    if matches!(url.path(), "" | "/") {
        url.set_path("/v1/logs");
    }
    Some(url)
}

fn headers(given: &[(String, String)], checks: &mut Checks) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let parsed = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value).ok());
        // Nor is the value.
        checks.require(parsed.is_some(), "header", format_args!("{name:?}"), "a name and a value of HTTP");
        if let Some((name, mut value)) = parsed {
            value.set_sensitive(true);
            headers.append(name, value);
        }
    }
    headers
}

fn plain_client() -> Option<Client> {
    Client::builder().redirect(reqwest::redirect::Policy::none()).build().ok()
}

/// Shows neither the address nor headers, which may hold a password.
impl fmt::Debug for OtlpSinkBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, attributes, .. } = self;
        f.debug_struct("OtlpSinkBuilder")
            .field("name", name)
            .field("attributes", attributes)
            .finish_non_exhaustive()
    }
}
