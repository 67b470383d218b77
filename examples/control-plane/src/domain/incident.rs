use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::word::words;

words! {
    /// How far the harm of a fault reaches, from little to much.
    BlastRadius {
        /// A handful of devices.
        Isolated = "ISOLATED",
        /// A team.
        Limited = "LIMITED",
        /// More than a team.
        Broad = "BROAD",
        /// Something that the business cannot do without, however few devices it is.
        BusinessCritical = "BUSINESS_CRITICAL",
    }
}

/// What an incident has done so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Impact {
    pub(crate) affected_devices: u64,
    pub(crate) business_critical_service: bool,
}

impl Impact {
    const HANDFUL: u64 = 10;
    const TEAM: u64 = 100;

    /// The class of this impact.
    pub(crate) fn blast_radius(self) -> BlastRadius {
        match self.affected_devices {
            _ if self.business_critical_service => BlastRadius::BusinessCritical,
            devices if devices <= Self::HANDFUL => BlastRadius::Isolated,
            devices if devices <= Self::TEAM => BlastRadius::Limited,
            _ => BlastRadius::Broad,
        }
    }
}

/// Something that went wrong with a deployment. As long as it is open, the deployment is promoted no further.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Incident {
    pub(crate) id: Uuid,
    pub(crate) deployment_id: Uuid,
    pub(crate) title: String,
    #[serde(flatten)]
    pub(crate) impact: Impact,
    pub(crate) blast_radius: BlastRadius,
    pub(crate) opened_at: Timestamp,
    pub(crate) resolution: Option<Resolution>,
}

/// How an incident ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Resolution {
    pub(crate) id: Uuid,
    pub(crate) by: String,
    pub(crate) text: String,
    pub(crate) resolved_at: Timestamp,
}

impl Incident {
    pub(crate) fn new(
        id: Uuid,
        deployment_id: Uuid,
        title: String,
        impact: Impact,
        opened_at: Timestamp,
    ) -> Self {
        Self {
            id,
            deployment_id,
            title,
            impact,
            blast_radius: impact.blast_radius(),
            opened_at,
            resolution: None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.resolution.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blast_radius_follows_from_the_impact() {
        for (affected_devices, business_critical_service, class) in [
            (0, false, BlastRadius::Isolated),
            (10, false, BlastRadius::Isolated),
            (11, false, BlastRadius::Limited),
            (100, false, BlastRadius::Limited),
            (101, false, BlastRadius::Broad),
            (u64::MAX, false, BlastRadius::Broad),
            (1, true, BlastRadius::BusinessCritical),
        ] {
            let impact = Impact { affected_devices, business_critical_service };
            assert_eq!(impact.blast_radius(), class, "{impact:?}");
        }
    }

    #[test]
    fn classes_are_ordered_by_harm() {
        assert!(BlastRadius::Isolated < BlastRadius::Limited);
        assert!(BlastRadius::Broad < BlastRadius::BusinessCritical);
    }
}
