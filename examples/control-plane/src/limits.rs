//! How often callers may ask: each address, and each API key.

use std::sync::Arc;

use buttress::http::{ClientAddrResolver, ForwardedBy};
use buttress::rate_limit::{Exempt, Http, Missing, Policy, RateLimitBuilder, SharedTier, key};
use buttress::redis::RedisStore;
use buttress::{AsProblem, ConfigError};

use crate::callers::API_KEY;
use crate::settings::RateLimits;

/// The limits of all instances, counted in Redis.
pub(crate) type SharedLimits = Arc<SharedTier<RedisStore>>;

/// Where limits are counted together, if they are.
///
/// # Errors
///
/// If there is no Redis where one should be: better not to start than to count alone unnoticed. One that goes away
/// later is lived without.
pub(crate) async fn shared(limits: &RateLimits) -> Result<Option<SharedLimits>, ConfigError> {
    let Some(url) = &limits.redis else { return Ok(None) };
    let store = RedisStore::builder(url.expose()).prefix("control-plane").connect().await?;
    // Every instance knows the address of Redis, and only they know its password.
    let secret = match &limits.hash_secret {
        Some(secret) => secret.expose().to_owned(),
        None => format!("control-plane {}", url.expose()),
    };
    let tier = SharedTier::builder(store).name("redis").nodes(limits.nodes).hash_secret(secret).build()?;
    Ok(Some(Arc::new(tier)))
}

/// Puts the policies into the layer. Health checks are not counted: whoever asks for them must not be turned away.
pub(crate) fn policies(
    layer: RateLimitBuilder<Http, AsProblem>,
    limits: &RateLimits,
    shared: Option<SharedLimits>,
    clients: ClientAddrResolver,
) -> RateLimitBuilder<Http, AsProblem> {
    let address = Policy::named("address").key(key::client_addr()).quota(limits.per_address);
    let api_key = Policy::named("api-key")
        .key(key::header(API_KEY))
        .quota(limits.per_key)
        // Nobody has to show one; the address is counted anyway.
        .missing(Missing::Skip);
    let exempt = Exempt::preflights().prefix("/health").prefix("/api/v1/health");
    let layer = layer.client_addr(clients).policy(address).policy(api_key).exempt(exempt);
    match shared {
        Some(tier) => layer.shared(tier),
        None => layer,
    }
}

/// Who the client is: the peer, unless it is a proxy that is trusted.
pub(crate) fn clients(limits: &RateLimits) -> Result<ClientAddrResolver, ConfigError> {
    let resolver = ClientAddrResolver::builder().trust_each(&limits.trusted_proxies);
    if limits.trusted_proxies.is_empty() { resolver } else { resolver.header(ForwardedBy::XForwardedFor) }
        .build()
}
