//! Limits how often callers may ask: exact rates in bounded memory, on one machine and across many.

mod bench;
mod builder;
mod claim;
mod epoch;
mod exempt;
#[cfg(feature = "http")]
mod fields;
mod future;
mod gcra;
mod handle;
mod hash;
#[cfg(feature = "http")]
mod head;
pub mod key;
mod layer;
mod limiter;
mod local;
mod missing;
mod overrides;
mod policy;
mod quota;
mod rejection;
mod reporter;
#[cfg(feature = "http")]
mod response_head;
mod service;
mod settle;
mod settling;
mod shared;
mod store;
mod subject;
mod sync;
mod table;
mod terms;
#[cfg(feature = "testing")]
pub mod testing;
pub mod throttle;
mod tier;
mod told;
mod trial;
mod waiting;
#[cfg(feature = "http")]
mod web;

pub use builder::RateLimitBuilder;
pub use claim::{Claim, Claims, Fate, MAX_POLICIES, Position, Unavailable, Verdicts};
pub use exempt::Exempt;
#[cfg(feature = "http")]
pub use fields::Fields;
pub use future::ResponseFuture;
pub use gcra::{Rate, Ruling, Standing};
pub use handle::PolicyHandle;
pub use hash::{HashKey, KeyHash, KeyHasher};
#[cfg(feature = "http")]
pub use head::Head;
pub use layer::RateLimitLayer;
pub use limiter::{Admitted, Denied, RateLimiter, RateLimiterBuilder};
pub use local::LocalTier;
pub use missing::Missing;
pub use overrides::{FetchFuture, Lookup, OverrideCounts, OverrideKey, Overrides, OverridesBuilder};
pub use policy::Policy;
pub use quota::Quota;
pub use rejection::{KeyMissing, RateLimited};
#[cfg(feature = "http")]
pub use response_head::ResponseHead;
pub use service::RateLimit;
pub use settle::Settle;
pub use shared::{Leases, SharedStats, SharedTier, SharedTierBuilder, WhenGone};
pub use store::{Ask, MAX_ASKS, Reply, Store, StoreError, StoreErrorKind, Take};
pub use subject::{Limits, Plain, Subject};
pub use table::{Occupancy, Table};
pub use throttle::{ThrottleHandle, ThrottleLayer, Throttled};
pub use tier::{Answer, Pending, Tier};
#[cfg(feature = "http")]
pub use web::Http;
