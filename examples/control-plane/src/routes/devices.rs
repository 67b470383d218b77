use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;

use super::page::page;
use super::path::By;
use super::{Input, Shared};
use crate::connectors::Devices;
use crate::domain::Connector;
use crate::problem::ApiProblem;

#[derive(Serialize)]
pub(super) struct Listed {
    connector: Connector,
    page: u32,
    page_size: u32,
    #[serde(flatten)]
    devices: Devices,
}

pub(super) async fn list(
    State(app): Shared,
    By(connector): By,
    uri: Uri,
) -> Result<Json<Listed>, ApiProblem> {
    let page = page(Input::from_query(&uri)?)?;
    let devices = app.connectors.devices(connector, page).await?;
    Ok(Json(Listed { connector, page: page.number, page_size: page.size, devices }))
}
