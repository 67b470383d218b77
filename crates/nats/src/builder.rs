use std::fmt;
use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr};
use buttress_core::{Checks, ConfigError};

use crate::NatsSink;
use crate::session::Settings;

const LAYER: &str = "nats";
const FORM: &str = "nats://[user:password@]host[:port], several with commas between them";
const NAME: &str = "1 to 64 of a-z, 0-9, _ and -";

/// The settings of a [`NatsSink`]; see the [options](crate#options).
#[must_use = "a builder does nothing until `build`"]
#[derive(Clone)]
pub struct NatsSinkBuilder {
    servers: String,
    name: String,
    options: ConnectOptions,
    prefix: String,
    domain: Option<String>,
    replicas: usize,
    max_age: Option<Duration>,
    call_timeout: Duration,
}

impl NatsSinkBuilder {
    pub(crate) fn new(servers: String) -> Self {
        Self {
            servers,
            name: "nats".to_owned(),
            options: ConnectOptions::new(),
            prefix: "audit".to_owned(),
            domain: None,
            replicas: 1,
            max_age: None,
            call_timeout: Duration::from_secs(5),
        }
    }

    /// Who to be, and whom to trust. How often to reconnect and how long to wait for a connection is not taken from
    /// here: a connection that is lost is made anew by the next call.
    pub fn connect_options(self, options: ConnectOptions) -> Self {
        Self { options, ..self }
    }

    /// What to call it, where one log is fed into several servers. Default: `nats`.
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The first word of the stream's name and of subjects. Default: `audit`.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// The JetStream domain, behind a leaf node. Default: that of the server.
    pub fn domain(self, domain: impl Into<String>) -> Self {
        Self { domain: Some(domain.into()), ..self }
    }

    /// How many servers of a cluster keep each message. A stream with fewer is refused. Default: 1. 1 to 5.
    pub fn replicas(self, replicas: usize) -> Self {
        Self { replicas, ..self }
    }

    /// How long a stream that is made keeps messages. Default: for ever.
    pub fn max_age(self, age: Duration) -> Self {
        Self { max_age: Some(age), ..self }
    }

    /// How long connecting may take, and each answer. Default: 5 s. 10 ms to 60 s.
    pub fn call_timeout(self, limit: Duration) -> Self {
        Self { call_timeout: limit, ..self }
    }

    /// The sink. Nothing is connected yet, so that a program can start while its server is down.
    ///
    /// # Errors
    ///
    /// Every setting that cannot be used.
    pub fn build(self) -> Result<NatsSink, ConfigError> {
        let mut checks = Checks::of(LAYER);
        let servers = self.servers(&mut checks);
        self.check(&mut checks);
        let Self { name, options, prefix, domain, replicas, max_age, call_timeout, .. } = self;
        let options = options
            .connection_timeout(call_timeout)
            .request_timeout(Some(call_timeout))
            // One that is lost is given up, together with what waits in it.
            .max_reconnects(1);
        let max_age = max_age.unwrap_or_default();
        let sink = servers.map(|servers| {
            NatsSink::new(
                name,
                Settings { servers, options, prefix, domain, replicas, max_age, call_timeout },
            )
        });
        checks.finish_with(sink)
    }

    fn servers(&self, checks: &mut Checks) -> Option<Vec<ServerAddr>> {
        let servers: Result<Vec<ServerAddr>, _> =
            self.servers.split(',').map(|text| text.trim().parse()).collect();
        // The text may hold a password anywhere if it cannot be read, so it is never shown.
        checks.require(servers.is_ok(), "servers", "an address that cannot be read", FORM);
        let servers = servers.ok()?;
        let is_secure = |server: &ServerAddr| matches!(server.scheme(), "tls" | "wss");
        let may_connect = cfg!(feature = "tls") || !servers.iter().any(is_secure);
        checks.require(may_connect, "servers", "an address with TLS", "that only with the feature `tls`");
        Some(servers)
    }

    fn check(&self, checks: &mut Checks) {
        let is_name = is_word(&self.name, 64);
        checks.require(is_name, "name", format_args!("{:?}", self.name), NAME);
        let is_prefix = is_word(&self.prefix, 32);
        checks.require(
            is_prefix,
            "prefix",
            format_args!("{:?}", self.prefix),
            "1 to 32 of a-z, 0-9, _ and -",
        );
        if let Some(domain) = &self.domain {
            let is_domain = is_word(&domain.to_ascii_lowercase(), 64);
            checks.require(
                is_domain,
                "domain",
                format_args!("{domain:?}"),
                "1 to 64 of a-z, A-Z, 0-9, _ and -",
            );
        }
        checks.require((1..=5).contains(&self.replicas), "replicas", self.replicas, "1 to 5");
        if let Some(age) = self.max_age {
            // Nanoseconds in 64 bits are what JetStream keeps.
            let fits = (Duration::from_secs(1)..=Duration::from_secs(9_000_000_000)).contains(&age);
            checks.require(fits, "max_age", format_args!("{age:?}"), "1 s to 285 years");
        }
        let limit = self.call_timeout;
        let fits = (Duration::from_millis(10)..=Duration::from_secs(60)).contains(&limit);
        checks.require(fits, "call_timeout", format_args!("{limit:?}"), "10 ms to 60 s");
    }
}

fn is_word(text: &str, longest: usize) -> bool {
    let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    (1..=longest).contains(&text.len()) && text.bytes().all(is_plain)
}

/// Never shows an address, which may hold a password.
impl fmt::Debug for NatsSinkBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, prefix, replicas, .. } = self;
        f.debug_struct("NatsSinkBuilder")
            .field("name", name)
            .field("prefix", prefix)
            .field("replicas", replicas)
            .finish_non_exhaustive()
    }
}
