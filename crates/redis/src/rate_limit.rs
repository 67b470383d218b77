//! Rate limits that all processes of a service count together.

mod builder;
mod cluster;
mod decide;
mod names;
mod store;

pub use builder::RedisStoreBuilder;
pub use store::RedisStore;
