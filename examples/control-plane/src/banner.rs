//! The first lines on standard output: where it listens, and what to try.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// Prints the addresses, and lines to copy into a shell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Banner {
    pub(crate) listening: SocketAddr,
    /// Where our own simulated upstreams are, if we brought any.
    pub(crate) simulation: Option<SocketAddr>,
    /// How long an open breaker stays open.
    pub(crate) open_for: Duration,
}

impl fmt::Display for Banner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let api = format!("http://{}/api/v1", self.listening);
        writeln!(f, "listening on http://{}", self.listening)?;
        if let Some(simulation) = self.simulation {
            writeln!(f, "simulated upstreams on http://{simulation}")?;
        }
        walk_through(f, &api)?;
        match self.simulation {
            Some(simulation) => outage(f, &api, simulation, self.open_for),
            None => Ok(()),
        }
    }
}

fn walk_through(f: &mut fmt::Formatter<'_>, api: &str) -> fmt::Result {
    write!(
        f,
        r#"
# devices, through each connector
curl -sw '\n' '{api}/devices/intune?page_size=2'
curl -sw '\n' '{api}/devices/jamf?page_size=2'

# a package, the evidence that was sealed for it, and a deployment through both connectors; each POST has a key
MAIL='{{"name": "Mail Client", "version": "4.2.0", "platforms": ["windows", "macos"],
  "artifact_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  "risk_factors": {{"privilege_impact": 0.2, "supply_chain_trust": 0.1, "exploitability": 0.1, "data_access": 0.3,
    "sbom_vulnerability": 0, "blast_radius": 0.2, "operational_complexity": 0.1, "history": 0}}}}'
JSON='content-type: application/json'
PACKAGE=$(curl -s {api}/packages -H "$JSON" -H 'idempotency-key: mail' -d "$MAIL" | sed 's/{{"id":"\([^"]*\)".*/\1/')
curl -sw '\n' {api}/packages/$PACKAGE
curl -s {api}/packages/$PACKAGE/evidence | sha256sum
CANARY="{{\"package_id\": \"$PACKAGE\", \"ring\": \"canary\"}}"
DEPLOYMENT=$(curl -s {api}/deployments -H "$JSON" -H 'idempotency-key: canary' -d "$CANARY" | sed 's/{{"id":"\([^"]*\)".*/\1/')
curl -sw '\n' {api}/deployments/$DEPLOYMENT
curl -sw '\n' -X POST {api}/deployments/$DEPLOYMENT/promote -H 'idempotency-key: pilot'

# the first one again: the same bytes, marked as a replay; its key for something else is refused, and so is no key at all
curl -isw '\n\n' {api}/packages -H "$JSON" -H 'idempotency-key: mail' -d "$MAIL"
curl -isw '\n\n' {api}/packages -H "$JSON" -H 'idempotency-key: mail' -d '{{"name": "Another"}}'
curl -isw '\n\n' {api}/packages -H "$JSON" -d "$MAIL"
curl -sw '\n' {api}/health/idempotency

# the circuit breakers
curl -sw '\n' {api}/health/circuit-breakers

# more than an address may ask in a second: some are refused, and every answer says what is left
curl -so /dev/null -w '%{{http_code}}\n' '{api}/packages/[1-300]' | sort | uniq -c
curl -isw '\n' {api}/packages/1 | grep -i -e '^HTTP' -e ratelimit -e retry-after
"#
    )
}

fn outage(f: &mut fmt::Formatter<'_>, api: &str, simulation: SocketAddr, open_for: Duration) -> fmt::Result {
    let seconds = open_for.as_secs_f64();
    write!(
        f,
        r#"
# break one upstream: its breaker opens, the next call is refused at once, and the other connector goes on
curl -sw '\n' -X PUT http://{simulation}/faults/intune -d '{{"outage": true}}'
for call in 1 2 3; do curl -isw '\n\n' -H 'x-correlation-id: outage-demo' {api}/devices/intune; done
curl -sw '\n' '{api}/devices/jamf?page_size=1'
curl -sw '\n' {api}/health/circuit-breakers

# end the outage; when the open time is over the breaker closes by itself
curl -s -X DELETE http://{simulation}/faults/intune
sleep {seconds}; curl -isw '\n\n' '{api}/devices/intune?page_size=1'
curl -sw '\n' {api}/health/circuit-breakers

# what the upstream saw of it
curl -sw '\n' http://{simulation}/requests/intune
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_shows_what_the_program_prints() {
        let readme = include_str!("../README.md");
        let (listening, simulation) = (([127, 0, 0, 1], 8080).into(), ([127, 0, 0, 1], 8081).into());
        let banner = Banner {
            listening,
            simulation: Some(simulation),
            open_for: crate::Resilience::default().open_for,
        };
        for line in banner.to_string().lines() {
            assert!(readme.lines().any(|known| known == line), "{line}");
        }
    }
}
