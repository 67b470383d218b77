use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::ConfigError;
use buttress_idempotency::{
    Claim, Claimed, Invalidated, RecordId, Step, Stepped, Store, StoreError, StoreErrorKind, Ticket,
};
use futures_util::future;
use tokio::time::{Instant, timeout};

use super::builder::RedisRecordsBuilder;
use super::health::Health;
use super::names::Names;
use super::survey::survey;
use super::watch::{Turn, Watch};
use super::{scripts, walk};
use crate::link::Link;
use crate::target::Target;

/// A store of idempotency records in Redis or Valkey, on one server or on a Cluster.
///
/// Clones share one connection, which carries many calls at once and comes back by itself after it was lost.
#[derive(Clone)]
pub struct RedisRecords(Arc<Shared>);

struct Shared {
    link: Link,
    names: Names,
    watch: Watch,
    call_timeout: Duration,
    /// The address as it may be shown.
    shown: String,
}

impl RedisRecords {
    /// Connects to the server, or to the Cluster that it belongs to, and looks whether it is fit for records.
    ///
    /// # Errors
    ///
    /// If the address cannot be read, nothing that speaks the protocol answers there, or it may evict.
    pub async fn connect(url: impl Into<String>) -> Result<Self, ConfigError> {
        Self::builder(url).connect().await
    }

    /// The settings of a store; see the [options](crate#options).
    pub fn builder(url: impl Into<String>) -> RedisRecordsBuilder {
        RedisRecordsBuilder::new(url.into())
    }

    pub(super) fn new(link: Link, watch: Watch, target: &Target) -> Self {
        let (names, shown) = (Names::new(&target.prefix), target.shown());
        let call_timeout = target.patience().call;
        Self(Arc::new(Shared { link, names, watch, call_timeout, shown }))
    }

    /// Whether it talks to a Cluster.
    pub fn is_cluster(&self) -> bool {
        self.0.link.is_cluster()
    }

    /// What is known of the server, without asking it.
    pub fn health(&self) -> Health {
        self.0.watch.health()
    }

    /// Looks at the server now: whether it may evict, and whether it has its data. Claims do so by themselves, at
    /// [`look_every`](RedisRecordsBuilder::look_every) and before the first claim after a call that failed.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub async fn look(&self) -> Result<Health, StoreError> {
        let Shared { link, names, watch, .. } = &*self.0;
        let began = watch.version();
        let seen = survey(link, names).await.inspect_err(|_| watch.suspect())?;
        watch.learn(seen, began, Instant::now().into_std());
        Ok(watch.health())
    }

    /// Asks whether claims are made: for a readiness probe. It [looks](Self::look) at the server for that.
    ///
    /// # Errors
    ///
    /// If it does not answer or may evict, or claims are refused after a loss.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.look().await?;
        Ok(self.admits()?)
    }

    /// How many records there are, of all primaries. For administration: it goes through all keys of the database, 256
    /// at a time, and counts a record twice if the server is rehashing meanwhile.
    ///
    /// # Errors
    ///
    /// If a server does not answer.
    pub async fn count(&self) -> Result<u64, StoreError> {
        walk::count(&self.0.link, &self.0.names).await
    }

    pub(super) fn admits(&self) -> Result<(), super::failure::Unfit> {
        self.0.watch.admits(Instant::now().into_std())
    }

    async fn claim_and_look(&self, claim: &Claim, turn: Turn) -> Result<Claimed, StoreError> {
        let Shared { link, names, .. } = &*self.0;
        let fit = self.admits().is_ok();
        match turn {
            Turn::Before => drop(self.look().await?),
            Turn::Try => drop(self.look().await),
            // It may be fit again.
            Turn::Beside if !fit => drop(self.look().await),
            Turn::Beside | Turn::Pass => {}
        }
        self.admits()?;
        let claiming = scripts::claim(link, names, claim);
        match turn {
            Turn::Beside if fit => future::join(claiming, self.look()).await.0,
            _ => claiming.await,
        }
    }

    /// No call takes longer than it may, and after one that failed to reach the server, the server is looked at.
    async fn call<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let answer = timeout(self.0.call_timeout, call)
            .await
            .unwrap_or_else(|late| Err(StoreError::with_source(StoreErrorKind::Unreachable, late)));
        if answer.as_ref().is_err_and(|error| error.kind() == StoreErrorKind::Unreachable) {
            self.0.watch.suspect();
        }
        answer
    }
}

impl Store for RedisRecords {
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let turn = self.0.watch.turn(self.is_cluster(), Instant::now().into_std());
        self.call(self.claim_and_look(claim, turn)).await
    }

    async fn step(&self, ticket: &Ticket, step: &Step) -> Result<Stepped, StoreError> {
        let Shared { link, names, .. } = &*self.0;
        self.call(scripts::step(link, names, ticket, step)).await
    }

    async fn invalidate(&self, id: RecordId) -> Result<Invalidated, StoreError> {
        let Shared { link, names, .. } = &*self.0;
        self.call(scripts::invalidate(link, names, id)).await
    }

    async fn clear(&self) -> Result<u64, StoreError> {
        let Shared { link, names, .. } = &*self.0;
        walk::clear(link, names).await
    }
}

impl fmt::Debug for RedisRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRecords")
            .field("url", &self.0.shown)
            .field("cluster", &self.is_cluster())
            .field("health", &self.health())
            .finish()
    }
}
