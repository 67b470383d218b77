use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use buttress_core::{Checks, ConfigError};
use tokio::runtime::Handle;

use crate::link::{self, Link, Patience};

const LAYER: &str = "redis";
const FORM: &str = "redis://[[user]:password@]host[:port][/database], or unix:///path";
const TLS: &str = "TLS only if the program enables a TLS feature of the crate `redis`";
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(60);
const LONGEST_PREFIX: usize = 64;

/// What every store of this crate is told: where the server is, how long it may take, and how its keys begin.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) urls: Vec<String>,
    pub(crate) prefix: String,
    pub(crate) connect_timeout: Duration,
    /// For one call; as long as for connecting if nothing is said.
    pub(crate) call_timeout: Option<Duration>,
}

impl Target {
    pub(crate) fn new(url: String) -> Self {
        let connect_timeout = Duration::from_secs(2);
        Self { urls: vec![url], prefix: "buttress".to_owned(), connect_timeout, call_timeout: None }
    }

    /// Connects, and looks whether a single server answers or a Cluster; `more` checks settings beyond these.
    pub(crate) async fn connect(&self, more: impl FnOnce(&mut Checks)) -> Result<Link, ConfigError> {
        let mut checks = self.checks();
        more(&mut checks);
        checks.finish()?;
        let opened = Link::open(&self.urls, self.patience()).await;
        opened.or_else(|error| self.refuse(&error))
    }

    /// The same for a single server, which is connected to by the first call.
    pub(crate) fn connect_later(&self, more: impl FnOnce(&mut Checks)) -> Result<Link, ConfigError> {
        let mut checks = self.checks();
        more(&mut checks);
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
        let opened = link::address(&self.urls[0]).and_then(|server| Link::open_one(server, self.patience()));
        opened.or_else(|error| self.refuse(&error))
    }

    /// All addresses as they may be shown.
    pub(crate) fn shown(&self) -> String {
        self.urls.iter().map(|url| shown(url)).collect::<Vec<_>>().join(", ")
    }

    /// Nothing usable answers there.
    pub(crate) fn refuse<T>(&self, error: &dyn fmt::Display) -> Result<T, ConfigError> {
        let allowed = format!("the address of a server that answers; this one does not: {error}");
        refuse("url", self.shown(), allowed)
    }

    pub(crate) fn patience(&self) -> Patience {
        let connect = self.connect_timeout;
        Patience { connect, call: self.call_timeout.unwrap_or(connect) }
    }

    fn checks(&self) -> Checks {
        let mut checks = Checks::of(LAYER);
        for url in &self.urls {
            check_url(url, &mut checks);
        }
        let prefix = &self.prefix;
        let printable = prefix.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}'));
        let fits = (1..=LONGEST_PREFIX).contains(&prefix.len());
        let allowed = "1 to 64 printable ASCII characters, no braces";
        checks.require(fits && printable, "prefix", format_args!("{prefix:?}"), allowed);
        let timeouts = [("connect_timeout", Some(self.connect_timeout)), ("call_timeout", self.call_timeout)];
        for (name, limit) in timeouts {
            let Some(limit) = limit else { continue };
            let fits = (SHORTEST..=LONGEST).contains(&limit);
            checks.require(fits, name, format_args!("{limit:?}"), "10 ms to 60 s");
        }
        checks
    }
}

/// Fails because of one setting, which only the server could judge.
pub(crate) fn refuse<T>(
    field: &'static str,
    value: impl fmt::Display,
    allowed: impl Into<Cow<'static, str>>,
) -> Result<T, ConfigError> {
    let mut checks = Checks::of(LAYER);
    checks.require(false, field, value, allowed);
    checks.finish_with(None)
}

fn check_url(url: &str, checks: &mut Checks) {
    let tls = ["rediss://", "valkeys://"].iter().any(|scheme| url.starts_with(scheme));
    let allowed = if tls { TLS } else { FORM };
    checks.require(link::address(url).is_ok(), "url", shown(url), allowed);
}

/// An address without what may be secret in it: user, password, and what follows a question mark.
fn shown(url: &str) -> String {
    let (url, query) = url.split_once('?').map_or((url, ""), |(url, _)| (url, "?***"));
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let (user, host) = rest.rsplit_once('@').map_or(("", rest), |(_, host)| ("***@", host));
    let colon = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{colon}{user}{host}{query}")
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { urls: _, prefix, connect_timeout, call_timeout } = self;
        f.debug_struct("Target")
            .field("urls", &self.shown())
            .field("prefix", prefix)
            .field("connect_timeout", connect_timeout)
            .field("call_timeout", call_timeout)
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
