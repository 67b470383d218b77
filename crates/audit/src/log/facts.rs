use std::time::Duration;

use super::checkpoint::CheckpointMonitor;
use super::{ChainId, Damage, DiskLevel, Head, Space};

/// What the thread that writes says about itself.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) chain: ChainId,
    pub(super) synced: Head,
    pub(super) syncs: u64,
    pub(super) last_sync: Duration,
    pub(super) longest_sync: Duration,
    pub(super) space: Option<Space>,
    pub(super) level: DiskLevel,
    pub(super) has_ballast: bool,
    pub(super) last_error: Option<String>,
    pub(super) segments: usize,
    pub(super) bytes: u64,
    pub(super) signatures: Option<CheckpointMonitor>,
    pub(super) damage: Option<Damage>,
}

impl Facts {
    pub(super) const fn new(chain: ChainId, synced: Head) -> Self {
        Self {
            chain,
            synced,
            syncs: 0,
            last_sync: Duration::ZERO,
            longest_sync: Duration::ZERO,
            space: None,
            level: DiskLevel::Plenty,
            has_ballast: false,
            last_error: None,
            segments: 0,
            bytes: 0,
            signatures: None,
            damage: None,
        }
    }
}
