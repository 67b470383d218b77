use std::error::Error;
use std::fmt;
use std::sync::Arc;

use buttress_core::BoxError;

use crate::{KeyHash, Rate};

/// Keeps the times of keys where several processes find them.
///
/// The laws, which the feature `testing` checks against any store:
///
/// - The store's own clock decides, in microseconds; nobody sends it a time of his own.
/// - All [`Take::All`] of one call are granted or none of them, as [`Rate::decide`] says for each. In between, nobody
///   else is served. Only asks of different scopes may be decided one after the other, if those that were granted are
///   given back when a later one is denied.
/// - A stored time further off than one allowance counts as one allowance off, and is stored so, also on a denial.
/// - No key stays for longer than a second after it has a full burst again.
/// - A dropped call may have happened.
/// - A key that holds something else than a time is [`spoilt`](Reply::spoilt). No other ask of the call is concerned,
///   except that no `All` is granted beside an `All` for such a key.
///
/// An empty call asks whether the store decides, and charges nobody: a store that answers and would not decide fails it.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Decides at most [`MAX_ASKS`] asks, in order, and answers each in the same order.
    fn decide(&self, asks: &[Ask]) -> impl Future<Output = Result<Vec<Reply>, StoreError>> + Send;
}

/// How many asks fit into one call of a [`Store`].
pub const MAX_ASKS: usize = 64;

/// One question to a [`Store`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The key it is about.
    pub key: KeyHash,
    /// What must live together on one node of a cluster.
    pub scope: KeyHash,
    /// The rate, in microseconds.
    pub rate: Rate,
    /// What to do.
    pub take: Take,
}

/// What to do with a key's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// Charge so many units if every other `All` of the call finds room too; 0 looks without touching.
    All(u64),
    /// Charge as many as there is room for, so many at most.
    UpTo(u64),
    /// Give so many units back; a key never has more than a burst.
    Back(u64),
    /// Charge for what has happened already, as far as one allowance goes.
    Charge(u64),
}

/// What a [`Store`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The units that were charged; 0 for [`Take::Back`].
    pub granted: u64,
    /// Microseconds until the key has a full burst, after the decision.
    pub debt: u64,
    /// What the key holds is not a time: somebody else writes there, and nothing was done. The rest is 0.
    pub spoilt: bool,
}

/// Why a [`Store`] did not decide: it cannot be reached, or gave no answer that can be used. Several in a row are an
/// outage.
#[derive(Clone, Debug)]
pub struct StoreError {
    source: Arc<dyn Error + Send + Sync>,
}

impl Reply {
    /// The answer about a key that holds something else.
    pub const SPOILT: Self = Self { granted: 0, debt: 0, spoilt: true };

    /// What a store did, with the debt that is left.
    pub const fn new(granted: u64, debt: u64) -> Self {
        Self { granted, debt, spoilt: false }
    }
}

impl StoreError {
    /// A store that cannot be reached, or does not do what it is asked.
    pub fn unreachable(source: impl Into<BoxError>) -> Self {
        Self { source: source.into().into() }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store of the rate limits gave no usable answer")
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
