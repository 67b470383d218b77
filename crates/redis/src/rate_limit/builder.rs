use std::fmt;
use std::time::Duration;

use buttress_core::{Checks, ConfigError};
use redis::RedisError;
use tokio::runtime::Handle;

use crate::RedisStore;
use crate::link::{self, Link};
use crate::names::Names;

const LAYER: &str = "redis";
const FORM: &str = "redis://[[user]:password@]host[:port][/database], or unix:///path";
const TLS: &str = "TLS only if the program enables a TLS feature of the crate `redis`";
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(60);
const LONGEST_PREFIX: usize = 64;

/// The settings of a [`RedisStore`]; see the [options](crate#options).
#[must_use]
#[derive(Clone)]
pub struct RedisStoreBuilder {
    urls: Vec<String>,
    prefix: String,
    connect_timeout: Duration,
}

impl RedisStoreBuilder {
    pub(crate) fn new(url: String) -> Self {
        Self { urls: vec![url], prefix: "buttress".to_owned(), connect_timeout: Duration::from_secs(2) }
    }

    /// Another server of the same Cluster to ask for the way if the ones before do not answer. Default: none.
    pub fn or_through(mut self, url: impl Into<String>) -> Self {
        self.urls.push(url.into());
        self
    }

    /// What the names of all keys begin with. Default: `buttress`. 1 to 64 printable ASCII characters, no braces.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// How long a connection may take to be made. Default: 2 s. 10 ms to 1 minute.
    ///
    /// How long a decision may take is said elsewhere, by the tier that asks this store.
    pub fn connect_timeout(self, limit: Duration) -> Self {
        Self { connect_timeout: limit, ..self }
    }

    /// Connects, and looks whether a single server answers or a Cluster.
    ///
    /// # Errors
    ///
    /// Every setting that cannot be used; or else that nothing usable answers.
    pub async fn connect(self) -> Result<RedisStore, ConfigError> {
        let mut checks = Checks::of(LAYER);
        self.check(&mut checks);
        checks.finish()?;
        let opened = Link::open(&self.urls, self.connect_timeout).await;
        self.finish(opened)
    }

    /// The store of a single server that is connected to by the first call, so that a program can start while the
    /// server is gone.
    ///
    /// Until then calls fail, and the tier's stand-in decides. A password that is wrong, or a Cluster, which this store
    /// would not ask its way through, shows as calls that fail and not as an error here.
    ///
    /// # Errors
    ///
    /// Every setting that cannot be used; several addresses among them, and that there is no tokio runtime.
    pub fn connect_later(self) -> Result<RedisStore, ConfigError> {
        let mut checks = Checks::of(LAYER);
        self.check(&mut checks);
        let number = self.urls.len();
        checks.require(
            number == 1,
            "or_through",
            number - 1,
            "none, where the server is not asked at the start",
        );
        let runtime = if Handle::try_current().is_ok() { "tokio" } else { "none" };
        checks.require(runtime == "tokio", "runtime", runtime, "tokio, which the connection lives in");
        checks.finish()?;
        let opened =
            link::address(&self.urls[0]).and_then(|server| Link::open_one(server, self.connect_timeout));
        self.finish(opened)
    }

    fn finish(self, opened: Result<Link, RedisError>) -> Result<RedisStore, ConfigError> {
        let shown = self.urls.iter().map(|url| shown(url)).collect::<Vec<_>>().join(", ");
        match opened {
            Ok(link) => Ok(RedisStore::new(link, Names::new(self.prefix), shown)),
            Err(error) => {
                let mut checks = Checks::of(LAYER);
                let allowed = format!("the address of a server that answers; this one does not: {error}");
                checks.require(false, "url", shown, allowed);
                checks.finish_with(None)
            }
        }
    }

    fn check(&self, checks: &mut Checks) {
        for url in &self.urls {
            Self::check_url(url, checks);
        }
        let Self { prefix, connect_timeout, .. } = self;
        let printable = prefix.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}'));
        let fits = (1..=LONGEST_PREFIX).contains(&prefix.len());
        let allowed = "1 to 64 printable ASCII characters, no braces";
        checks.require(fits && printable, "prefix", format_args!("{prefix:?}"), allowed);
        let fits = (SHORTEST..=LONGEST).contains(connect_timeout);
        checks.require(fits, "connect_timeout", format_args!("{connect_timeout:?}"), "10 ms to 60 s");
    }

    fn check_url(url: &str, checks: &mut Checks) {
        let tls = ["rediss://", "valkeys://"].iter().any(|scheme| url.starts_with(scheme));
        let allowed = if tls { TLS } else { FORM };
        checks.require(link::address(url).is_ok(), "url", shown(url), allowed);
    }
}

/// An address without what may be secret in it: user, password, and what follows a question mark.
fn shown(url: &str) -> String {
    let (url, query) = url.split_once('?').map_or((url, ""), |(url, _)| (url, "?***"));
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let (user, host) = rest.rsplit_once('@').map_or(("", rest), |(_, host)| ("***@", host));
    let colon = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{colon}{user}{host}{query}")
}

impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { urls, prefix, connect_timeout } = self;
        let urls: Vec<String> = urls.iter().map(|url| shown(url)).collect();
        f.debug_struct("RedisStoreBuilder")
            .field("urls", &urls)
            .field("prefix", prefix)
            .field("connect_timeout", connect_timeout)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        for (url, expected) in [
            ("redis://localhost:6379/1", "redis://localhost:6379/1"),
            ("redis://:secret@localhost", "redis://***@localhost"),
            ("redis://user:sec@ret@localhost", "redis://***@localhost"),
            ("user:secret@localhost", "***@localhost"),
            ("unix:///run/redis?user=a&pass=secret", "unix:///run/redis?***"),
            ("redis://localhost?pass=a://b@c", "redis://localhost?***"),
            ("", ""),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
