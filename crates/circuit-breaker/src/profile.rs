use std::time::Duration;

use crate::BreakerConfig;

/// Settings for the remote services that a control plane depends on, by the kind of service.
///
/// All watch failures in a row, stay open for a fixed time, and send one probe whose success closes the breaker.
/// The settings for a process's own databases, queues and caches are a set apart: [`ResourceProfile`].
///
/// | profile | services | failures in a row | open |
/// |---|---|---|---|
/// | `ExecutionPlane` | `intune`, `jamf`, `sccm`, `landscape`, `ansible` | 5 | 60 s |
/// | `Itsm` | `servicenow`, `jira`, `freshservice` | 5 | 60 s |
/// | `Siem` | `splunk`, `elastic`, `datadog` | 5 | 60 s |
/// | `Identity` | `entra_id`, `active_directory` | 5 | 60 s |
/// | `Security` | `defender`, `vulnerability_scanner` | 5 | 60 s |
/// | `Ai` | `ai_provider` | 5 | 60 s |
/// | `InfrastructureDatabase` | `database` | 10 | 30 s |
/// | `ExternalApi` | `external_api` | 5 | 60 s |
///
/// ```
/// use buttress_circuit_breaker::{Breaker, ServiceProfile};
///
/// let profile = ServiceProfile::for_service("intune").expect("a service that has a profile");
/// assert_eq!(profile, ServiceProfile::ExecutionPlane);
/// let breaker = Breaker::new("intune", &profile.config())?;
/// # Ok::<(), buttress_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServiceProfile {
    /// What installs software on devices: `intune`, `jamf`, `sccm`, `landscape`, `ansible`.
    ExecutionPlane,
    /// Where tickets live: `servicenow`, `jira`, `freshservice`.
    Itsm,
    /// Where security events go: `splunk`, `elastic`, `datadog`.
    Siem,
    /// Where users and groups live: `entra_id`, `active_directory`.
    Identity,
    /// What inspects devices: `defender`, `vulnerability_scanner`.
    Security,
    /// A provider of language models: `ai_provider`.
    Ai,
    /// The control plane's database: `database`.
    InfrastructureDatabase,
    /// Any other API: `external_api`.
    ExternalApi,
}

impl ServiceProfile {
    /// Every service name that has a profile.
    pub const SERVICES: [(&'static str, Self); 18] = [
        ("intune", Self::ExecutionPlane),
        ("jamf", Self::ExecutionPlane),
        ("sccm", Self::ExecutionPlane),
        ("landscape", Self::ExecutionPlane),
        ("ansible", Self::ExecutionPlane),
        ("servicenow", Self::Itsm),
        ("jira", Self::Itsm),
        ("freshservice", Self::Itsm),
        ("splunk", Self::Siem),
        ("elastic", Self::Siem),
        ("datadog", Self::Siem),
        ("entra_id", Self::Identity),
        ("active_directory", Self::Identity),
        ("defender", Self::Security),
        ("vulnerability_scanner", Self::Security),
        ("ai_provider", Self::Ai),
        ("database", Self::InfrastructureDatabase),
        ("external_api", Self::ExternalApi),
    ];

    /// The profile of a service, if its name is in the table.
    pub fn for_service(name: &str) -> Option<Self> {
        Self::SERVICES.iter().find(|(service, _)| *service == name).map(|(_, profile)| *profile)
    }

    /// The settings.
    pub const fn config(self) -> BreakerConfig {
        let (failures, seconds) = match self {
            Self::InfrastructureDatabase => (10, 30),
            _ => (5, 60),
        };
        in_a_row(failures, 1, seconds)
    }
}

/// Settings for a process's own resources: broker, database, cache, and the external API it is a client of.
///
/// All watch failures in a row, stay open for a fixed time, and probe one call at a time until enough have
/// succeeded. The settings for the services of a control plane are a set apart: [`ServiceProfile`].
///
/// | profile | failures in a row | successes to close | open |
/// |---|---|---|---|
/// | `Kafka` | 10 | 3 | 120 s |
/// | `Database` | 3 | 2 | 30 s |
/// | `ExternalApi` | 5 | 2 | 300 s |
/// | `RedisCache` | 8 | 3 | 60 s |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResourceProfile {
    /// A Kafka broker.
    Kafka,
    /// A database.
    Database,
    /// An API of somebody else's.
    ExternalApi,
    /// A Redis cache.
    RedisCache,
}

impl ResourceProfile {
    /// The settings.
    pub const fn config(self) -> BreakerConfig {
        match self {
            Self::Kafka => in_a_row(10, 3, 120),
            Self::Database => in_a_row(3, 2, 30),
            Self::ExternalApi => in_a_row(5, 2, 300),
            Self::RedisCache => in_a_row(8, 3, 60),
        }
    }
}

const fn in_a_row(failures: u32, successes: u32, open_seconds: u64) -> BreakerConfig {
    BreakerConfig::only_consecutive_failures(failures)
        .success_threshold(successes)
        .open_for_exactly(Duration::from_secs(open_seconds))
}

impl From<ServiceProfile> for BreakerConfig {
    fn from(profile: ServiceProfile) -> Self {
        profile.config()
    }
}

impl From<ResourceProfile> for BreakerConfig {
    fn from(profile: ResourceProfile) -> Self {
        profile.config()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProbeRule;
    use crate::rules::Rules;

    fn numbers(config: BreakerConfig) -> (Option<u32>, ProbeRule, u32, u64, u64) {
        let rules = Rules::of(&config).unwrap();
        let seconds = [u64::MAX, 0].map(|draw| rules.open_time.delay(5, Duration::ZERO, draw).as_secs());
        (rules.consecutive_failures, rules.probe_rule, rules.half_open_permits, seconds[0], seconds[1])
    }

    fn expected(failures: u32, successes: u32, seconds: u64) -> (Option<u32>, ProbeRule, u32, u64, u64) {
        (Some(failures), ProbeRule::FirstFailure { successes }, 1, seconds, seconds)
    }

    #[test]
    fn every_named_service_has_its_numbers() {
        for (service, profile) in ServiceProfile::SERVICES {
            let (failures, seconds) = if service == "database" { (10, 30) } else { (5, 60) };
            assert_eq!(numbers(profile.config()), expected(failures, 1, seconds), "{service}");
            assert_eq!(ServiceProfile::for_service(service), Some(profile));
        }
        assert_eq!(ServiceProfile::for_service("Intune"), None);
    }

    #[test]
    fn every_resource_has_its_numbers() {
        for (profile, failures, successes, seconds) in [
            (ResourceProfile::Kafka, 10, 3, 120),
            (ResourceProfile::Database, 3, 2, 30),
            (ResourceProfile::ExternalApi, 5, 2, 300),
            (ResourceProfile::RedisCache, 8, 3, 60),
        ] {
            assert_eq!(numbers(profile.config()), expected(failures, successes, seconds), "{profile:?}");
        }
    }
}
