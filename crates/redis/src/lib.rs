//! Keeps rate limits in Redis or Valkey, so that all processes of a service count together.
//!
//! # Example
//!
//! ```no_run
//! use std::sync::Arc;
//! use buttress_rate_limit::SharedTier;
//! use buttress_redis::RedisStore;
//!
//! # async fn start() -> Result<(), buttress_core::ConfigError> {
//! let store = RedisStore::connect("redis://127.0.0.1:6379").await?;
//! let tier = SharedTier::builder(store)
//!     .hash_secret("0f3b9c51e2a64d7788c0d1e2f3a4b5c6") // the same for all processes
//!     .nodes(3) // how many there are
//!     .build()?;
//! let tier = Arc::new(tier); // for `RateLimitLayer`: `.shared(tier.clone())`
//! # tier.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Place in the stack
//!
//! ```text
//! RateLimitLayer > SharedTier > RedisStore > one server, or a Cluster
//! ```
//!
//! The layer knows requests, the tier knows when the server need not be asked and what to do when it is gone, and this
//! crate knows the server. [`RedisStore`] is a [`Store`](buttress_rate_limit::Store), and can be asked without the
//! other two.
//!
//! # The script
//!
//! All asks of a call are decided in one script, by the server's clock (`TIME`), in whole microseconds. Everything is
//! read before anything is written, so a key that holds something else spoils nothing. Numbers are written as digits;
//! they stay below 2^53, to which a script can count, until the year 2049. The script is called by its hash, and sent
//! again when the server does not know it.
//!
//! Keys are called `buttress:{scope}:key`, both hashes of 32 hexadecimal digits, or `buttress:{key}` where a key is its
//! own scope. Each expires a second after it has a full burst again, and none is stored at rest: how many there are is
//! bounded by how many callers spend within one allowance. No list of keys is kept. On a Cluster the scope in braces
//! chooses the server. Replicas are never asked.
//!
//! # Cancellation
//!
//! A call that is dropped may have been carried out, and its charge stays: the limit is stricter for it, never looser.
//! The connection is not disturbed; the late answer is thrown away.
//!
//! # Cost
//!
//! One connection per store (one per server on a Cluster) carries all calls at once. A call is one round trip and some
//! ten small allocations; a call over several scopes of a Cluster is one round trip for each scope.
//!
//! # When things fail
//!
//! | what happened | the call | what comes next |
//! |---|---|---|
//! | the server is not there at the start | [`connect`](RedisStore::connect) fails with the address and the reason | the program decides; [`connect_later`](RedisStoreBuilder::connect_later) starts without it |
//! | the connection breaks | calls under way fail | it is made again in the background, at least every 500 ms while anybody asks |
//! | the server hangs | calls hang until they are dropped: the tier's time budget | the connection stays, and goes on when the server does |
//! | the server's host vanishes (Linux) | the same | the connection counts as broken after 5 s without an acknowledgement |
//! | a key holds something else | fails as `Garbage` | the other keys are not concerned |
//! | the server restarts without its data | | every key has a full burst |
//! | a failover to another clock | | nobody is locked out for longer than an allowance |
//!
//! Passwords in addresses are never shown, neither in errors nor in Debug output.
//!
//! # Options
//!
//! | option | default | range | unit | effect |
//! |---|---|---|---|---|
//! | address | must be given | `redis://[[user]:password@]host[:port][/database]`, `unix:///path` | | where the server is; a Cluster is recognized |
//! | [`or_through`](RedisStoreBuilder::or_through) | none | as above | | more servers of the Cluster to begin with |
//! | [`prefix`](RedisStoreBuilder::prefix) | `buttress` | 1 to 64 printable ASCII characters, no braces | | what keys begin with |
//! | [`connect_timeout`](RedisStoreBuilder::connect_timeout) | 2 s | 10 ms to 60 s | time | how long connecting may take, and a call without a budget |
//!
//! # Features
//!
//! None. For TLS (`rediss://`) enable a TLS feature of the crate `redis` in the program, such as `tokio-rustls-comp`.
//!
//! Needs Redis 5 or later, or Valkey; tested with Redis 7.0. The user needs `EVAL`, `EVALSHA`, `TIME`, `GET`, `SET`,
//! `DEL` and `PING` on the keys of the prefix, and `INFO` for a Cluster to be recognized.
//!
//! # Sources
//!
//! [Redis: scripting with Lua](https://redis.io/docs/latest/develop/programmability/eval-intro/);
//! [Redis Cluster specification](https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/), hash
//! tags; ITU-T I.371, the generic cell rate algorithm.

#[cfg(feature = "idempotency")]
mod idempotency;
#[cfg(any(feature = "idempotency", feature = "rate-limit"))]
mod link;
#[cfg(feature = "rate-limit")]
mod rate_limit;
#[cfg(any(feature = "idempotency", feature = "rate-limit"))]
mod script;
#[cfg(any(feature = "idempotency", feature = "rate-limit"))]
mod target;

#[cfg(feature = "idempotency")]
pub use idempotency::{Eviction, Health, RedisRecords, RedisRecordsBuilder};
#[cfg(feature = "rate-limit")]
pub use rate_limit::{RedisStore, RedisStoreBuilder};
