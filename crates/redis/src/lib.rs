//! Keeps rate limits and idempotency records in Redis or Valkey, so that all processes of a service share them.
//!
//! # Example
//!
//! Records of idempotent operations:
//!
//! ```no_run
//! use buttress_redis::RedisRecords;
//!
//! # #[cfg(feature = "idempotency")]
//! # async fn start() -> Result<(), buttress_core::ConfigError> {
//! // Fails if nothing answers there, or if the server would throw records away when its memory is full.
//! let store = RedisRecords::connect("redis://127.0.0.1:6379").await?;
//! assert_eq!(store.health().losses, 0);
//! // for the layer: `IdempotencyLayer::inbound(store)`
//! # Ok(())
//! # }
//! ```
//!
//! Rate limits:
//!
//! ```no_run
//! use std::sync::Arc;
//! use buttress_rate_limit::SharedTier;
//! # #[cfg(feature = "rate-limit")]
//! use buttress_redis::RedisStore;
//!
//! # #[cfg(feature = "rate-limit")]
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
//! IdempotencyLayer            > RedisRecords > one server, or a Cluster
//! RateLimitLayer > SharedTier > RedisStore   > one server, or a Cluster
//! ```
//!
//! The layers know requests, and this crate knows the server. [`RedisRecords`] is a
//! [`Store`](buttress_idempotency::Store) of records, [`RedisStore`] a [`Store`](buttress_rate_limit::Store) of limits;
//! both can be asked without their layers. One server can serve both, but they want different ones: limits may be lost,
//! records must not be.
//!
//! # The scripts
//!
//! Whatever a call decides, it decides in one script, by the server's clock (`TIME`). Everything is read before anything
//! is written, so a key that holds something else spoils nothing. Numbers are written as digits. A script is called by
//! its hash, and sent again when the server does not know it. Replicas are never asked.
//!
//! **Records.** Each is one hash, `buttress:idempotency:{id}`, with an ID of 64 hexadecimal digits. Claims, steps and
//! invalidations are one script each over that one key, and decide as [`Record`](buttress_idempotency::Record) says.
//! Bodies and headers are fields of their own, as they are. Each record expires by itself. Beside them there is one key
//! without an expiry, `buttress:generation:{0}` (64 of them on a Cluster), by which lost data is noticed. Fields,
//! durability, eviction and failover are the subject of `docs/redis-idempotency.md`.
//!
//! **Limits.** All asks of a call are decided in one script, in whole microseconds, which stay below 2^53, to which a
//! script can count, until the year 2049. Keys are called `buttress:{scope}:key`, both hashes of 32 hexadecimal digits,
//! or `buttress:{key}` where a key is its own scope. Each expires a second after it has a full burst again, and none is
//! stored at rest: how many there are is bounded by how many callers spend within one allowance. No list of keys is
//! kept. On a Cluster the scope in braces chooses the server.
//!
//! # Cancellation
//!
//! A call that is dropped may have been carried out. A charge stays: the limit is stricter for it, never looser. A claim
//! stays as well; sent again with the same owner it is granted as before, and otherwise it ends with its lease. The
//! connection is not disturbed; the late answer is thrown away.
//!
//! # Cost
//!
//! One connection per store (one per server on a Cluster) carries all calls at once, so a large body holds up those
//! behind it. A call is one round trip and some ten small allocations; a call about limits over several scopes of a
//! Cluster is one round trip for each scope.
//!
//! A claim, also one that is answered with a kept response, and a step are one round trip each, and some 20 microseconds
//! of the server's one thread, plus about a millisecond for a body of a megabyte. A record takes some 400 bytes of the
//! server's memory beside its response. Every [`look_every`](RedisRecordsBuilder::look_every), one claim sends two small
//! commands beside its own.
//!
//! # When things fail
//!
//! | what happened | limits | records |
//! |---|---|---|
//! | the server is not there at the start | [`connect`](RedisStore::connect) fails with the address and the reason; [`connect_later`](RedisStoreBuilder::connect_later) starts without it | the same |
//! | the connection breaks | calls under way fail; it is made again in the background, at least every 500 ms while anybody asks | the same, as `Unreachable` |
//! | the server hangs | calls hang until they are dropped: the tier's time budget | `Unreachable` after `call_timeout`, if the layer has not gone before |
//! | the server's host vanishes (Linux) | the connection counts as broken after 5 s without an acknowledgement | the same |
//! | it is loading, cannot write its files, or lacks the replicas it must have | fails | `Unreachable` |
//! | it is a replica by now | fails; the next call connects anew, and finds the primary if the address leads there | the same, as `Unreachable` |
//! | its memory is used up | fails | claims of new records and checkpoints are `Full`; renewals and endings go on, a completion keeps its status alone (`StatusOnly`) |
//! | it may evict | limits may be forgotten | `connect` fails; claims are `Unfit`, steps go on |
//! | a key holds something else | that ask is answered as `spoilt`; the other keys are not concerned | fails as `Corrupt`, and so does `clear`, when it has cleared the others |
//! | the server restarts without its data | every key has a full burst | noticed by the next claim, counted and told; steps are `Gone`, operations run again |
//! | a failover to another clock | nobody is locked out for longer than an allowance | nobody dead holds a record for longer than a lease |
//! | one server of a Cluster is gone | calls about its keys fail | the same; once a second, one claim about another server's may time out too |
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
//! Records alone:
//!
//! | option | default | range | unit | effect |
//! |---|---|---|---|---|
//! | [`call_timeout`](RedisRecordsBuilder::call_timeout) | as `connect_timeout` | 10 ms to 60 s | time | how long a call may take |
//! | [`look_every`](RedisRecordsBuilder::look_every) | 10 s | 100 ms to 1 day | time | how often a claim looks at the server as well |
//! | [`accept_eviction`](RedisRecordsBuilder::accept_eviction) | refused | | | uses a server that may evict |
//! | [`refuse_after_loss`](RedisRecordsBuilder::refuse_after_loss) | 0 | up to 1 day | time | how long claims are refused once data was lost |
//! | [`name`](RedisRecordsBuilder::name), [`observer`](RedisRecordsBuilder::observer) | `redis`, none | | | who hears of losses, restarts and eviction, under which name |
//!
//! # Features
//!
//! `idempotency` (on): [`RedisRecords`]. `rate-limit` (on): [`RedisStore`]. For TLS (`rediss://`) enable a TLS feature
//! of the crate `redis` in the program, such as `tokio-rustls-comp`.
//!
//! Needs Redis 5 or later, or Valkey; tested with Redis 7.0. The user needs, on the keys of the prefix, for both `EVAL`,
//! `EVALSHA`, `TIME`, `SET`, `DEL` and `PING`, and `INFO` for a Cluster to be recognized; for limits `GET`; for records
//! `HMGET`, `HSET`, `HDEL`, `EXISTS`, `PERSIST`, `PEXPIREAT` and `MGET`, `INFO` so that eviction is noticed, and `SCAN`
//! for [`count`](RedisRecords::count) and `clear`.
//!
//! # Sources
//!
//! [Redis: scripting with Lua](https://redis.io/docs/latest/develop/programmability/eval-intro/), also on scripts where
//! memory is used up; [key eviction](https://redis.io/docs/latest/develop/reference/eviction/);
//! [persistence](https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/);
//! [Redis Cluster specification](https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/), hash
//! tags and write safety; ITU-T I.371, the generic cell rate algorithm.

#[cfg(feature = "idempotency")]
mod idempotency;
#[cfg(any(feature = "idempotency", feature = "rate-limit"))]
mod line;
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
