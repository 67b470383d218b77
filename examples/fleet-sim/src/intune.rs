//! The Intune-like upstream: devices, apps and their assignments in the manner of Microsoft Graph.

mod paging;

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::paging::{Asked, next_url, page, paging, wanted_name};
use crate::clock::rfc3339;
use crate::fleet::{DEVICES, FleetSettings, Installs, group_names, group_of, group_size};
use crate::refusal::{Refusal, Why};
use crate::shelf::{MAX_ITEMS, Shelf};
use crate::station::Station;
use crate::{Upstream, create, oauth};

const HERE: Upstream = Upstream::Intune;
const DEVICES_PATH: &str = "/v1.0/deviceManagement/managedDevices";
const APPS_PATH: &str = "/v1.0/deviceAppManagement/mobileApps";
const DEVICE_ID: &str = "d0000000-0000-4000-8000-";
const APP_ID: &str = "a0000000-0000-4000-8000-";

struct Intune {
    station: Arc<Station>,
    apps: Mutex<Shelf<App>>,
}

type Here = State<Arc<Intune>>;

pub(crate) fn routes(station: Arc<Station>) -> Router {
    let token = post(oauth::client_credentials).with_state(Arc::clone(&station));
    let guard = middleware::from_fn_with_state(Arc::clone(&station), oauth::require_token);
    let intune = Arc::new(Intune { station, apps: Mutex::new(Shelf::with_capacity(MAX_ITEMS)) });
    Router::new()
        .route(DEVICES_PATH, get(list_devices))
        .route(&format!("{DEVICES_PATH}/{{id}}"), get(show_device))
        .route(APPS_PATH, get(list_apps).post(create_app))
        .route(&format!("{APPS_PATH}/{{id}}"), get(show_app))
        .route(&format!("{APPS_PATH}/{{id}}/assign"), post(assign))
        .route(&format!("{APPS_PATH}/{{id}}/deviceStatuses"), get(device_statuses))
        .route_layer(guard)
        .route("/oauth2/token", token)
        .fallback(async || HERE.refusal(Why::NotFound, "no such resource"))
        .method_not_allowed_fallback(async || HERE.refusal(Why::MethodNotAllowed, "not with this method"))
        .with_state(intune)
}

async fn list_devices(headers: HeaderMap, asked: Asked) -> Result<Json<Value>, Refusal> {
    let paging = paging(asked)?;
    if paging.filter.is_some() {
        return Err(HERE.bad_request("$filter is not supported on managedDevices"));
    }
    let devices: Vec<Value> = (1..=DEVICES).skip(paging.skip).take(paging.top).map(device).collect();
    let total = usize::try_from(DEVICES).unwrap_or(usize::MAX);
    Ok(Json(page(&devices, total, &paging, &next_url(&headers, DEVICES_PATH))))
}

fn device(number: u32) -> Value {
    json!({
        "id": format!("{DEVICE_ID}{number:012}"),
        "deviceName": format!("WIN-{number:04}"),
        "operatingSystem": "Windows",
        "osVersion": "10.0.26100.4652",
        "complianceState": if number.is_multiple_of(20) { "noncompliant" } else { "compliant" },
        "serialNumber": format!("WSN{number:06}"),
        "userPrincipalName": format!("user{number:04}@fleet.example"),
        "deviceCategoryDisplayName": group_of(number),
        "lastSyncDateTime": "2026-01-15T08:00:00.000Z",
    })
}

/// The number in an id with this prefix.
fn number<N: std::str::FromStr>(id: &str, prefix: &str) -> Option<N> {
    id.strip_prefix(prefix)?.parse().ok()
}

async fn show_device(Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    match number(&id, DEVICE_ID).filter(|number| (1..=DEVICES).contains(number)) {
        Some(number) => Ok(Json(device(number))),
        None => Err(HERE.refusal(Why::NotFound, "no device has this id")),
    }
}

