use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use buttress::audit::{AuditHandle, Resource};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::{EffectId, Id, Input, Shared};
use crate::domain::{Impact, Incident, Resolution};
use crate::problem::ApiProblem;

pub(super) async fn create(
    State(app): Shared,
    EffectId(id): EffectId,
    Extension(audit): Extension<AuditHandle>,
    input: Input,
) -> Result<Response, ApiProblem> {
    let incident = app.store.add_incident(incident(id, input)?).await?;
    let Incident { id, deployment_id, blast_radius, .. } = &incident;
    audit.resource(Resource::new("incident", id.to_string()));
    audit.detail("deployment_id", deployment_id);
    tracing::warn!(incident_id = %id, %deployment_id, %blast_radius, "incident opened");
    let location = [(LOCATION, format!("/api/v1/incidents/{id}"))];
    Ok((StatusCode::CREATED, location, Json(incident)).into_response())
}

pub(super) async fn show(State(app): Shared, Id(id): Id) -> Result<Json<Incident>, ApiProblem> {
    app.store.incident(id).map(Json)
}

pub(super) async fn resolve(
    State(app): Shared,
    Id(id): Id,
    EffectId(by_request): EffectId,
    mut input: Input,
) -> Result<Json<Incident>, ApiProblem> {
    let by = input.text("by");
    let text = input.text("resolution");
    let resolution = input.finish(|| {
        Some(Resolution { id: by_request, by: by?, text: text?, resolved_at: Timestamp::now() })
    })?;
    let incident = app.store.resolve(id, resolution).await?;
    tracing::info!(incident_id = %id, "incident resolved");
    Ok(Json(incident))
}

fn incident(id: Uuid, mut input: Input) -> Result<Incident, ApiProblem> {
    let deployment: Option<Uuid> =
        input.required("deployment_id", "the ID of a deployment", |value| value.as_str()?.parse().ok());
    let title = input.text("title");
    let affected_devices = input.required("affected_devices", "0 or more", Value::as_u64);
    let business_critical =
        input.optional("business_critical_service", false, "true or false", Value::as_bool);
    input.finish(|| {
        let impact =
            Impact { affected_devices: affected_devices?, business_critical_service: business_critical? };
        Some(Incident::new(id, deployment?, title?, impact, Timestamp::now()))
    })
}
