//! The ways to devices. Each is an API client over the outbound stack, named after its connector: correlation ID,
//! deadline, retry, circuit breaker and timeouts come with it, so nothing of the kind is written here.

mod credentials;
mod error;
mod event;
mod intune;
mod jamf;
mod session;
mod token;

use serde::Serialize;
use uuid::Uuid;

use buttress::backoff::Backoff;
use buttress::{ApiClient, BreakerRegistry, ConfigError};

use crate::audit::Audit;
use crate::domain::{Connector, Installs, Ring, Word};
use crate::problem::ApiProblem;
use crate::settings::{Resilience, Upstreams};
use intune::Intune;
use jamf::Jamf;

pub use credentials::{ClientCredentials, JamfCredentials, Secret, UserCredentials};
pub(crate) use error::ConnectorError;
use event::{Effect, Operation};

/// All connectors, and their circuit breakers by name.
#[derive(Debug)]
pub(crate) struct Connectors {
    intune: Intune,
    jamf: Jamf,
    pub(crate) breakers: BreakerRegistry,
    audit: Audit,
}

/// What an upstream is asked to deploy.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) deployment_id: Uuid,
    pub(crate) title: String,
    pub(crate) ring: Ring,
}

impl Order {
    /// A name for one create of this order, the same however often it is sent.
    fn key(&self, what: &str) -> String {
        format!("{}-{what}", self.deployment_id)
    }
}

/// Which part of a long list is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) number: u32,
    pub(crate) size: u32,
}

/// Some devices, and how many there are in all.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Devices {
    pub(crate) total: u64,
    pub(crate) devices: Vec<Device>,
}

/// A device as every connector describes it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Device {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) os: String,
    pub(crate) os_version: String,
    pub(crate) serial_number: String,
    pub(crate) ring: Option<String>,
}

impl Connectors {
    pub(crate) fn new(
        upstreams: &Upstreams,
        resilience: &Resilience,
        audit: Audit,
    ) -> Result<Self, ConfigError> {
        let breakers = BreakerRegistry::default();
        let api = |name: Connector, url: &str| api(name, url, resilience, &breakers);
        let intune = Intune::new(api(Connector::Intune, &upstreams.intune_url)?, &upstreams.intune);
        let jamf = Jamf::new(api(Connector::Jamf, &upstreams.jamf_url)?, &upstreams.jamf);
        Ok(Self { intune, jamf, breakers, audit })
    }

    pub(crate) async fn devices(&self, by: Connector, page: Page) -> Result<Devices, ApiProblem> {
        let found = event::noted(
            &self.audit,
            Operation { connector: by, name: "list_devices", effect: Effect::Reads },
            async {
                match by {
                    Connector::Intune => self.intune.devices(page).await,
                    Connector::Jamf => self.jamf.devices(page).await,
                }
            },
        );
        found.await.map_err(|error| ApiProblem::from((by, &error)))
    }

    /// Brings a package to a ring and all before it, and returns what the upstream calls that.
    pub(crate) async fn deploy(&self, by: Connector, order: &Order) -> Result<String, ApiProblem> {
        let deployed = event::noted(
            &self.audit,
            Operation { connector: by, name: "deploy", effect: Effect::Changes },
            async {
                match by {
                    Connector::Intune => self.intune.deploy(order).await,
                    Connector::Jamf => self.jamf.deploy(order).await,
                }
            },
        );
        deployed.await.map_err(|error| ApiProblem::from((by, &error)))
    }

    pub(crate) async fn installs(&self, by: Connector, upstream_id: &str) -> Result<Installs, ApiProblem> {
        let counted = event::noted(
            &self.audit,
            Operation { connector: by, name: "count_installs", effect: Effect::Reads },
            async {
                match by {
                    Connector::Intune => self.intune.installs(upstream_id).await,
                    Connector::Jamf => self.jamf.installs(upstream_id).await,
                }
            },
        );
        counted.await.map_err(|error| ApiProblem::from((by, &error)))
    }
}

/// An API client whose calls go through the whole outbound stack.
fn api(
    name: Connector,
    url: &str,
    resilience: &Resilience,
    breakers: &BreakerRegistry,
) -> Result<ApiClient, ConfigError> {
    let client = buttress::client(name.as_str())
        .timeout(resilience.total_timeout)
        .attempt_timeout(resilience.attempt_timeout)
        .retry(|retry| {
            let backoff = Backoff::exponential(resilience.backoff);
            retry.max_attempts(resilience.attempts).backoff(backoff).observer(event::hear)
        })
        .bulkhead(|bulkhead| bulkhead.max_concurrent(resilience.calls_at_once))
        .circuit_breaker(|_| resilience.breaker())
        .registry(breakers)
        .build()?;
    ApiClient::new(client, url)
}
