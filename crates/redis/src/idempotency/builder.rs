use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Checks, ConfigError, Observer};

use super::RedisRecords;
use super::failure::Unfit;
use super::watch::{Terms, Watch};
use crate::link::Link;
use crate::target::{Target, refuse};

const DAY: Duration = Duration::from_secs(86_400);

/// The settings of a [`RedisRecords`]; see the [options](crate#options).
#[must_use]
#[derive(Clone)]
pub struct RedisRecordsBuilder {
    target: Target,
    terms: Terms,
}

impl RedisRecordsBuilder {
    pub(super) fn new(url: String) -> Self {
        let terms = Terms {
            name: "redis".into(),
            observer: None,
            look_every: Duration::from_secs(10),
            accept_eviction: false,
            refuse_after_loss: Duration::ZERO,
        };
        Self { target: Target::new(url), terms }
    }

    /// Another server of the same Cluster to ask for the way if the ones before do not answer. Default: none.
    pub fn or_through(mut self, url: impl Into<String>) -> Self {
        self.target.urls.push(url.into());
        self
    }

    /// What the names of all keys begin with. Default: `buttress`. 1 to 64 printable ASCII characters, no braces.
    ///
    /// Services with the same prefix share their records, if their layers make the same hashes of keys.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.target.prefix = prefix.into();
        self
    }

    /// How long a connection may take to be made. Default: 2 s. 10 ms to 1 minute.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.target.connect_timeout = limit;
        self
    }

    /// How long a call may take before it fails as unreachable; it may have happened all the same. Default: 2 s. 10 ms
    /// to 1 minute. The layer has a shorter limit of its own, its `store_time`.
    pub fn call_timeout(mut self, limit: Duration) -> Self {
        self.target.call_timeout = Some(limit);
        self
    }

    /// What this store is called in logs and signals. Default: `redis`.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.terms.name = name.into();
        self
    }

    /// Who hears of lost data (`idempotency_data_lost`), of servers that were not there before
    /// (`idempotency_store_restarted`), and of a server that begins to evict (`idempotency_store_evicts`).
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.terms.observer = Some(Arc::new(observer));
        self
    }

    /// How often a claim looks at the server as well. Default: 10 s. 100 ms to 1 day.
    ///
    /// Beside that, the first claim after a call that failed looks before it asks.
    pub fn look_every(mut self, interval: Duration) -> Self {
        self.terms.look_every = interval;
        self
    }

    /// Uses a server that may evict. An operation whose record it throws away runs again, also while it runs.
    pub fn accept_eviction(mut self) -> Self {
        self.terms.accept_eviction = true;
        self
    }

    /// For how long claims are refused once data was found lost. Default: not at all. Up to 1 day.
    ///
    /// From when the loss is noticed, and for a lease at least, nothing begins here beside an owner whose record was lost.
    /// A flush breaks no connection, so it is noticed by the next look. What was completed runs again in any case.
    pub fn refuse_after_loss(mut self, span: Duration) -> Self {
        self.terms.refuse_after_loss = span;
        self
    }

    /// Connects, looks whether a single server answers or a Cluster, and whether it is fit.
    ///
    /// # Errors
    ///
    /// Every setting that cannot be used; or else that nothing usable answers, or that it may evict.
    pub async fn connect(self) -> Result<RedisRecords, ConfigError> {
        let link = self.target.connect(|checks| self.terms.check(checks)).await?;
        let target = self.target.clone();
        let store = self.finish(link);
        if let Err(error) = store.look().await {
            let cause =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            return target.refuse(&cause);
        }
        match store.admits() {
            Err(Unfit::Evicts { policy }) => {
                refuse("maxmemory-policy", policy, "noeviction, or `accept_eviction()`")
            }
            Err(Unfit::LostData) | Ok(()) => Ok(store),
        }
    }

    /// The store of a single server that is connected to by the first call, so that a program can start while the
    /// server is gone.
    ///
    /// Until then calls fail as unreachable. A server that may evict shows as claims that are refused as unfit, a
    /// password that is wrong and a Cluster, which this store would not ask its way through, as calls that fail.
    ///
    /// # Errors
    ///
    /// Every setting that cannot be used; several addresses among them, and that there is no tokio runtime.
    pub fn connect_later(self) -> Result<RedisRecords, ConfigError> {
        let link = self.target.connect_later(|checks| self.terms.check(checks))?;
        Ok(self.finish(link))
    }

    fn finish(self, link: Link) -> RedisRecords {
        RedisRecords::new(link, Watch::new(self.terms), &self.target)
    }
}

impl Terms {
    fn check(&self, checks: &mut Checks) {
        let Self { look_every, refuse_after_loss, .. } = self;
        let fits = (Duration::from_millis(100)..=DAY).contains(look_every);
        checks.require(fits, "look_every", format_args!("{look_every:?}"), "100 ms to 1 day");
        let fits = *refuse_after_loss <= DAY;
        checks.require(fits, "refuse_after_loss", format_args!("{refuse_after_loss:?}"), "0 to 1 day");
    }
}

impl fmt::Debug for RedisRecordsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRecordsBuilder")
            .field("target", &self.target)
            .field("terms", &self.terms)
            .finish()
    }
}
