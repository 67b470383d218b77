//! Limits how often callers may ask: exact rates in bounded memory, on one machine and across many.

mod claim;
mod gcra;
mod hash;
mod overrides;
mod quota;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod tier;

pub use claim::{Claim, Claims, Fate, MAX_POLICIES, Position, Unavailable, Verdicts};
pub use gcra::{Rate, Ruling, Standing};
pub use hash::{HashKey, KeyHash, KeyHasher};
pub use overrides::{FetchFuture, Lookup, OverrideCounts, OverrideKey, Overrides, OverridesBuilder};
pub use quota::Quota;
pub use store::{Ask, MAX_ASKS, Reply, Store, StoreError, StoreErrorKind, Take};
pub use tier::{Answer, Pending, Tier};
