use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;
use serde_json::Value;

use super::path::By;
use super::{Input, Shared};
use crate::connectors::{Devices, Page};
use crate::domain::Connector;
use crate::problem::ApiProblem;

const DEFAULT_SIZE: u32 = 100;
const MAX_SIZE: u32 = 500;
/// Keeps page times size far from any limit of an upstream.
const MAX_PAGE: u32 = 100_000;

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

fn page(mut query: Input) -> Result<Page, ApiProblem> {
    let up_to = |value: &Value, least: u32, most: u32| {
        value.as_str()?.parse().ok().filter(|number| (least..=most).contains(number))
    };
    let number = query.optional("page", 0, "0 to 100000", |value| up_to(value, 0, MAX_PAGE));
    let size = query.optional("page_size", DEFAULT_SIZE, "1 to 500", |value| up_to(value, 1, MAX_SIZE));
    query.finish(|| Some(Page { number: number?, size: size? }))
}
