//! Puts the parts together and starts them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::MatchedPath;
use axum::middleware::from_fn_with_state;
use buttress::Inbound;
use buttress::audit::{Action, Event};
use buttress::telemetry::RequestLogLayer;
use fleet_sim::FleetSim;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower_layer::Stack;

use crate::audit::{self, Audit, Strangers};
use crate::callers::{self, Caller};
use crate::connectors::{Connectors, Secret};
use crate::limits;
use crate::records::{self, Pulse, Records};
use crate::routes::{self, App};
use crate::running::Running;
use crate::server;
use crate::settings::{RateLimits, RecordsIn, Resilience, Upstreams};
use crate::start_error::StartError;
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
/// | `data` | none, it forgets all when it stops | the folder in which it remembers |
/// | `audit` | one that is removed when it stops | the folder of the audit log |
/// | `audit_to` | nowhere | the URL of a PostgreSQL that gets a copy of each record |
/// | `admin_key` | none, nobody may read it | the API key of those who may read the audit log |
/// | `records` | [`RecordsIn::Memory`] | where it is kept what became of requests with keys |
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
    data: Option<PathBuf>,
    audit: Option<PathBuf>,
    audit_to: Option<Secret>,
    admin_key: Option<Secret>,
    records: RecordsIn,
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
            data: None,
            audit: None,
            audit_to: None,
            admin_key: None,
            records: RecordsIn::Memory,
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

    /// The folder in which it remembers; none means that it forgets all when it stops.
    pub fn data(self, folder: impl Into<Option<PathBuf>>) -> Self {
        Self { data: folder.into(), ..self }
    }

    /// The folder of the audit log; none means one that is removed when it stops.
    pub fn audit(self, folder: impl Into<Option<PathBuf>>) -> Self {
        Self { audit: folder.into(), ..self }
    }

    /// The URL of a PostgreSQL that gets a copy of each audit record, at its own pace; it may hold a password. The tables
    /// are made at the start.
    pub fn audit_to(self, postgres: impl Into<Option<Secret>>) -> Self {
        Self { audit_to: postgres.into(), ..self }
    }

    /// The API key of those who may read the audit log; none means that nobody may.
    pub fn admin_key(self, key: impl Into<Option<Secret>>) -> Self {
        Self { admin_key: key.into(), ..self }
    }

    /// Where it is kept what became of requests with keys.
    pub fn records(self, place: RecordsIn) -> Self {
        Self { records: place, ..self }
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
    /// If a setting is out of range, an address cannot be bound, or the folder cannot be used.
    pub async fn start(self) -> Result<Running, StartError> {
        let (upstreams, simulation) = match self.upstreams {
            Some(upstreams) => (upstreams, None),
            None => simulate(self.listen).await.map_err(StartError::Simulation)?,
        };
        let shared = limits::shared(&self.rate_limits).await?;
        let clients = limits::clients(&self.rate_limits)?;
        let state = self.data.as_ref().map(|folder| folder.join("state"));
        let store = Store::open(self.limits, state.as_deref()).await?;
        let records = Records::open(&self.records).await?;
        let audit = Audit::open(self.audit, self.audit_to.as_ref()).await?;
        let admin = self.admin_key.as_ref().map(|key| Caller::with_key(key.expose()));
        let strangers = Arc::new(Strangers::new(audit.clone(), admin, clients.clone())?);
        let hash_secret = self.rate_limits.hash_secret.as_ref();
        let inbound = Inbound::builder()
            .telemetry(Stack::new(
                from_fn_with_state(Arc::clone(&strangers), audit::turned_away),
                RequestLogLayer::new().route_with(|of| of.get().map(MatchedPath::as_str)),
            ))
            .audit(audit.recorder().clone(), |layer| audit::recorded(layer, clients.clone()))
            .total(self.request_timeout)
            .rate_limit(|layer| limits::policies(layer, &self.rate_limits, shared.clone(), clients.clone()))
            .authentication(from_fn_with_state(clients, callers::identified))
            .idempotency(records, |layer| records::keys(layer, routes::MAX_BODY_BYTES as u64, hash_secret))
            .build()?;
        let connectors = Connectors::new(&upstreams, &self.resilience, audit.clone())?;
        let breakers = connectors.breakers.clone();
        let idempotency = inbound.idempotency().clone();
        let records = idempotency.handle();
        let app = Arc::new(App {
            store,
            connectors,
            shared_limits: shared.clone(),
            records,
            records_server: Pulse::default(),
            audit: audit.clone(),
            admin,
            strangers: Arc::clone(&strangers),
        });
        let router = routes::router(Arc::clone(&app))?.layer(inbound);

        let cannot_listen = |error| StartError::Listen(self.listen, error);
        let listener = TcpListener::bind(self.listen).await.map_err(cannot_listen)?;
        let addr = listener.local_addr().map_err(cannot_listen)?;
        let started = Event::builder(Action::SERVICE_STARTED).detail("listen", addr);
        // A start that cannot be recorded is told in the log, and readiness says no.
        let _ = audit.note(started.build()).await;
        let stop = watch::Sender::new(false);
        let (mut server, mut keeper) = (JoinSet::new(), JoinSet::new());
        server.spawn(server::serve(listener, router, stop.subscribe(), self.shutdown_grace));
        keeper.spawn(strangers.keep_telling());
        let grace = self.shutdown_grace;
        tracing::info!(
            listen = %addr,
            audit = %audit.folder().display(),
            audit_copy = self.audit_to.map_or("none", |_| "postgres"),
            idempotency = %self.records,
            limits = if shared.is_some() { "redis" } else { "memory" },
            state = self.data.map_or_else(|| "memory".to_owned(), |folder| folder.display().to_string()),
            "listening"
        );
        Ok(Running {
            addr,
            breakers,
            simulation,
            shared_limits: shared,
            idempotency,
            app,
            grace,
            stop,
            server,
            keeper,
        })
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
