use std::time::{Duration, Instant};

use crate::shared::terms::Terms;
use crate::{ChargedBy, Claim, Claims, Fate, LocalTier, Position, Rate, Tier, Unavailable, Verdicts};

/// What to do when the store cannot be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WhenGone {
    /// Each node enforces its share of each quota, divided by the number of nodes, in a table of its own. All nodes
    /// together admit at most what the quotas say, beside what was spent before; where a burst is smaller than the
    /// number of nodes, one unit each. The default.
    #[default]
    LocalShare,
    /// Every request is admitted.
    Open,
    /// Every request is refused as unavailable, not as too many.
    Closed,
}

/// When to try again after a refusal for want of a store: by then a probe has been sent.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// The stand-in for the store.
#[derive(Debug)]
pub(super) enum StandIn {
    LocalShare { nodes: u32, table: LocalTier },
    Open,
    Closed,
}

impl StandIn {
    pub(super) fn new(when: WhenGone, nodes: u32, slots: usize) -> Self {
        match when {
            WhenGone::LocalShare => Self::LocalShare { nodes, table: LocalTier::with_slots(slots) },
            WhenGone::Open => Self::Open,
            WhenGone::Closed => Self::Closed,
        }
    }

    /// Decides in the store's place.
    pub(super) fn decide(&self, claims: &Claims, now: Instant) -> Result<Verdicts, Unavailable> {
        let positions = match self {
            Self::LocalShare { nodes, table } => {
                let shares = claims.iter().map(|claim| share(claim, *nodes)).collect();
                let decided = table.decide_all(&shares, now).positions;
                decided.into_iter().zip(claims).map(|(position, claim)| restore(position, claim)).collect()
            }
            Self::Open => claims.iter().map(|claim| Terms::of(claim, 1).at(Fate::Admitted, 0)).collect(),
            Self::Closed => return Err(Unavailable { retry_after: Some(TRY_AGAIN) }),
        };
        Ok(Verdicts { positions, degraded: true })
    }

    /// Gives units back that it may have charged.
    pub(super) fn refund(&self, claim: &Claim, units: u64, now: Instant) {
        if let Self::LocalShare { nodes, table } = self {
            table.refund(&share(claim, *nodes), units, ChargedBy::Tier, now);
        }
    }

    /// Charges after the fact; returns what could not be charged.
    pub(super) fn charge(&self, claim: &Claim, units: u64, now: Instant) -> u64 {
        match self {
            Self::LocalShare { nodes, table } => {
                table.charge(&share(claim, *nodes), units, ChargedBy::Tier, now)
            }
            Self::Open | Self::Closed => units,
        }
    }
}

/// One node's part of a quota: as many units in so many times the time.
fn share(claim: &Claim, nodes: u32) -> Claim {
    let (nodes, rate) = (u64::from(nodes), claim.rate);
    let burst = (rate.burst() / nodes).max(1);
    Claim { rate: Rate::from_ticks(rate.interval().saturating_mul(nodes), burst), ..*claim }
}

/// What exceeds only the share is not impossible: it may be admitted once the store is back.
fn restore(position: Position, claim: &Claim) -> Position {
    match position.fate {
        Fate::Never if claim.cost <= claim.rate.burst() => {
            Position { fate: Fate::Denied { wait: TRY_AGAIN }, ..position }
        }
        _ => position,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyHash, Quota};

    fn claims(quota: Quota, cost: u64) -> Claims {
        std::iter::once(Claim::new(KeyHash::from_bits(7), quota, quota.rate().unwrap(), cost)).collect()
    }

    fn fate(stand_in: &StandIn, quota: Quota, cost: u64, now: Instant) -> Fate {
        let verdicts = stand_in.decide(&claims(quota, cost), now).unwrap();
        assert!(verdicts.degraded);
        verdicts.positions[0].fate
    }

    fn now() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    #[test]
    fn each_node_enforces_its_share_and_all_together_no_more_than_the_quota() {
        let (quota, now) = (Quota::per_second(30), now());
        let mut admitted = 0;
        for _ in 0..3 {
            let node = StandIn::new(WhenGone::LocalShare, 3, 64);
            admitted += (0..40).filter(|_| fate(&node, quota, 1, now) == Fate::Admitted).count();
            let later = now + Duration::from_millis(501);
            admitted += (0..40).filter(|_| fate(&node, quota, 1, later) == Fate::Admitted).count();
        }
        assert_eq!(admitted, 45, "a burst and the units of half a second");
    }

    #[test]
    fn a_share_is_never_nothing_and_what_exceeds_it_may_come_again() {
        let (quota, now) = (Quota::per_second(2), now());
        let node = StandIn::new(WhenGone::LocalShare, 3, 64);
        assert_eq!(fate(&node, quota, 2, now), Fate::Denied { wait: TRY_AGAIN });
        assert_eq!(fate(&node, quota, 3, now), Fate::Never);
        assert_eq!(fate(&node, quota, 1, now), Fate::Admitted);
    }

    #[test]
    fn open_admits_and_closed_is_unavailable() {
        let (quota, now) = (Quota::per_day(1), now());
        let open = StandIn::new(WhenGone::Open, 3, 64);
        for _ in 0..3 {
            assert_eq!(fate(&open, quota, 1, now), Fate::Admitted);
        }
        let closed = StandIn::new(WhenGone::Closed, 3, 64).decide(&claims(quota, 1), now);
        assert_eq!(closed, Err(Unavailable { retry_after: Some(TRY_AGAIN) }));
    }

    #[test]
    fn a_refund_and_a_charge_reach_the_share() {
        let (quota, now) = (Quota::per_day(6), now());
        let node = StandIn::new(WhenGone::LocalShare, 3, 64);
        assert_eq!(fate(&node, quota, 2, now), Fate::Admitted);
        let claim = claims(quota, 1)[0];
        node.refund(&claim, 1, now);
        assert_eq!(node.charge(&claim, 3, now), 2);
        assert!(matches!(fate(&node, quota, 1, now), Fate::Denied { .. }));
    }
}
