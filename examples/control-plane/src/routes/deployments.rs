use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use buttress::audit::{AuditHandle, Resource};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{EffectId, Id, Input, Shared};
use crate::domain::{Connector, Deployment, Installs, Part, Platform, Ring};
use crate::problem::ApiProblem;
use crate::rollout::Answers;

pub(super) async fn create(
    State(app): Shared,
    EffectId(id): EffectId,
    Extension(audit): Extension<AuditHandle>,
    mut input: Input,
) -> Result<Response, ApiProblem> {
    let package = input.required("package_id", "the ID of a package", |value| value.as_str()?.parse().ok());
    let ring = input.word("ring");
    let (package, ring): (Uuid, Ring) = input.finish(|| package.zip(ring))?;
    audit.detail("package_id", package);
    audit.detail("ring", ring);
    let deployment = app.rollout().deploy(package, ring, id).await?;
    audit.resource(Resource::new("deployment", deployment.id.to_string()));
    let location = [(LOCATION, format!("/api/v1/deployments/{}", deployment.id))];
    Ok((StatusCode::CREATED, location, Json(Shown::new(&deployment, Answers::new()))).into_response())
}

/// Asks the connectors how the installs went. One that cannot say so shows up with its problem, beside the other.
pub(super) async fn show(State(app): Shared, Id(id): Id) -> Result<Json<Shown>, ApiProblem> {
    let deployment = app.store.deployment(id)?;
    let installs = app.rollout().installs(&deployment).await;
    Ok(Json(Shown::new(&deployment, installs)))
}

pub(super) async fn promote(
    State(app): Shared,
    Id(id): Id,
    EffectId(by): EffectId,
    Extension(audit): Extension<AuditHandle>,
) -> Result<Json<Shown>, ApiProblem> {
    let deployment = app.rollout().promote(id, by).await?;
    audit.detail("ring", deployment.ring);
    Ok(Json(Shown::new(&deployment, Answers::new())))
}

/// A deployment as callers see it. The ID comes first, for those who read JSON with sed.
#[derive(Serialize)]
pub(super) struct Shown {
    id: Uuid,
    package_id: Uuid,
    ring: Ring,
    next_ring: Option<Ring>,
    required_percent: u64,
    state: &'static str,
    connectors: BTreeMap<Connector, ShownPart>,
    started_at: Timestamp,
}

#[derive(Serialize)]
struct ShownPart {
    platform: Platform,
    state: &'static str,
    /// Why the part failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    installs: Option<Installs>,
    /// Why the installs are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ApiProblem>,
}

impl Shown {
    fn new(deployment: &Deployment, mut installs: Answers<Installs>) -> Self {
        let mut shown = |platform: Platform, part: &Part| {
            let (installs, problem) = match installs.remove(&platform) {
                Some(Ok(installs)) => (Some(installs), None),
                Some(Err(problem)) => (None, Some(problem)),
                None => (None, None),
            };
            ShownPart {
                platform,
                state: part.state(),
                code: part.code().map(str::to_owned),
                installs,
                problem,
            }
        };
        let parts = deployment.parts.iter();
        Self {
            id: deployment.id,
            package_id: deployment.package_id,
            ring: deployment.ring,
            next_ring: deployment.ring.next(),
            required_percent: deployment.ring.required_percent(),
            state: deployment.state(),
            connectors: parts
                .map(|(platform, part)| (platform.connector(), shown(*platform, part)))
                .collect(),
            started_at: deployment.started_at,
        }
    }
}
