//! The Jamf-like upstream: Macs, packages and the policies that install them.

mod paging;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::paging::{Asked, wanted};
use crate::fleet::{DEVICES, Installs, group_names, group_of, group_size};
use crate::refusal::{Refusal, Why};
use crate::shelf::{MAX_ITEMS, Shelf};
use crate::station::Station;
use crate::{Upstream, create, oauth};

const HERE: Upstream = Upstream::Jamf;

struct Jamf {
    station: Arc<Station>,
    packages: Mutex<Shelf<Package>>,
    policies: Mutex<Shelf<Policy>>,
}

type Here = State<Arc<Jamf>>;

pub(crate) fn routes(station: Arc<Station>) -> Router {
    let client = post(oauth::client_credentials).with_state(Arc::clone(&station));
    let user = post(oauth::basic).with_state(Arc::clone(&station));
    let guard = middleware::from_fn_with_state(Arc::clone(&station), oauth::require_token);
    let jamf = Arc::new(Jamf {
        station,
        packages: Mutex::new(Shelf::with_capacity(MAX_ITEMS)),
        policies: Mutex::new(Shelf::with_capacity(MAX_ITEMS)),
    });
    Router::new()
        .route("/api/v1/computers-inventory", get(list_computers))
        .route("/api/v1/packages", get(list_packages).post(create_package))
        .route("/api/v1/policies", get(list_policies).post(create_policy))
        .route("/api/v1/policies/{id}/status", get(policy_status))
        .route_layer(guard)
        .route("/api/oauth/token", client)
        .route("/api/v1/auth/token", user)
        .fallback(async || HERE.refusal(Why::NotFound, "no such resource"))
        .method_not_allowed_fallback(async || HERE.refusal(Why::MethodNotAllowed, "not with this method"))
        .with_state(jamf)
}

async fn list_computers(asked: Asked) -> Result<Json<Value>, Refusal> {
    const FIELDS: [&str; 3] = ["general.name", "hardware.serialNumber", "groupMemberships.groupName"];
    let wanted = wanted(asked, &FIELDS)?;
    let field = |number: &u32, name: &str| match name {
        "general.name" => computer_name(*number),
        "hardware.serialNumber" => serial_number(*number),
        _ => group_of(*number).to_owned(),
    };
    Ok(wanted.page(1..=DEVICES, field, computer))
}

fn computer_name(number: u32) -> String {
    format!("MAC-{number:04}")
}

fn serial_number(number: u32) -> String {
    format!("MSN{number:06}")
}

fn computer(number: u32) -> Value {
    json!({
        "id": number.to_string(),
        "udid": format!("c0000000-0000-4000-8000-{number:012}"),
        "general": {
            "name": computer_name(number),
            "platform": "Mac",
            "lastContactTime": "2026-01-15T08:00:00.000Z",
        },
        "hardware": { "serialNumber": serial_number(number), "model": "MacBook Pro" },
        "operatingSystem": { "name": "macOS", "version": "15.5" },
        "groupMemberships": [{ "groupName": group_of(number) }],
    })
}

struct Package {
    number: usize,
    details: NewPackage,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewPackage {
    package_name: String,
    file_name: Option<String>,
}

impl Package {
    fn show(&self) -> Value {
        json!({
            "id": self.number.to_string(),
            "packageName": self.details.package_name,
            "fileName": self.details.file_name,
        })
    }
}

fn created(collection: &str, number: usize) -> Value {
    json!({ "id": number.to_string(), "href": format!("/api/v1/{collection}/{number}") })
}

async fn create_package(State(jamf): Here, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    let details: NewPackage = create::json(HERE, &body)?;
    create::checked_name(HERE, "packageName", &details.package_name)?;
    let claim = create::claim(HERE, &headers, &body)?;
    let name = details.package_name.clone();
    let mut packages = jamf.packages.lock();
    let placed = packages.place(&name, claim, |number| Package { number, details });
    create::answer(HERE, "packageName", &placed, |package| created("packages", package.number))
}

async fn list_packages(State(jamf): Here, asked: Asked) -> Result<Json<Value>, Refusal> {
    let wanted = wanted(asked, &["packageName"])?;
    let packages = jamf.packages.lock();
    Ok(wanted.page(packages.iter(), |package, _| package.details.package_name.clone(), Package::show))
}

struct Policy {
    number: usize,
    details: NewPolicy,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewPolicy {
    name: String,
    package_id: String,
    scope: Scope,
}

#[derive(Debug, Serialize, Deserialize)]
struct Scope {
    groups: Vec<String>,
}

impl Policy {
    fn show(&self) -> Value {
        json!({
            "id": self.number.to_string(),
            "name": self.details.name,
            "packageId": self.details.package_id,
            "scope": self.details.scope,
        })
    }
}

impl Jamf {
    fn check(&self, policy: &NewPolicy) -> Result<(), Refusal> {
        create::checked_name(HERE, "name", &policy.name)?;
        let package = policy.package_id.parse().ok();
        if package.is_none_or(|number| self.packages.lock().numbered(number).is_none()) {
            return Err(HERE.bad_request("no package has this id").about("packageId"));
        }
        check_groups(&policy.scope.groups)
    }
}

fn check_groups(groups: &[String]) -> Result<(), Refusal> {
    if groups.iter().any(|group| group_size(group).is_none()) {
        return Err(HERE.bad_request(format!("groups can be {}", group_names())).about("scope"));
    }
    if groups.iter().enumerate().any(|(n, group)| groups[..n].contains(group)) {
        return Err(HERE.bad_request("a group can be named once").about("scope"));
    }
    Ok(())
}

async fn create_policy(State(jamf): Here, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    let details: NewPolicy = create::json(HERE, &body)?;
    jamf.check(&details)?;
    let claim = create::claim(HERE, &headers, &body)?;
    let name = details.name.clone();
    let mut policies = jamf.policies.lock();
    let placed = policies.place(&name, claim, |number| Policy { number, details });
    create::answer(HERE, "name", &placed, |policy| created("policies", policy.number))
}

async fn list_policies(State(jamf): Here, asked: Asked) -> Result<Json<Value>, Refusal> {
    let wanted = wanted(asked, &["name"])?;
    let policies = jamf.policies.lock();
    Ok(wanted.page(policies.iter(), |policy, _| policy.details.name.clone(), Policy::show))
}

async fn policy_status(State(jamf): Here, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let settings = jamf.station.settings();
    let policies = jamf.policies.lock();
    let policy = id.parse().ok().and_then(|number| policies.numbered(number));
    let policy = policy.ok_or_else(|| HERE.refusal(Why::NotFound, "no policy has this id"))?;
    let devices = policy.details.scope.groups.iter().filter_map(|group| group_size(group));
    let installs =
        devices.map(|devices| settings.install_on(devices)).fold(Installs::default(), Installs::and);
    Ok(Json(json!({
        "id": id,
        "total": installs.total(),
        "completed": installs.installed,
        "failed": installs.failed,
        "pending": installs.pending,
    })))
}
