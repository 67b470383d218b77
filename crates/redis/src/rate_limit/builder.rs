use std::time::Duration;

use buttress_core::ConfigError;

use super::RedisStore;
use super::names::Names;
use crate::link::Link;
use crate::target::Target;

/// The settings of a [`RedisStore`]; see the [options](crate#options).
#[must_use]
#[derive(Clone, Debug)]
pub struct RedisStoreBuilder {
    target: Target,
}

impl RedisStoreBuilder {
    pub(super) fn new(url: String) -> Self {
        Self { target: Target::new(url) }
    }

    /// Another server of the same Cluster to ask for the way if the ones before do not answer. Default: none.
    pub fn or_through(mut self, url: impl Into<String>) -> Self {
        self.target.urls.push(url.into());
        self
    }

    /// What the names of all keys begin with. Default: `buttress`. 1 to 64 printable ASCII characters, no braces.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.target.prefix = prefix.into();
        self
    }

    /// How long a connection may take to be made. Default: 2 s. 10 ms to 1 minute.
    ///
    /// How long a decision may take is said elsewhere, by the tier that asks this store.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.target.connect_timeout = limit;
        self
    }

    /// Connects, and looks whether a single server answers or a Cluster.
    ///
    /// # Errors
    ///
    /// Every setting that cannot be used; or else that nothing usable answers.
    pub async fn connect(self) -> Result<RedisStore, ConfigError> {
        let link = self.target.connect(|_| {}).await?;
        Ok(self.finish(link))
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
        let link = self.target.connect_later(|_| {})?;
        Ok(self.finish(link))
    }

    fn finish(self, link: Link) -> RedisStore {
        let shown = self.target.shown();
        RedisStore::new(link, Names::new(self.target.prefix), shown)
    }
}
