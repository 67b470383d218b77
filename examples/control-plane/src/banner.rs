//! The first lines on standard output: where it listens, and what to try.

use std::fmt;
use std::net::SocketAddr;

/// Prints the addresses, and lines to copy into a shell.
#[derive(Clone, Copy, Debug)]
pub struct Banner {
    /// Where the control plane listens.
    pub listening: SocketAddr,
    /// Where its own simulated upstreams do, if it brought any.
    pub simulation: Option<SocketAddr>,
}

impl fmt::Display for Banner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let api = format!("http://{}/api/v1", self.listening);
        writeln!(f, "listening on http://{}", self.listening)?;
        if let Some(simulation) = self.simulation {
            writeln!(f, "simulated upstreams on http://{simulation}")?;
        }
        writeln!(
            f,
            r#"
# devices, through each connector
curl -i '{api}/devices/intune?page_size=2'
curl -i '{api}/devices/jamf?page_size=2'

# a package, the evidence that was sealed for it, and a deployment through both connectors
PACKAGE=$(curl -s {api}/packages -H 'content-type: application/json' -d '{{
  "name": "Mail Client", "version": "4.2.0", "platforms": ["windows", "macos"],
  "artifact_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  "risk_factors": {{"privilege_impact": 0.2, "supply_chain_trust": 0.1, "exploitability": 0.1, "data_access": 0.3,
    "sbom_vulnerability": 0, "blast_radius": 0.2, "operational_complexity": 0.1, "history": 0}}}}' |
  sed 's/{{"id":"\([^"]*\)".*/\1/')
curl -s {api}/packages/$PACKAGE/evidence | sha256sum
DEPLOYMENT=$(curl -s {api}/deployments -H 'content-type: application/json' \
  -d "{{\"package_id\": \"$PACKAGE\", \"ring\": \"canary\"}}" | sed 's/{{"id":"\([^"]*\)".*/\1/')
curl -s {api}/deployments/$DEPLOYMENT
curl -s -X POST {api}/deployments/$DEPLOYMENT/promote

# the circuit breakers
curl -s {api}/health/circuit-breakers"#
        )?;
        match self.simulation {
            Some(simulation) => outage(f, &api, simulation),
            None => Ok(()),
        }
    }
}

fn outage(f: &mut fmt::Formatter<'_>, api: &str, simulation: SocketAddr) -> fmt::Result {
    writeln!(
        f,
        r#"
# break one upstream: the second call opens its breaker, the third is refused at once, and the other goes on
curl -X PUT http://{simulation}/faults/intune -d '{{"outage": true}}'
for call in 1 2 3; do curl -i -H 'x-correlation-id: outage-demo' {api}/devices/intune; echo; done
curl -s '{api}/devices/jamf?page_size=1'

# end the outage, and five seconds later the breaker closes by itself
curl -X DELETE http://{simulation}/faults/intune
sleep 5; curl -i '{api}/devices/intune?page_size=1'

# what the upstream saw of all this
curl -s http://{simulation}/requests/intune"#
    )
}
