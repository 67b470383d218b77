use std::time::Duration;

use buttress_core::{Checks, Ratio};

use super::disk::Space;

/// How often room is looked for, and a disk that failed is tried again.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What is kept back for the record that says that the disk is full.
pub(super) const BALLAST_BYTES: u64 = 256 << 10;

/// When room on the disk is called low.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ladder {
    pub(super) low: Ratio,
    pub(super) low_bytes: u64,
    pub(super) critical: Ratio,
}

/// How much room there is, from plenty to nearly none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DiskLevel {
    /// There is room, or it cannot be told how much.
    #[default]
    Plenty,
    /// There is little: the log warns, and records everything.
    Low,
    /// There is next to nothing: what may be lost is not recorded any more.
    Critical,
    /// There is none.
    Full,
}

impl DiskLevel {
    /// The level as one word for records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plenty => "plenty",
            Self::Low => "low",
            Self::Critical => "critical",
            Self::Full => "full",
        }
    }
}

impl Default for Ladder {
    fn default() -> Self {
        Self { low: Ratio::percent(10), low_bytes: 1 << 30, critical: Ratio::percent(3) }
    }
}

impl Ladder {
    /// The level for so much room. From a lower level it takes a tenth more than the limit to get up again, so that it
    /// does not change with every file that comes and goes.
    pub(super) fn level(&self, space: Space, now: DiskLevel) -> DiskLevel {
        let is_below = |limit: u64, level| {
            let limit = if now >= level { limit.saturating_add(limit / 10) } else { limit };
            space.free < limit
        };
        if is_below(share(self.critical, space.total), DiskLevel::Critical) {
            DiskLevel::Critical
        } else if is_below(share(self.low, space.total).max(self.low_bytes), DiskLevel::Low) {
            DiskLevel::Low
        } else {
            DiskLevel::Plenty
        }
    }

    /// Whether there is room to begin again after there was none.
    pub(super) const fn has_room_again(space: Option<Space>) -> bool {
        match space {
            Some(space) => space.free >= 2 * BALLAST_BYTES,
            None => true,
        }
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        let holds = self.critical <= self.low;
        checks.require(holds, "disk_critical", format_args!("{:?}", self.critical), "up to what disk_low is");
    }
}

fn share(ratio: Ratio, total: u64) -> u64 {
    let share = u128::from(total) * u128::from(ratio.parts()) / u128::from(Ratio::SCALE);
    u64::try_from(share).unwrap_or(u64::MAX)
}
