use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Platform, Ring};

/// A package on its way through the rings.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Deployment {
    pub(crate) id: Uuid,
    pub(crate) package_id: Uuid,
    pub(crate) ring: Ring,
    /// The request that brought it to the ring.
    pub(crate) moved_by: Uuid,
    pub(crate) parts: BTreeMap<Platform, Part>,
    pub(crate) started_at: Timestamp,
}

/// The share of a deployment that one connector does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum Part {
    /// Not done yet, or its caller left before the end.
    Pending,
    /// The upstream has it, under this name of its own.
    Deployed { upstream_id: String },
    /// The connector failed, with this code; asking for the same deployment again tries it again.
    Failed { code: Cow<'static, str> },
}

impl Part {
    pub(crate) fn state(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Deployed { .. } => "deployed",
            Self::Failed { .. } => "failed",
        }
    }

    /// Why it failed, as one word.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Failed { code } => Some(code),
            Self::Pending | Self::Deployed { .. } => None,
        }
    }
}

impl Deployment {
    pub(crate) fn new(
        id: Uuid,
        package_id: Uuid,
        ring: Ring,
        platforms: impl IntoIterator<Item = Platform>,
        started_at: Timestamp,
    ) -> Self {
        let parts = platforms.into_iter().map(|platform| (platform, Part::Pending)).collect();
        Self { id, package_id, ring, moved_by: id, parts, started_at }
    }

    /// Moves on to a ring, where every part has to be done anew.
    pub(crate) fn advance(&mut self, to: Ring, by: Uuid) {
        self.ring = to;
        self.moved_by = by;
        self.parts.values_mut().for_each(|part| *part = Part::Pending);
    }

    /// Takes note of how a part went; news of a ring that the deployment has left changes nothing.
    pub(crate) fn record(&mut self, ring: Ring, platform: Platform, outcome: Part) {
        if let Some(part) = self.parts.get_mut(&platform).filter(|_| ring == self.ring) {
            *part = outcome;
        }
    }

    /// Whether there is nothing that went well.
    pub(crate) fn all_failed(&self) -> bool {
        self.parts.values().all(|part| matches!(part, Part::Failed { .. }))
    }

    /// One word for all parts.
    pub(crate) fn state(&self) -> &'static str {
        let mut states = self.parts.values().map(Part::state);
        let first = states.next().unwrap_or("pending");
        if states.all(|state| state == first) { first } else { "partial" }
    }
}

/// How the installs of one part went, by count of devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Installs {
    pub(crate) installed: u64,
    pub(crate) failed: u64,
    pub(crate) pending: u64,
    pub(crate) total: u64,
}

impl Installs {
    /// Whether at least so many percent of all devices have the package. Of no devices nobody knows.
    pub(crate) fn reach(self, percent: u64) -> bool {
        self.total > 0 && u128::from(self.installed) * 100 >= u128::from(self.total) * u128::from(percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment() -> Deployment {
        let platforms = [Platform::Windows, Platform::Macos];
        Deployment::new(Uuid::nil(), Uuid::nil(), Ring::Canary, platforms, Timestamp::UNIX_EPOCH)
    }

    fn deployed() -> Part {
        Part::Deployed { upstream_id: "7".to_owned() }
    }

    #[test]
    fn parts_that_differ_make_a_partial_deployment() {
        let mut deployment = deployment();
        assert_eq!(deployment.state(), "pending");
        deployment.record(Ring::Canary, Platform::Windows, deployed());
        assert_eq!(deployment.state(), "partial");
        deployment.record(Ring::Canary, Platform::Macos, Part::Failed { code: "circuit_open".into() });
        assert_eq!(deployment.state(), "partial");
        deployment.record(Ring::Canary, Platform::Macos, deployed());
        assert_eq!(deployment.state(), "deployed");
    }

    #[test]
    fn news_of_a_ring_that_was_left_changes_nothing() {
        let mut deployment = deployment();
        deployment.advance(Ring::Pilot, Uuid::nil());
        deployment.record(Ring::Canary, Platform::Windows, deployed());
        assert_eq!(deployment.parts[&Platform::Windows], Part::Pending);
    }

    #[test]
    fn success_is_counted_exactly_and_devices_that_wait_are_no_success() {
        let installs =
            |installed, total| Installs { installed, failed: 0, pending: total - installed, total };
        for (installed, total, percent, reached) in [
            (97, 100, 97, true),
            (96, 100, 97, false),
            (969, 1000, 97, false),
            (970, 1000, 97, true),
            (0, 0, 97, false),
            (u64::MAX, u64::MAX, 100, true),
        ] {
            assert_eq!(installs(installed, total).reach(percent), reached, "{installed} of {total}");
        }
    }
}
