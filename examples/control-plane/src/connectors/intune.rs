//! Windows devices, through an API like that of Microsoft Graph.

use buttress::ApiClient;
use serde::Deserialize;
use serde_json::json;

use super::credentials::ClientCredentials;
use super::session::{Grant, Session, repeatable};
use super::{ConnectorError, Device, Devices, Order, Page};
use crate::domain::Installs;

const TOKENS: &str = "/oauth2/token";
const DEVICES: &str = "/v1.0/deviceManagement/managedDevices";
const APPS: &str = "/v1.0/deviceAppManagement/mobileApps";

/// The connector to Intune.
#[derive(Debug)]
pub(super) struct Intune {
    session: Session,
}

impl Intune {
    pub(super) fn new(api: ApiClient, client: &ClientCredentials) -> Self {
        let grant = Grant::Client { endpoint: TOKENS, client: client.clone() };
        Self { session: Session::new(api, grant, None) }
    }

    pub(super) async fn devices(&self, page: Page) -> Result<Devices, ConnectorError> {
        let skip = u64::from(page.number) * u64::from(page.size);
        let query = [("$top", u64::from(page.size)), ("$skip", skip)];
        let found: List<ManagedDevice> = self.session.fetch(|api| api.get(DEVICES).query(&query)).await?;
        Ok(Devices { total: found.count, devices: found.value.into_iter().map(Device::from).collect() })
    }

    /// Creates the app, or finds the one that is there, and assigns it to the ring and all before it.
    pub(super) async fn deploy(&self, order: &Order) -> Result<String, ConnectorError> {
        let app = self.create(order).await?;
        let assignments: Vec<_> = order
            .ring
            .with_earlier()
            .iter()
            .map(|ring| json!({ "intent": "required", "target": { "groupId": ring } }))
            .collect();
        let body = json!({ "mobileAppAssignments": assignments });
        // Assigning replaces what was assigned before, so doing it twice does it once.
        let assign = |api: &ApiClient| repeatable(api.post(&format!("{APPS}/{app}/assign"))).json(&body);
        self.session.fetch::<serde::de::IgnoredAny>(assign).await?;
        Ok(app)
    }

    async fn create(&self, order: &Order) -> Result<String, ConnectorError> {
        let (key, body) = (order.key("app"), json!({ "displayName": order.title }));
        let create = |api: &ApiClient| api.post(APPS).idempotency_key(&key).json(&body);
        match self.session.fetch::<App>(create).await {
            Ok(app) => Ok(app.id),
            Err(error) if error.is_conflict() => self.find(&order.title).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn find(&self, title: &str) -> Result<String, ConnectorError> {
        // A quote inside a quoted text is doubled.
        let filter = format!("displayName eq '{}'", title.replace('\'', "''"));
        let query = [("$filter", filter)];
        let found: List<App> = self.session.fetch(|api| api.get(APPS).query(&query)).await?;
        found.value.into_iter().next().map(|app| app.id).ok_or(ConnectorError::Vanished)
    }

    pub(super) async fn installs(&self, app: &str) -> Result<Installs, ConnectorError> {
        let endpoint = format!("{APPS}/{app}/deviceStatuses");
        let statuses: DeviceStatuses = self.session.fetch(|api| api.get(&endpoint)).await?;
        Ok(statuses.into())
    }
}

#[derive(Deserialize)]
struct List<T> {
    value: Vec<T>,
    #[serde(rename = "@odata.count")]
    count: u64,
}

#[derive(Deserialize)]
struct App {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManagedDevice {
    id: String,
    device_name: String,
    operating_system: String,
    os_version: String,
    serial_number: String,
    device_category_display_name: Option<String>,
}

impl From<ManagedDevice> for Device {
    fn from(device: ManagedDevice) -> Self {
        Self {
            id: device.id,
            name: device.device_name,
            os: device.operating_system,
            os_version: device.os_version,
            serial_number: device.serial_number,
            ring: device.device_category_display_name,
        }
    }
}

#[derive(Deserialize)]
struct DeviceStatuses {
    #[serde(rename = "installedDeviceCount")]
    installed: u64,
    #[serde(rename = "failedDeviceCount")]
    failed: u64,
    #[serde(rename = "pendingInstallDeviceCount")]
    pending: u64,
    #[serde(rename = "notInstalledDeviceCount")]
    not_installed: u64,
    #[serde(rename = "totalDeviceCount")]
    total: u64,
}

impl From<DeviceStatuses> for Installs {
    fn from(statuses: DeviceStatuses) -> Self {
        Self {
            installed: statuses.installed,
            failed: statuses.failed,
            pending: statuses.pending + statuses.not_installed,
            total: statuses.total,
        }
    }
}
