use std::error::Error;
use std::fmt;
use std::time::Duration;

use arrayvec::ArrayVec;

use crate::{KeyHash, Quota, Rate};

/// How many policies may be decided together.
pub const MAX_POLICIES: usize = 8;

/// What one policy asks for one request.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Whom it is charged to.
    pub key: KeyHash,
    /// What must live on the same node of a cluster; `key` unless said otherwise.
    pub scope: KeyHash,
    /// The quota as it was written.
    pub quota: Quota,
    /// The quota in nanoseconds.
    pub rate: Rate,
    /// How many units; 0 looks without touching.
    pub cost: u64,
}

/// What all policies ask for one request: everything is charged, or nothing.
pub type Claims = ArrayVec<Claim, MAX_POLICIES>;

/// Where one claim stands after the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// What the policy says by itself. If another one denies, nothing is charged for this one either.
    pub fate: Fate,
    /// Units that are left now.
    pub remaining: u64,
    /// Until there is one unit more; zero if there is a whole burst.
    pub next: Duration,
    /// Until there is a whole burst.
    pub full: Duration,
    /// Who holds what was charged, if anything was.
    pub charged_by: ChargedBy,
}

/// Who holds what a claim was charged: it is he who must hear of a refund, also when somebody else decides by then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChargedBy {
    /// The tier itself.
    #[default]
    Tier,
    /// Its stand-in.
    StandIn,
}

/// What becomes of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// There is room.
    Admitted,
    /// There is no room yet.
    Denied {
        /// Until the same cost would be admitted, if nobody else spends meanwhile.
        wait: Duration,
    },
    /// The cost exceeds the burst; waiting does not help.
    Never,
}

/// The answer to [`Claims`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// One for each claim, in the same order.
    pub positions: ArrayVec<Position, MAX_POLICIES>,
    /// Whether a stand-in decided, because the tier that should have is gone.
    pub degraded: bool,
}

/// The tier that should have decided is gone, and the choice for that is to refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// When it is worth trying again, if that is known.
    pub retry_after: Option<Duration>,
}

impl Claim {
    /// A claim whose scope is its key.
    ///
    /// `rate` is `quota` in nanoseconds, made once where the quota was checked.
    pub const fn new(key: KeyHash, quota: Quota, rate: Rate, cost: u64) -> Self {
        Self { key, scope: key, quota, rate, cost }
    }
}

impl Verdicts {
    /// Whether all claims are admitted, and so were charged.
    #[inline]
    pub fn admitted(&self) -> bool {
        self.positions.iter().all(|position| position.fate == Fate::Admitted)
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the shared rate limit cannot be asked")
    }
}

impl Error for Unavailable {}
