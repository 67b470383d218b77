//! The routes that steer the simulation. No fault touches them, and the log does not show them.

use std::sync::Arc;

use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::Upstream;
use crate::fault::Fault;
use crate::fields::InvalidFields;
use crate::gate::MAX_BODY_BYTES;
use crate::requests::SeenRequest;
use crate::station::{Simulation, Station};

pub(crate) fn routes(simulation: Simulation) -> Router {
    Router::new()
        .route("/faults/{name}", get(show_fault).put(set_fault).delete(clear_fault))
        .route("/requests/{name}", get(show_requests).delete(clear_requests))
        .route("/fleet/{name}", get(show_fleet).put(change_fleet))
        .route("/fleet/{name}/tokens", delete(revoke_tokens))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(simulation)
}

/// The station of the upstream named in the path.
struct Named(Arc<Station>);

impl FromRequestParts<Simulation> for Named {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, simulation: &Simulation) -> Result<Self, Response> {
        let Path(name) = Path::<String>::from_request_parts(parts, simulation)
            .await
            .map_err(IntoResponse::into_response)?;
        match name.parse() {
            Ok(upstream) => Ok(Self(Arc::clone(simulation.station(upstream)))),
            Err(_) => Err(unknown_upstream(&name)),
        }
    }
}

fn unknown_upstream(name: &str) -> Response {
    let allowed = Upstream::ALL.map(Upstream::name);
    let body = json!({ "error": "unknown upstream", "name": name, "allowed": allowed });
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

/// Why a body was not taken.
enum Unusable {
    Unread(BytesRejection),
    NotJson(serde_json::Error),
    Fields(InvalidFields),
}

impl From<BytesRejection> for Unusable {
    fn from(why: BytesRejection) -> Self {
        Self::Unread(why)
    }
}

impl From<serde_json::Error> for Unusable {
    fn from(why: serde_json::Error) -> Self {
        Self::NotJson(why)
    }
}

impl From<InvalidFields> for Unusable {
    fn from(why: InvalidFields) -> Self {
        Self::Fields(why)
    }
}

impl IntoResponse for Unusable {
    fn into_response(self) -> Response {
        let (status, body) = match self {
            Self::Unread(why) => {
                (why.status(), json!({ "error": "unreadable body", "detail": why.body_text() }))
            }
            Self::NotJson(why) => {
                (StatusCode::BAD_REQUEST, json!({ "error": "not JSON", "detail": why.to_string() }))
            }
            Self::Fields(why) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                json!({ "error": "invalid fields", "problems": why.problems() }),
            ),
        };
        (status, Json(body)).into_response()
    }
}

type Sent = Result<Bytes, BytesRejection>;

/// The content type is not looked at, so that a plain `curl -d` works.
fn json_value(sent: Sent) -> Result<Value, Unusable> {
    Ok(serde_json::from_slice(&sent?)?)
}

async fn show_fault(Named(station): Named) -> Json<Fault> {
    Json(station.faults.get())
}

async fn set_fault(Named(station): Named, sent: Sent) -> Result<Json<Fault>, Unusable> {
    let fault = Fault::try_from(json_value(sent)?)?;
    station.faults.set(fault)?;
    Ok(Json(fault))
}

async fn clear_fault(Named(station): Named) -> StatusCode {
    station.faults.clear();
    StatusCode::NO_CONTENT
}

async fn show_requests(Named(station): Named) -> Json<Vec<SeenRequest>> {
    Json(station.log.all())
}

async fn clear_requests(Named(station): Named) -> StatusCode {
    station.log.clear();
    StatusCode::NO_CONTENT
}

async fn show_fleet(Named(station): Named) -> Json<Value> {
    Json(station.settings().described())
}

async fn change_fleet(Named(station): Named, sent: Sent) -> Result<Json<Value>, Unusable> {
    let changes = json_value(sent)?;
    Ok(Json(station.change_settings(|settings| settings.updated(changes))?.described()))
}

async fn revoke_tokens(Named(station): Named) -> StatusCode {
    station.tokens.lock().revoke_all();
    StatusCode::NO_CONTENT
}
