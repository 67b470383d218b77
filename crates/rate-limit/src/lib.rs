//! Limits how often callers may ask: exact rates in bounded memory, on one machine and across many.

mod claim;
mod epoch;
mod gcra;
mod hash;
mod limiter;
mod local;
mod overrides;
mod quota;
mod store;
mod sync;
mod table;
#[cfg(feature = "testing")]
pub mod testing;
pub mod throttle;
mod tier;

pub use claim::{Claim, Claims, Fate, MAX_POLICIES, Position, Unavailable, Verdicts};
pub use gcra::{Rate, Ruling, Standing};
pub use hash::{HashKey, KeyHash, KeyHasher};
pub use limiter::{Admitted, Denied, RateLimiter, RateLimiterBuilder};
pub use local::LocalTier;
pub use overrides::{FetchFuture, Lookup, OverrideCounts, OverrideKey, Overrides, OverridesBuilder};
pub use quota::Quota;
pub use store::{Ask, MAX_ASKS, Reply, Store, StoreError, StoreErrorKind, Take};
pub use table::{Occupancy, Table};
pub use throttle::{ThrottleHandle, ThrottleLayer, Throttled};
pub use tier::{Answer, Pending, Tier};
