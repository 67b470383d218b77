//! The HTTP API, one file for each resource.

mod audit;
mod deployments;
mod devices;
mod effect;
mod health;
mod incidents;
mod input;
mod packages;
mod page;
mod path;
mod rulings;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use buttress::ConfigError;
use buttress::audit::{Action, Event};
use buttress::bulkhead::BulkheadLayer;
use buttress::idempotency::Handle;

use crate::audit::{Audit, LOG, Strangers, explained};
use crate::callers::Caller;
use crate::connectors::Connectors;
use crate::limits::SharedLimits;
use crate::problem::ApiProblem;
use crate::records::{Pulse, Records};
use crate::rollout::Rollout;
use crate::running::Unfinished;
use crate::store::Store;
use effect::EffectId;
use input::Input;
use path::Id;

/// How large a request may be.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;
/// Requests that are worked on at once, their responses included.
const MAX_AT_ONCE: u32 = 512;

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) connectors: Connectors,
    pub(crate) shared_limits: Option<SharedLimits>,
    pub(crate) records: Handle<Records>,
    pub(crate) records_server: Pulse,
    pub(crate) audit: Audit,
    /// Who may read what was recorded.
    pub(crate) admin: Option<Caller>,
    /// Those who may not, and ask for it.
    pub(crate) strangers: Arc<Strangers>,
}

/// How handlers get at it.
type Shared = axum::extract::State<Arc<App>>;

impl App {
    /// Lets what was begun come to the disk, and lets go of it.
    pub(crate) async fn close(&self, unfinished: Unfinished) {
        self.store.close().await;
        self.strangers.tell().await;
        let stopped = Event::builder(Action::SERVICE_STOPPED)
            .detail("connections_ended", unfinished.connections)
            .detail("runs_ended", unfinished.runs);
        // If it is lost, nothing can be done about it any more.
        let _ = self.audit.note(stopped.build()).await;
        self.audit.close().await;
    }

    fn rollout(&self) -> Rollout<'_> {
        Rollout { store: &self.store, connectors: &self.connectors }
    }
}

/// Every route; whatever is not one is answered with a problem document too.
///
/// Requests that do work find a place or are refused. Health is answered however busy the others are.
///
/// # Errors
///
/// If a setting is out of range.
pub(crate) fn router(app: Arc<App>) -> Result<Router, ConfigError> {
    let bulkhead = BulkheadLayer::inbound("api").max_concurrent(MAX_AT_ONCE).build()?;
    let api = Router::new()
        .route("/api/v1/devices/{connector}", get(devices::list))
        .route("/api/v1/packages", get(packages::list).post(packages::create))
        .route("/api/v1/packages/{id}", get(packages::show))
        .route("/api/v1/packages/{id}/evidence", get(packages::evidence))
        .route("/api/v1/packages/{id}/approval", post(rulings::create))
        .route("/api/v1/deployments", post(deployments::create))
        .route("/api/v1/deployments/{id}", get(deployments::show))
        .route("/api/v1/deployments/{id}/promote", post(deployments::promote))
        .route("/api/v1/incidents", post(incidents::create))
        .route("/api/v1/incidents/{id}", get(incidents::show))
        .route("/api/v1/incidents/{id}/resolve", post(incidents::resolve))
        .route(LOG, get(audit::list))
        .route("/api/v1/audit/statistics", get(audit::statistics))
        .layer(from_fn(explained))
        .layer(bulkhead);
    Ok(Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/api/v1/health/circuit-breakers", get(health::circuit_breakers))
        .route("/api/v1/health/idempotency", get(health::idempotency))
        .route("/api/v1/health/audit", get(health::audit))
        .merge(api)
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(app))
}

async fn no_route() -> ApiProblem {
    ApiProblem::not_found("route")
}

async fn no_method() -> ApiProblem {
    ApiProblem::new(StatusCode::METHOD_NOT_ALLOWED, "no_method", "the route does not take this method")
}
