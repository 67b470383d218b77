//! Keeps rate limits in Redis or Valkey, so that all processes of a service count together.

mod builder;
mod cluster;
mod link;
mod names;
mod script;
mod store;

pub use builder::RedisStoreBuilder;
pub use store::RedisStore;
