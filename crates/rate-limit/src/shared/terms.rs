use std::time::Duration;

use crate::{Ask, ChargedBy, Claim, Fate, KeyHash, Position, Rate, Ruling, Take};

/// The longest allowance in microseconds.
const LONGEST: u64 = 6_300_000_000_000_000;
/// A script on a server can count to 2^53, and so it can until the year 2049.
const _: () = assert!(LONGEST + 2_500_000_000_000_000 < 1 << 53);

/// At its limit, a hot key is asked for again once so many microseconds' worth of units have come in, and not for each
/// one: they are collected and spent together.
const COLLECT_FOR: u64 = 20_000;

/// A claim as a store must hear it, and as this node may borrow on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) key: KeyHash,
    pub(super) scope: KeyHash,
    /// In microseconds.
    pub(super) rate: Rate,
    pub(super) cost: u64,
    /// How many units this node may hold in advance.
    pub(super) cap: u64,
}

impl Terms {
    /// The terms of a claim where so many nodes share half a burst.
    pub(super) fn of(claim: &Claim, nodes: u32) -> Self {
        let rate = in_micros(claim.rate);
        let cap = rate.burst() / 2 / u64::from(nodes.max(1));
        Self { key: claim.key, scope: claim.scope, rate, cost: claim.cost, cap }
    }

    pub(super) fn ask(&self, take: Take) -> Ask {
        Ask { key: self.key, scope: self.scope, rate: self.rate, take }
    }

    /// The same for all that is worth a call if a lease of `size` is wanted: at least what the claim costs. A claim
    /// that costs nothing only looks, and is never refused.
    pub(super) fn collected(&self, size: u64) -> Self {
        let collected = if self.cost == 0 { 0 } else { size.min(COLLECT_FOR / self.rate.interval()) };
        Self { cost: collected.max(self.cost), ..*self }
    }

    /// What this claim by itself comes to for a key whose burst is full again in `debt` microseconds.
    pub(super) fn position(&self, debt: u64) -> Position {
        let fate = match self.rate.decide(debt, 0, self.cost) {
            Ruling::Admit { .. } => Fate::Admitted,
            Ruling::Deny { wait, .. } => Fate::Denied { wait: Duration::from_micros(wait) },
            Ruling::Never { .. } => Fate::Never,
        };
        self.at(fate, debt)
    }

    /// A position with that fate, whatever the cost.
    pub(super) fn at(&self, fate: Fate, debt: u64) -> Position {
        let standing = self.rate.standing(debt, 0);
        let (next, full) = (Duration::from_micros(standing.next), Duration::from_micros(standing.full));
        Position { fate, remaining: standing.remaining, next, full, charged_by: ChargedBy::Tier }
    }
}

/// The same rate in microseconds, rounded up: a unit takes at least one of them.
fn in_micros(rate: Rate) -> Rate {
    let interval = rate.interval().div_ceil(1_000);
    Rate::from_ticks(interval, rate.burst().min((LONGEST / interval).max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Quota;

    #[test]
    fn micros_are_those_of_the_quota_itself() {
        for quota in [
            Quota::per_second(3),
            Quota::per_second(7).burst(100),
            Quota::per_day(1_000_000),
            Quota::per(1, Quota::LONGEST),
            Quota::per(3, Duration::from_nanos(10_007)),
        ] {
            assert_eq!(in_micros(quota.rate().unwrap()), Rate::in_micros(&quota).unwrap(), "{quota:?}");
        }
    }

    #[test]
    fn what_is_faster_than_a_server_counts_is_held_to_its_pace() {
        let rate =
            in_micros(Quota::per(1_000, Duration::from_micros(1)).burst(u64::MAX / 1_000).rate().unwrap());
        assert_eq!((rate.interval(), rate.burst()), (1, LONGEST));
    }

    #[test]
    fn all_nodes_together_hold_at_most_half_a_burst() {
        let claim =
            |burst| Claim::new(KeyHash::from_bits(1), Quota::per_day(1), Rate::from_ticks(1, burst), 1);
        for burst in [1, 2, 5, 6, 7, 100, 101] {
            for nodes in [1, 2, 3, 10] {
                assert!(Terms::of(&claim(burst), nodes).cap * u64::from(nodes) * 2 <= burst);
            }
        }
        assert_eq!(Terms::of(&claim(100), 3).cap, 16);
    }
}
