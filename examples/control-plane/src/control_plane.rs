//! Puts the parts together and starts them.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use buttress::rate_limit::SharedTier;
use buttress::redis::RedisStore;
use buttress::{BreakerRegistry, ConfigError, Inbound};
use fleet_sim::FleetSim;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::connectors::Connectors;
use crate::limits::{self, SharedLimits};
use crate::routes::{self, App};
use crate::server;
use crate::settings::{RateLimits, Resilience, Upstreams};
use crate::store::{Limits, Store};

/// A control plane that does not run yet.
///
/// | setting | default | effect |
/// |---|---|---|
/// | `listen` | `127.0.0.1:0` | the address; port 0 picks a free one |
/// | `upstreams` | simulated ones, in this process, on the next port or any | where the fleets are |
/// | `resilience` | [`Resilience::default`] | how calls to them are protected |
/// | `rate_limits` | [`RateLimits::default`] | how often callers may ask |
/// | `limits` | [`Limits::default`] | how much is remembered |
/// | `request_timeout` | 30 s | the deadline of each request |
/// | `shutdown_grace` | 10 s | how long requests may take to end after a stop |
#[derive(Clone, Debug)]
#[must_use = "a control plane does nothing until it is started"]
pub struct ControlPlane {
    listen: SocketAddr,
    upstreams: Option<Upstreams>,
    resilience: Resilience,
    rate_limits: RateLimits,
    limits: Limits,
    request_timeout: Duration,
    shutdown_grace: Duration,
}

impl ControlPlane {
    /// Begins with the defaults.
    pub fn builder() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            upstreams: None,
            resilience: Resilience::default(),
            rate_limits: RateLimits::default(),
            limits: Limits::default(),
            request_timeout: Duration::from_secs(30),
            shutdown_grace: Duration::from_secs(10),
        }
    }

    /// Where to listen.
    pub fn listen(self, addr: SocketAddr) -> Self {
        Self { listen: addr, ..self }
    }

    /// Where the fleets are; none means simulated ones.
    pub fn upstreams(self, upstreams: impl Into<Option<Upstreams>>) -> Self {
        Self { upstreams: upstreams.into(), ..self }
    }

    /// How calls to the upstreams are protected.
    pub fn resilience(self, resilience: Resilience) -> Self {
        Self { resilience, ..self }
    }

    /// How often callers may ask.
    pub fn rate_limits(self, rate_limits: RateLimits) -> Self {
        Self { rate_limits, ..self }
    }

    /// How much is remembered.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The time from the arrival of a request to the end of its response.
    pub fn request_timeout(self, limit: Duration) -> Self {
        Self { request_timeout: limit, ..self }
    }

    /// How long requests that are being answered may take to end after a stop.
    pub fn shutdown_grace(self, grace: Duration) -> Self {
        Self { shutdown_grace: grace, ..self }
    }

    /// Starts on tasks of the current runtime.
    ///
    /// # Errors
    ///
    /// If a setting is out of range, or an address cannot be bound.
    pub async fn start(self) -> Result<Running, StartError> {
        let (upstreams, simulation) = match self.upstreams {
            Some(upstreams) => (upstreams, None),
            None => simulate(self.listen).await.map_err(StartError::Simulation)?,
        };
        let shared = limits::shared(&self.rate_limits).await?;
        let clients = limits::clients(&self.rate_limits)?;
        let inbound = Inbound::builder()
            .total(self.request_timeout)
            .rate_limit(|layer| limits::policies(layer, &self.rate_limits, shared.clone(), clients))
            .build()?;
        let connectors = Connectors::new(&upstreams, &self.resilience)?;
        let breakers = connectors.breakers.clone();
        let router =
            routes::router(App::new(Store::new(self.limits), connectors, shared.clone()))?.layer(inbound);

        let cannot_listen = |error| StartError::Listen(self.listen, error);
        let listener = TcpListener::bind(self.listen).await.map_err(cannot_listen)?;
        let addr = listener.local_addr().map_err(cannot_listen)?;
        let stop = watch::Sender::new(false);
        let task = tokio::spawn(server::serve(listener, router, stop.subscribe(), self.shutdown_grace));
        Ok(Running { addr, breakers, simulation, shared_limits: shared, stop, task })
    }
}

/// Starts upstreams of our own: on the port after ours, so that a walk-through can name it, or on any free one.
async fn simulate(listen: SocketAddr) -> io::Result<(Upstreams, Option<fleet_sim::Running>)> {
    let next = listen.port().checked_add(1).filter(|&next| next > 1).unwrap_or_default();
    let simulation = match FleetSim::start((Ipv4Addr::LOCALHOST, next)).await {
        Err(_) if next > 0 => FleetSim::start((Ipv4Addr::LOCALHOST, 0)).await?,
        started => started?,
    };
    Ok((Upstreams::simulated_at(&format!("http://{}", simulation.addr())), Some(simulation)))
}

/// A control plane at work. Dropping it ends every connection at once.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    breakers: BreakerRegistry,
    simulation: Option<fleet_sim::Running>,
    shared_limits: Option<SharedLimits>,
    stop: watch::Sender<bool>,
    task: JoinHandle<usize>,
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

    /// Accepts no more connections and lets requests that are being answered finish within the grace.
    ///
    /// Returns how many connections had to be ended then.
    pub async fn shutdown(mut self) -> usize {
        self.stop.send_replace(true);
        // An error would mean that the accept loop panicked, and its connections with it.
        let ended = (&mut self.task).await.unwrap_or_default();
        if let Some(limits) = self.shared_limits.take() {
            limits.shutdown().await;
        }
        if let Some(simulation) = self.simulation.take() {
            simulation.shutdown().await;
        }
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why a control plane cannot start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// A setting is out of range.
    Config(ConfigError),
    /// The address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// The simulated upstreams cannot listen.
    Simulation(io::Error),
}

impl From<ConfigError> for StartError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => fmt::Display::fmt(error, f),
            Self::Listen(addr, error) => write!(f, "cannot listen on {addr}: {error}"),
            Self::Simulation(error) => write!(f, "cannot start the simulated upstreams: {error}"),
        }
    }
}

impl Error for StartError {}
