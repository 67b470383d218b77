//! What can be set, with defaults that suit a demonstration: an outage is noticed, and its end too, within seconds.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use buttress::circuit_breaker::BreakerConfig;
use buttress::rate_limit::Quota;

use crate::connectors::{ClientCredentials, JamfCredentials, Secret, UserCredentials};

/// Where the upstreams are, and what they are shown for a token.
#[derive(Clone, Debug)]
pub struct Upstreams {
    /// The base URL of the Intune-like API.
    pub intune_url: String,
    /// What it is shown.
    pub intune: ClientCredentials,
    /// The base URL of the Jamf-like API.
    pub jamf_url: String,
    /// What it is shown.
    pub jamf: JamfCredentials,
}

impl Upstreams {
    /// Those of a fleet-sim at this URL, which takes only its own credentials.
    pub fn simulated_at(base: &str) -> Self {
        let (id, secret) = (fleet_sim::CLIENT_ID.to_owned(), Secret::new(fleet_sim::CLIENT_SECRET));
        let client = ClientCredentials { id, secret };
        let (name, password) = (fleet_sim::USERNAME.to_owned(), Secret::new(fleet_sim::PASSWORD));
        let user = UserCredentials { name, password };
        Self {
            intune_url: format!("{base}/intune"),
            intune: client.clone(),
            jamf_url: format!("{base}/jamf"),
            jamf: JamfCredentials::Either(client, user),
        }
    }
}

/// How calls to each upstream are protected.
///
/// | setting | default | range | effect |
/// |---|---|---|---|
/// | `failures_to_open` | 5 | 1 to 1,000,000 | failed attempts in a row after which the breaker opens |
/// | `open_for` | 5 s | 1 ms to 1 day | how long it then refuses, before one call may probe |
/// | `attempts` | 3 | 1 to 100 | attempts of one call in all |
/// | `backoff` | 100 ms | 1 ms to 1 h | the longest wait before the second attempt; doubles for each further one |
/// | `attempt_timeout` | 3 s | 1 ms to 1 day | bounds one attempt |
/// | `calls_at_once` | 64 | 1 to 1,000,000 | attempts under way at once; one more is refused instead of queued |
/// | `total_timeout` | 10 s | 1 ms to 1 day | bounds one call with all its attempts and waits |
#[derive(Clone, Copy, Debug)]
pub struct Resilience {
    /// Failed attempts in a row after which the breaker opens.
    pub failures_to_open: u32,
    /// How long the breaker refuses before one call may probe.
    pub open_for: Duration,
    /// Attempts of one call in all.
    pub attempts: u32,
    /// The longest wait before the second attempt; doubles for each further one.
    pub backoff: Duration,
    /// Bounds one attempt.
    pub attempt_timeout: Duration,
    /// Attempts under way at once.
    pub calls_at_once: u32,
    /// Bounds one call with all its attempts and waits.
    pub total_timeout: Duration,
}

impl Resilience {
    /// The breaker's settings: failures in a row open it, one probe at a time follows, one success closes it.
    ///
    /// The open time is always the same, so that whoever watches knows when to expect the probe. Many instances of
    /// one service should rather use `open_for`, which spreads their probes and grows while an outage lasts.
    pub(crate) fn breaker(&self) -> BreakerConfig {
        BreakerConfig::only_consecutive_failures(self.failures_to_open).open_for_exactly(self.open_for)
    }
}

impl Default for Resilience {
    fn default() -> Self {
        Self {
            failures_to_open: 5,
            open_for: Duration::from_secs(5),
            attempts: 3,
            backoff: Duration::from_millis(100),
            attempt_timeout: Duration::from_secs(3),
            calls_at_once: 64,
            total_timeout: Duration::from_secs(10),
        }
    }
}

/// How often callers may ask.
///
/// | setting | default | effect |
/// |---|---|---|
/// | `per_address` | 100 per second | requests of one client address |
/// | `per_key` | 50 per second | requests with one API key, the field `x-api-key` |
/// | `trusted_proxies` | none | proxies whose `x-forwarded-for` says who the client is |
/// | `redis` | none | a Redis that several instances share the limits through |
/// | `nodes` | 3 | how many instances share them, at the most expected |
/// | `hash_secret` | the URL of Redis | by what addresses and keys are hashed, 16 bytes or more; the same for all instances |
#[derive(Clone, Debug)]
pub struct RateLimits {
    /// Requests of one client address.
    pub per_address: Quota,
    /// Requests with one API key.
    pub per_key: Quota,
    /// Proxies whose `x-forwarded-for` is believed, as address ranges such as `10.0.0.0/8`.
    pub trusted_proxies: Vec<String>,
    /// The URL of a Redis; it may hold a password.
    pub redis: Option<Secret>,
    /// How many instances share the limits. If Redis is gone, each goes on with its share.
    pub nodes: u32,
    /// By what addresses and keys are hashed before they go to Redis.
    pub hash_secret: Option<Secret>,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            per_address: Quota::per_second(100),
            per_key: Quota::per_second(50),
            trusted_proxies: Vec::new(),
            redis: None,
            nodes: 3,
            hash_secret: None,
        }
    }
}

/// Where it is kept what became of requests with keys.
#[derive(Clone, Debug)]
pub enum RecordsIn {
    /// In memory, so that a restart forgets them.
    Memory,
    /// In a folder of its own, for one process at a time.
    Folder(PathBuf),
    /// In a Redis that several instances share; its URL may hold a password.
    Redis(Secret),
    /// In a PostgreSQL that several instances share; its URL may hold a password. The tables are made at the start.
    Postgres(Secret),
}

impl fmt::Display for RecordsIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Folder(folder) => write!(f, "the folder {}", folder.display()),
            Self::Redis(_) => f.write_str("Redis"),
            Self::Postgres(_) => f.write_str("PostgreSQL"),
        }
    }
}
