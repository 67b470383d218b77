use std::fmt;
use std::sync::Arc;

use buttress_core::ConfigError;
use buttress_rate_limit::{Ask, Reply, Store, StoreError};

use super::builder::RedisStoreBuilder;
use super::names::Names;
use super::{cluster, decide};
use crate::link::Link;

/// A store of rate limits in Redis or Valkey, on one server or on a Cluster.
///
/// Clones share one connection, which carries many calls at once and comes back by itself after it was lost.
#[derive(Clone)]
pub struct RedisStore(Arc<Shared>);

struct Shared {
    link: Link,
    names: Names,
    /// The address as it may be shown.
    shown: String,
}

impl RedisStore {
    /// Connects to the server, or to the Cluster that it belongs to.
    ///
    /// The address is `redis://[[user]:password@]host[:port][/database]`; with `rediss` in front for TLS if the
    /// program enables a TLS feature of the `redis` crate, and `unix:///path` for a socket.
    ///
    /// # Errors
    ///
    /// If the address cannot be read, or nothing that speaks the protocol answers there.
    pub async fn connect(url: impl Into<String>) -> Result<Self, ConfigError> {
        Self::builder(url).connect().await
    }

    /// The settings of a store; see the [options](crate#options).
    pub fn builder(url: impl Into<String>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url.into())
    }

    pub(crate) fn new(link: Link, names: Names, shown: String) -> Self {
        Self(Arc::new(Shared { link, names, shown }))
    }

    /// Whether it talks to a Cluster.
    pub fn is_cluster(&self) -> bool {
        self.0.link.is_cluster()
    }
}

impl Store for RedisStore {
    async fn decide(&self, asks: &[Ask]) -> Result<Vec<Reply>, StoreError> {
        let Shared { link, names, .. } = &*self.0;
        match asks {
            [] => decide::probe(link, names).await,
            [first, rest @ ..] if link.is_cluster() && rest.iter().any(|ask| ask.scope != first.scope) => {
                cluster::decide(link, names, asks).await
            }
            _ => decide::decide(link, names, asks).await,
        }
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("url", &self.0.shown).field("cluster", &self.is_cluster()).finish()
    }
}
