use std::time::Duration;

use arrayvec::ArrayVec;

use crate::terms::Terms;
use crate::{Fate, MAX_POLICIES, Position, Quota};

/// What is known of a request's policies once they are decided, for whoever writes it down.
#[derive(Debug)]
pub struct Told<'a> {
    pub(crate) terms: &'a Terms,
    pub(crate) lines: ArrayVec<Line<'a>, MAX_POLICIES>,
    /// Whether the request is refused.
    pub(crate) refused: bool,
}

/// One policy that was decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    /// Which one of the layer's.
    pub(crate) policy: usize,
    pub(crate) name: &'a str,
    pub(crate) quota: Quota,
    pub(crate) position: Position,
}

impl Told<'_> {
    /// The policy that tells the caller most: of those that refuse, the one that keeps him waiting for longest; else
    /// the one that has the smallest share left.
    pub(crate) fn tightest(&self) -> Option<&Line<'_>> {
        self.lines
            .iter()
            .reduce(|tightest, line| if line.is_tighter_than(tightest) { line } else { tightest })
    }
}

impl Line<'_> {
    /// How long until the same request would be admitted: forever if waiting does not help.
    pub(crate) fn wait(&self) -> Duration {
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
