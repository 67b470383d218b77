//! The gates between two rings. All of them are looked at, so that a refusal names every one that is shut.

use std::collections::BTreeMap;

use serde::Serialize;

use super::word::words;
use super::{Connector, Deployment, Installs, Part, Platform};

words! {
    /// One condition for going on to the next ring.
    Gate {
        /// Every connector has the package where it is now.
        Deployed = "deployed",
        /// Enough installs succeeded.
        SuccessRate = "success_rate",
        /// No incident is open.
        Incidents = "incidents",
        /// Whoever must say yes to the next ring has done so.
        Approval = "approval",
        /// The rings before the one that was asked for are done.
        RingOrder = "ring_order",
    }
}

/// A gate that is shut, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ShutGate {
    pub(crate) gate: Gate,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connector: Option<Connector>,
    pub(crate) detail: String,
}

impl ShutGate {
    pub(crate) fn new(gate: Gate, detail: impl Into<String>) -> Self {
        Self { gate, connector: None, detail: detail.into() }
    }

    fn of(connector: Connector, gate: Gate, detail: impl Into<String>) -> Self {
        Self { connector: Some(connector), ..Self::new(gate, detail) }
    }
}

/// Everything that the gates look at.
#[derive(Clone, Debug)]
pub(crate) struct Promotion<'a> {
    pub(crate) deployment: &'a Deployment,
    /// For each part that was deployed, its installs or the code of what kept us from asking.
    pub(crate) installs: BTreeMap<Platform, Result<Installs, &'static str>>,
    pub(crate) open_incidents: usize,
    pub(crate) permission: Result<(), String>,
}

impl Promotion<'_> {
    /// The gates that are shut; none means go.
    pub(crate) fn shut_gates(&self) -> Vec<ShutGate> {
        let mut shut: Vec<_> =
            self.deployment.parts.iter().filter_map(|(platform, part)| self.check(*platform, part)).collect();
        if self.open_incidents > 0 {
            shut.push(ShutGate::new(Gate::Incidents, format!("open incidents: {}", self.open_incidents)));
        }
        if let Err(missing) = &self.permission {
            shut.push(ShutGate::new(Gate::Approval, missing));
        }
        shut
    }

    fn check(&self, platform: Platform, part: &Part) -> Option<ShutGate> {
        let (connector, ring) = (platform.connector(), self.deployment.ring);
        if !matches!(part, Part::Deployed { .. }) {
            let detail = format!("the part of {connector} in ring {ring} is {}", part.state());
            return Some(ShutGate::of(connector, Gate::Deployed, detail));
        }
        let required = ring.required_percent();
        let detail = match self.installs.get(&platform) {
            Some(Ok(installs)) if installs.reach(required) => return None,
            Some(Ok(Installs { installed, total, .. })) => {
                format!("{installed} of {total} devices have it; ring {ring} asks for {required} %")
            }
            Some(Err(code)) => format!("{connector} cannot be asked: {code}"),
            None => format!("{connector} was not asked"),
        };
        Some(ShutGate::of(connector, Gate::SuccessRate, detail))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::domain::Ring;

    fn deployed_to(ring: Ring) -> Deployment {
        let platforms = [Platform::Windows, Platform::Macos];
        let mut deployment =
            Deployment::new(Uuid::nil(), Uuid::nil(), ring, platforms, Timestamp::UNIX_EPOCH);
        for platform in platforms {
            deployment.record(ring, platform, Part::Deployed { upstream_id: "1".to_owned() });
        }
        deployment
    }

    fn installed(percent: u64) -> Installs {
        Installs { installed: percent, failed: 100 - percent, pending: 0, total: 100 }
    }

    fn promotion<'a>(
        deployment: &'a Deployment,
        windows: Result<Installs, &'static str>,
        macos: Result<Installs, &'static str>,
    ) -> Promotion<'a> {
        let installs = BTreeMap::from([(Platform::Windows, windows), (Platform::Macos, macos)]);
        Promotion { deployment, installs, open_incidents: 0, permission: Ok(()) }
    }

    #[test]
    fn each_ring_has_its_own_success_gate() {
        for (ring, enough) in
            [(Ring::Canary, 97), (Ring::Pilot, 97), (Ring::Department, 99), (Ring::Global, 99)]
        {
            let deployment = deployed_to(ring);
            let gates =
                |percent| promotion(&deployment, Ok(installed(percent)), Ok(installed(100))).shut_gates();
            assert_eq!(gates(enough), []);
            assert_eq!(gates(enough - 1)[0].gate, Gate::SuccessRate, "{ring}");
        }
    }

    #[test]
    fn every_shut_gate_is_named() {
        let mut deployment = deployed_to(Ring::Canary);
        deployment.record(Ring::Canary, Platform::Macos, Part::Failed { code: "circuit_open".into() });
        let promotion = Promotion {
            open_incidents: 2,
            permission: Err("ring pilot needs an approval".to_owned()),
            ..promotion(&deployment, Ok(installed(90)), Ok(installed(100)))
        };
        let gates: Vec<_> = promotion.shut_gates().iter().map(|shut| (shut.gate, shut.connector)).collect();
        assert_eq!(
            gates,
            [
                (Gate::SuccessRate, Some(Connector::Intune)),
                (Gate::Deployed, Some(Connector::Jamf)),
                (Gate::Incidents, None),
                (Gate::Approval, None),
            ]
        );
    }

    #[test]
    fn a_connector_that_cannot_be_asked_shuts_the_gate() {
        let deployment = deployed_to(Ring::Canary);
        let gates = promotion(&deployment, Err("circuit_open"), Ok(installed(100))).shut_gates();
        assert_eq!(gates.len(), 1);
        assert_eq!(gates[0].detail, "intune cannot be asked: circuit_open");
    }
}
