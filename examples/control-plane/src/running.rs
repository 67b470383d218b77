//! A control plane from its start to its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use buttress::BreakerRegistry;
use buttress::idempotency::IdempotencyLayer;
use buttress::rate_limit::SharedTier;
use buttress::redis::RedisStore;
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::Instant;

use crate::limits::SharedLimits;
use crate::records::Records;
use crate::routes::App;

/// A control plane at work. Dropping it ends every connection at once.
#[derive(Debug)]
pub struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) breakers: BreakerRegistry,
    pub(crate) simulation: Option<fleet_sim::Running>,
    pub(crate) shared_limits: Option<SharedLimits>,
    pub(crate) idempotency: IdempotencyLayer<Records>,
    pub(crate) app: Arc<App>,
    pub(crate) grace: Duration,
    pub(crate) stop: watch::Sender<bool>,
    /// One that accepts connections. It is dropped, and they with it, when this is.
    pub(crate) server: JoinSet<usize>,
    /// One that records what strangers try. It ends with this too.
    pub(crate) keeper: JoinSet<()>,
}

impl Running {
    /// The address it listens on, with the real port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The circuit breakers, named like the connectors.
    pub fn breakers(&self) -> &BreakerRegistry {
        &self.breakers
    }

    /// The simulated upstreams, if it brought its own.
    pub fn simulation(&self) -> Option<&fleet_sim::Running> {
        self.simulation.as_ref()
    }

    /// The limits that are counted in Redis, if one was named.
    pub fn shared_limits(&self) -> Option<&SharedTier<RedisStore>> {
        self.shared_limits.as_deref()
    }

    /// Accepts no more connections, and lets requests that are being answered, and those whose client has left, finish
    /// within the grace. Then it closes what it has open.
    pub async fn shutdown(mut self) -> Unfinished {
        let began = Instant::now();
        self.stop.send_replace(true);
        // None would mean that the accept loop panicked, and its connections with it.
        let connections = self.server.join_next().await.and_then(Result::ok).unwrap_or_default();
        let runs = self.idempotency.shutdown(self.grace.saturating_sub(began.elapsed())).await;
        let unfinished = Unfinished { connections, runs };
        self.keeper.shutdown().await;
        self.app.close(unfinished).await;
        if let Some(limits) = self.shared_limits {
            limits.shutdown().await;
        }
        if let Some(simulation) = self.simulation {
            simulation.shutdown().await;
        }
        // Nobody is left who writes to the records, and a store on the disk waits for it when it is dropped.
        let _ = spawn_blocking(|| drop((self.app, self.idempotency))).await;
        unfinished
    }
}

/// What was not finished when the grace was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Connections that were ended.
    pub connections: usize,
    /// Requests with a key that were still at work, with or without their client. The next request with the key does
    /// what is left.
    pub runs: usize,
}
