use buttress_circuit_breaker::{BreakerConfig, ResourceProfile, ServiceProfile};
use buttress_retry::Profile as RetryProfile;

/// Settings of breaker and retry that belong together, by the name of what is called.
///
/// | name | circuit breaker | retry |
/// |---|---|---|
/// | `intune`, `jamf`, `sccm`, `landscape`, `ansible`, `servicenow`, `jira`, `freshservice`, `splunk`, `elastic`, `datadog`, `entra_id`, `active_directory`, `defender`, `vulnerability_scanner` | [`ServiceProfile`] | the layer's default |
/// | `ai_provider` | [`ServiceProfile::Ai`] | [`SlowService`](RetryProfile::SlowService) |
/// | `external_api` | [`ServiceProfile::ExternalApi`] | [`ExternalApi`](RetryProfile::ExternalApi) |
/// | `database` | [`ServiceProfile::InfrastructureDatabase`] | [`Database`](RetryProfile::Database) |
/// | `kafka` | [`ResourceProfile::Kafka`] | [`MessageQueue`](RetryProfile::MessageQueue) |
/// | `redis_cache` | [`ResourceProfile::RedisCache`] | [`Transient`](RetryProfile::Transient) |
///
/// ```
/// use buttress::{Profile, circuit_breaker::State};
///
/// let profile = Profile::named("intune").expect("a name with a profile");
/// let (client, breaker) = buttress::client("intune").profile(profile).build_with_breaker()?;
/// assert_eq!(breaker.snapshot().consecutive_failures_threshold(), Some(5));
/// assert!(Profile::named("nobody").is_none());
/// # Ok::<(), buttress::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    pub(crate) breaker: BreakerConfig,
    /// `None` leaves the layer's own schedule.
    pub(crate) retry: Option<RetryProfile>,
}

impl Profile {
    /// A profile of your own.
    pub fn new(breaker: impl Into<BreakerConfig>, retry: RetryProfile) -> Self {
        Self { breaker: breaker.into(), retry: Some(retry) }
    }

    /// The profile of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        let breaker = match name {
            "kafka" => ResourceProfile::Kafka.config(),
            "redis_cache" => ResourceProfile::RedisCache.config(),
            _ => ServiceProfile::for_service(name)?.config(),
        };
        let retry = match name {
            "ai_provider" => Some(RetryProfile::SlowService),
            "external_api" => Some(RetryProfile::ExternalApi),
            "database" => Some(RetryProfile::Database),
            "kafka" => Some(RetryProfile::MessageQueue),
            "redis_cache" => Some(RetryProfile::Transient),
            _ => None,
        };
        Some(Self { breaker, retry })
    }
}