struct App {
    id: String,
    details: NewApp,
    created: String,
    assignments: Vec<Assignment>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewApp {
    display_name: String,
    publisher: Option<String>,
    display_version: Option<String>,
}

impl App {
    fn show(&self) -> Value {
        json!({
            "id": self.id,
            "displayName": self.details.display_name,
            "publisher": self.details.publisher,
            "displayVersion": self.details.display_version,
            "createdDateTime": self.created,
        })
    }
}

async fn create_app(State(intune): Here, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    let details: NewApp = create::json(HERE, &body)?;
    create::checked_name(HERE, "displayName", &details.display_name)?;
    let claim = create::claim(HERE, &headers, &body)?;
    let name = details.display_name.clone();
    let mut apps = intune.apps.lock();
    let placed = apps.place(&name, claim, |number| App {
        id: format!("{APP_ID}{number:012}"),
        details,
        created: rfc3339(SystemTime::now()),
        assignments: Vec::new(),
    });
    create::answer(HERE, "displayName", &placed, App::show)
}

async fn list_apps(State(intune): Here, headers: HeaderMap, asked: Asked) -> Result<Json<Value>, Refusal> {
    let paging = paging(asked)?;
    let apps = intune.apps.lock();
    let matching: Vec<&App> = match paging.filter.as_deref().map(wanted_name).transpose()? {
        Some(name) => apps.named(&name).into_iter().collect(),
        None => apps.iter().collect(),
    };
    let shown: Vec<Value> =
        matching.iter().skip(paging.skip).take(paging.top).map(|app| app.show()).collect();
    Ok(Json(page(&shown, matching.len(), &paging, &next_url(&headers, APPS_PATH))))
}

fn no_such_app() -> Refusal {
    HERE.refusal(Why::NotFound, "no app has this id")
}

async fn show_app(State(intune): Here, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let apps = intune.apps.lock();
    let app = number(&id, APP_ID).and_then(|number| apps.numbered(number)).ok_or_else(no_such_app)?;
    Ok(Json(app.show()))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewAssignments {
    mobile_app_assignments: Vec<Assignment>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Assignment {
    intent: Intent,
    target: Target,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Intent {
    Required,
    Available,
    Uninstall,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    group_id: String,
}

/// Replaces the app's assignments, so that repeating it is harmless.
async fn assign(State(intune): Here, Path(id): Path<String>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let assignments = create::json::<NewAssignments>(HERE, &body)?.mobile_app_assignments;
    check_groups(&assignments)?;
    let mut apps = intune.apps.lock();
    let app = number(&id, APP_ID).and_then(|number| apps.numbered_mut(number)).ok_or_else(no_such_app)?;
    app.assignments = assignments;
    Ok(Json(json!({ "value": app.assignments })))
}

fn check_groups(assignments: &[Assignment]) -> Result<(), Refusal> {
    let groups = || assignments.iter().map(|assignment| assignment.target.group_id.as_str());
    if groups().any(|group| group_size(group).is_none()) {
        return Err(HERE.bad_request(format!("groupId must be one of {}", group_names())));
    }
    if groups().enumerate().any(|(n, group)| groups().take(n).any(|earlier| earlier == group)) {
        return Err(HERE.bad_request("a group can be assigned once"));
    }
    Ok(())
}

async fn device_statuses(State(intune): Here, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let settings = intune.station.settings();
    let apps = intune.apps.lock();
    let app = number(&id, APP_ID).and_then(|number| apps.numbered(number)).ok_or_else(no_such_app)?;
    Ok(Json(statuses(&app.assignments, settings)))
}

fn statuses(assignments: &[Assignment], settings: FleetSettings) -> Value {
    let (mut installs, mut without) = (Installs::default(), 0);
    for Assignment { intent, target } in assignments {
        let devices = group_size(&target.group_id).unwrap_or_default();
        match intent {
            Intent::Required => installs = installs.and(settings.install_on(devices)),
            Intent::Available => installs.pending += devices,
            Intent::Uninstall => without += devices,
        }
    }
    json!({
        "installedDeviceCount": installs.installed,
        "failedDeviceCount": installs.failed,
        "pendingInstallDeviceCount": installs.pending,
        "notInstalledDeviceCount": without,
        "totalDeviceCount": installs.total() + without,
    })
}
