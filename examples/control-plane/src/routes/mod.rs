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
use buttress::audit::Action;
use buttress::bulkhead::BulkheadLayer;
use buttress::idempotency::Handle;

use crate::audit::{Audit, explained};
use crate::callers::Caller;
use crate::connectors::Connectors;
use crate::limits::SharedLimits;
use crate::problem::ApiProblem;
use crate::records::{Pulse, Records};
use crate::rollout::Rollout;
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
    store: Store,
    connectors: Connectors,
    shared_limits: Option<SharedLimits>,
    records: Handle<Records>,
    records_server: Pulse,
    audit: Audit,
    /// Who may read what was recorded.
    admin: Option<Caller>,
}

/// How handlers get at it.
type Shared = axum::extract::State<Arc<App>>;

impl App {
    pub(crate) fn new(
        store: Store,
        connectors: Connectors,
        shared_limits: Option<SharedLimits>,
        records: Handle<Records>,
        audit: Audit,
        admin: Option<Caller>,
    ) -> Self {
        let records_server = Pulse::default();
        Self { store, connectors, shared_limits, records, records_server, audit, admin }
    }

    /// Lets what was begun come to the disk, and lets go of it.
    pub(crate) async fn close(&self) {
        self.store.close().await;
        self.audit.note(Action::SERVICE_STOPPED).await;
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
        .route("/api/v1/audit", get(audit::list))
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
