//! Macs, through an API like that of Jamf Pro.

use buttress::ApiClient;
use serde::Deserialize;
use serde_json::{Value, json};

use super::credentials::{ClientCredentials, JamfCredentials, UserCredentials};
use super::session::{Grant, Session};
use super::{ConnectorError, Device, Devices, Order, Page};
use crate::domain::Installs;

const CLIENT_TOKENS: &str = "/api/oauth/token";
const USER_TOKENS: &str = "/api/v1/auth/token";
const COMPUTERS: &str = "/api/v1/computers-inventory";
const PACKAGES: &str = "/api/v1/packages";
const POLICIES: &str = "/api/v1/policies";

/// The connector to Jamf.
#[derive(Debug)]
pub(super) struct Jamf {
    session: Session,
}

impl Jamf {
    pub(super) fn new(api: ApiClient, credentials: &JamfCredentials) -> Self {
        let by_client =
            |client: &ClientCredentials| Grant::Client { endpoint: CLIENT_TOKENS, client: client.clone() };
        let by_user = |user: &UserCredentials| Grant::User { endpoint: USER_TOKENS, user: user.clone() };
        let (grant, fallback) = match credentials {
            JamfCredentials::Client(client) => (by_client(client), None),
            JamfCredentials::User(user) => (by_user(user), None),
            JamfCredentials::Either(client, user) => (by_client(client), Some(by_user(user))),
        };
        Self { session: Session::new(api, grant, fallback) }
    }

    pub(super) async fn devices(&self, page: Page) -> Result<Devices, ConnectorError> {
        let query = [("page", page.number), ("page-size", page.size)];
        let found: List<Computer> = self.session.fetch(|api| api.get(COMPUTERS).query(&query)).await?;
        Ok(Devices {
            total: found.total_count,
            devices: found.results.into_iter().map(Device::from).collect(),
        })
    }

    /// Creates the package and a policy that brings it to the ring and all before it, or finds those that are there.
    pub(super) async fn deploy(&self, order: &Order) -> Result<String, ConnectorError> {
        let package = json!({ "packageName": order.title });
        let package =
            self.create(PACKAGES, "packageName", &order.title, &order.key("package"), &package).await?;
        let name = format!("{} to {}", order.title, order.ring);
        let policy =
            json!({ "name": name, "packageId": package, "scope": { "groups": order.ring.with_earlier() } });
        self.create(POLICIES, "name", &name, &order.key(&format!("policy-{}", order.ring)), &policy).await
    }

    /// Creates something, or finds the one that has its name.
    async fn create(
        &self,
        endpoint: &str,
        name_field: &str,
        name: &str,
        key: &str,
        body: &Value,
    ) -> Result<String, ConnectorError> {
        let create = |api: &ApiClient| api.post(endpoint).idempotency_key(key).json(body);
        match self.session.fetch::<Created>(create).await {
            Ok(created) => Ok(created.id),
            Err(error) if error.is_conflict() => self.find(endpoint, name_field, name).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn find(&self, endpoint: &str, name_field: &str, name: &str) -> Result<String, ConnectorError> {
        // No name of ours holds a quote, so none needs an escape.
        let query = [("filter", format!("{name_field}==\"{name}\""))];
        let found: List<Created> = self.session.fetch(|api| api.get(endpoint).query(&query)).await?;
        found.results.into_iter().next().map(|found| found.id).ok_or(ConnectorError::Vanished)
    }

    pub(super) async fn installs(&self, policy: &str) -> Result<Installs, ConnectorError> {
        let endpoint = format!("{POLICIES}/{policy}/status");
        let status: PolicyStatus = self.session.fetch(|api| api.get(&endpoint)).await?;
        Ok(status.into())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List<T> {
    total_count: u64,
    results: Vec<T>,
}

#[derive(Deserialize)]
struct Created {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Computer {
    id: String,
    general: General,
    hardware: Hardware,
    operating_system: OperatingSystem,
    group_memberships: Vec<Membership>,
}

#[derive(Deserialize)]
struct General {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hardware {
    serial_number: String,
}

#[derive(Deserialize)]
struct OperatingSystem {
    name: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Membership {
    group_name: String,
}

impl From<Computer> for Device {
    fn from(computer: Computer) -> Self {
        Self {
            id: computer.id,
            name: computer.general.name,
            os: computer.operating_system.name,
            os_version: computer.operating_system.version,
            serial_number: computer.hardware.serial_number,
            ring: computer.group_memberships.into_iter().next().map(|membership| membership.group_name),
        }
    }
}

#[derive(Deserialize)]
struct PolicyStatus {
    completed: u64,
    failed: u64,
    pending: u64,
    total: u64,
}

impl From<PolicyStatus> for Installs {
    fn from(status: PolicyStatus) -> Self {
        Self {
            installed: status.completed,
            failed: status.failed,
            pending: status.pending,
            total: status.total,
        }
    }
}
