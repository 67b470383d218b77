use std::fmt;
use std::pin::Pin;
use std::time::Instant;

use crate::{ChargedBy, Claim, Claims, HashKey, Unavailable, Verdicts};

/// Who decides: a table in this process, or a store that many processes share.
///
/// All claims of a call are decided together: if one is denied, none is charged. Nothing here blocks.
pub trait Tier: fmt::Debug + Send + Sync + 'static {
    /// The secret under which this tier's keys are hashed.
    fn hash_key(&self) -> &HashKey;

    /// Charges all claims, or none.
    fn decide(&self, claims: &Claims, now: Instant) -> Answer;

    /// Gives units of a claim back to whoever charged them, as [`Position::charged_by`](crate::Position::charged_by)
    /// said; a shared tier may do so a little later, and drops what its store cannot be told.
    fn refund(&self, claim: &Claim, units: u64, by: ChargedBy, now: Instant);

    /// Charges units for what has happened already, as far as one allowance goes, where the claim itself was charged;
    /// returns the units beyond that.
    ///
    /// A tier that charges a little later returns what it knows at once, which may be 0.
    fn charge(&self, claim: &Claim, units: u64, by: ChargedBy, now: Instant) -> u64;
}

/// What a tier says.
#[expect(
    clippy::large_enum_variant,
    reason = "the common answer is the large one, and a box would allocate for it"
)]
pub enum Answer {
    /// At once.
    Now(Result<Verdicts, Unavailable>),
    /// After somebody else was asked.
    Later(Pending),
}

/// An answer that is still on its way.
pub type Pending = Pin<Box<dyn Future<Output = Result<Verdicts, Unavailable>> + Send>>;

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now(answer) => f.debug_tuple("Now").field(answer).finish(),
            Self::Later(_) => f.debug_tuple("Later").finish_non_exhaustive(),
        }
    }
}
