use std::time::Duration;

use crate::told::Told;
use crate::{Fate, Position, Quota};

/// How one policy stands that was decided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// Which one of the layer's.
    pub(super) policy: usize,
    pub(super) name: &'a str,
    pub(super) quota: &'a Quota,
    pub(super) position: &'a Position,
}

impl<'a> Line<'a> {
    /// A line for each policy that is enforced, in the order of the layer.
    #[inline]
    pub(super) fn each(told: &Told<'a>) -> impl Iterator<Item = Self> + use<'a> {
        let terms = told.terms;
        told.trial.enforced().filter_map(move |entry| {
            let name = &*terms.of.get(entry.policy)?.name;
            let position = entry.position.as_ref()?;
            Some(Self { policy: entry.policy, name, quota: &entry.claim.quota, position })
        })
    }

    /// The line that tells the caller most: of policies that refuse, of the one that keeps him waiting for longest; else
    /// of the one that has the smallest share left.
    pub(super) fn tightest(told: &Told<'a>) -> Option<Self> {
        Self::each(told)
            .reduce(|tightest, line| if line.is_tighter_than(&tightest) { line } else { tightest })
    }

    /// Whether the quota is the policy's own, and not one of a single key or one that has been replaced meanwhile.
    #[inline]
    pub(super) fn is_own(&self, told: &Told<'_>) -> bool {
        told.terms.of.get(self.policy).is_some_and(|term| term.quota == *self.quota)
    }

    /// How long until the same request would be admitted: forever if waiting does not help.
    fn wait(&self) -> Duration {
        match self.position.fate {
            Fate::Admitted => Duration::ZERO,
            Fate::Denied { wait } => wait,
            Fate::Never => Duration::MAX,
        }
    }

    fn is_tighter_than(&self, other: &Self) -> bool {
        let share =
            |line: &Self, of: &Self| u128::from(line.position.remaining) * u128::from(of.quota.burst_units());
        let (own, others) = (self.wait(), other.wait());
        own > others || (own == others && share(self, other) < share(other, self))
    }
}
