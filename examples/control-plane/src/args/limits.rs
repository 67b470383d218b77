//! How often callers may ask, and where that is counted.

use buttress::http::{ClientAddrResolver, ForwardedBy};
use buttress::rate_limit::HashKey;

use super::Given;
use super::values::quota;
use crate::connectors::Secret;
use crate::settings::RateLimits;

impl Given {
    pub(super) fn rate_limits(&mut self, env: &impl Fn(&str) -> Option<String>) -> RateLimits {
        let mut limits = RateLimits::default();
        for (name, rate, place) in [
            ("--address-rate", self.address_rate.take(), &mut limits.per_address),
            ("--key-rate", self.key_rate.take(), &mut limits.per_key),
        ] {
            let allowed = "1 to 1000000 per second, minute or hour, such as 100/s, 600/m or 5000/h";
            let read = rate.and_then(|rate| self.check(name, &rate, allowed, quota));
            *place = read.unwrap_or(*place);
        }
        limits.trusted_proxies = self.trusted_proxies();
        if let Some(nodes) = self.nodes.take() {
            let read = |text: &str| text.parse().ok().filter(|nodes| (1..=10_000).contains(nodes));
            limits.nodes = self.check("--nodes", &nodes, "1 to 10000", read).unwrap_or(limits.nodes);
        }
        limits.hash_secret = self.hash_secret(env);
        let redis = self.redis.take();
        limits.redis = self.url_of("redis", redis, env);
        limits
    }

    fn trusted_proxies(&mut self) -> Vec<String> {
        let given = self.trusted_proxy.take().unwrap_or_default();
        let allowed = "addresses and networks with commas between them, such as 10.0.0.0/8,192.0.2.7";
        let read = |text: &str| can_be_trusted(text).then(|| text.to_owned());
        let proxies = given.split(',').map(str::trim).filter(|_| !given.is_empty());
        proxies.filter_map(|proxy| self.check("--trusted-proxy", proxy, allowed, read)).collect()
    }

    fn hash_secret(&mut self, env: &impl Fn(&str) -> Option<String>) -> Option<Secret> {
        let secret = env("BUTTRESS_HASH_SECRET")?;
        if HashKey::from_secret(secret.as_bytes()).is_err() {
            // Without the value, which may be half of a secret that is used elsewhere.
            let (length, least) = (secret.len(), HashKey::SHORTEST_SECRET);
            self.problems.push(format!("BUTTRESS_HASH_SECRET has {length} bytes, allowed: {least} or more"));
        }
        Some(Secret::new(secret))
    }
}

fn can_be_trusted(proxy: &str) -> bool {
    ClientAddrResolver::builder().trust(proxy).header(ForwardedBy::XForwardedFor).build().is_ok()
}
