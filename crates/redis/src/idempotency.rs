//! Records of idempotent operations that all processes of a service share.

mod builder;
mod failure;
mod health;
mod names;
mod reply;
mod scripts;
mod store;
mod survey;
mod walk;
mod watch;

pub use builder::RedisRecordsBuilder;
pub use health::{Eviction, Health};
pub use store::RedisRecords;
