//! The simulated devices: how many there are, in which groups, and how installs go on them.

use serde::Serialize;
use serde_json::{Value, json};

use crate::fields::{Fields, InvalidFields};

/// The groups of each fleet with their sizes. Multiples of 100 make every whole percentage exact.
pub(crate) const GROUPS: [(&str, u32); 4] =
    [("canary", 100), ("pilot", 200), ("department", 300), ("global", 400)];

/// Devices in one fleet.
pub(crate) const DEVICES: u32 = 1_000;

pub(crate) fn group_size(name: &str) -> Option<u32> {
    GROUPS.iter().find(|(group, _)| *group == name).map(|(_, size)| *size)
}

/// The group of the device with this number, counted from 1; small groups come first.
pub(crate) fn group_of(device: u32) -> &'static str {
    let mut last = 0;
    for (name, size) in GROUPS {
        last += size;
        if device <= last {
            return name;
        }
    }
    GROUPS[GROUPS.len() - 1].0
}

pub(crate) fn group_names() -> String {
    GROUPS.map(|(name, _)| name).join(", ")
}

/// How one upstream's fleet and token endpoint behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FleetSettings {
    /// Share of finished installs that succeed, 0 to 100 % (default 100), rounded down to whole devices.
    pub install_success_percent: u32,
    /// Share of installs not finished yet, 0 to 100 % (default 0), rounded down to whole devices.
    pub install_pending_percent: u32,
    /// How long a token is good, 0 to 86,400 s (default 3,600); holds for tokens issued from now on, and 0
    /// means expired at birth.
    pub token_lifetime_s: u64,
}

impl Default for FleetSettings {
    fn default() -> Self {
        Self { install_success_percent: 100, install_pending_percent: 0, token_lifetime_s: 3_600 }
    }
}

impl FleetSettings {
    /// The settings with the given fields changed and the others kept.
    pub(crate) fn updated(self, value: Value) -> Result<Self, InvalidFields> {
        let mut fields = Fields::of(value)?;
        let success = fields.number("install_success_percent", 0..=100, " %");
        let pending = fields.number("install_pending_percent", 0..=100, " %");
        let lifetime = fields.number("token_lifetime_s", 0..=86_400, " s");
        fields.finish()?;
        Ok(Self {
            install_success_percent: success.unwrap_or(self.install_success_percent),
            install_pending_percent: pending.unwrap_or(self.install_pending_percent),
            token_lifetime_s: lifetime.unwrap_or(self.token_lifetime_s),
        })
    }

    /// The settings themselves if the wire would have taken them too.
    pub(crate) fn checked(self) -> Result<Self, InvalidFields> {
        self.updated(serde_json::to_value(self).unwrap_or_default())
    }

    /// The settings with the groups they apply to.
    pub(crate) fn described(self) -> Value {
        let mut described = json!(self);
        described["groups"] = GROUPS.into_iter().collect();
        described
    }

    /// How an install stands on a group of this size.
    pub(crate) fn install_on(self, devices: u32) -> Installs {
        let pending = devices * self.install_pending_percent / 100;
        let installed = (devices - pending) * self.install_success_percent / 100;
        Installs { installed, failed: devices - pending - installed, pending }
    }
}

/// How many devices have an install, failed at it, or are yet to try.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Installs {
    pub(crate) installed: u32,
    pub(crate) failed: u32,
    pub(crate) pending: u32,
}

impl Installs {
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            installed: self.installed + other.installed,
            failed: self.failed + other.failed,
            pending: self.pending + other.pending,
        }
    }

    pub(crate) fn total(self) -> u32 {
        self.installed + self.failed + self.pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_device_is_in_one_group_and_groups_have_their_size() {
        for (name, size) in GROUPS {
            let members = (1..=DEVICES).filter(|device| group_of(*device) == name).count();
            assert_eq!(u32::try_from(members).unwrap(), size, "{name}");
            assert_eq!(group_size(name), Some(size));
        }
        assert_eq!(GROUPS.map(|(_, size)| size).iter().sum::<u32>(), DEVICES);
    }

    #[test]
    fn whole_percentages_are_exact_on_every_group() {
        for percent in 0..=100 {
            let settings = FleetSettings { install_success_percent: percent, ..FleetSettings::default() };
            for (_, size) in GROUPS {
                let installs = settings.install_on(size);
                assert_eq!(installs.installed * 100, size * percent);
                assert_eq!(installs.total(), size);
            }
        }
    }

    #[test]
    fn the_success_rate_counts_finished_installs_only() {
        let settings = FleetSettings {
            install_success_percent: 90,
            install_pending_percent: 50,
            ..FleetSettings::default()
        };
        assert_eq!(settings.install_on(100), Installs { installed: 45, failed: 5, pending: 50 });
    }

    #[test]
    fn fields_left_out_keep_their_value() {
        let first = FleetSettings::default().updated(json!({ "install_success_percent": 95 })).unwrap();
        let second = first.updated(json!({ "token_lifetime_s": 60 })).unwrap();
        assert_eq!((second.install_success_percent, second.token_lifetime_s), (95, 60));
        assert!(second.updated(json!({ "install_success_percent": 101 })).is_err());
    }
}
