//! Limits that several processes share: leases, memory, and a stand-in around a [`Store`](crate::Store).

mod book;
mod builder;
mod core;
mod decision;
mod demand;
mod errands;
mod flights;
mod gone;
mod keeper;
mod lease;
mod outage;
mod paid;
mod spot;
mod stats;
mod terms;
mod tier;

pub use builder::{Leases, SharedTierBuilder};
pub use gone::WhenGone;
pub use stats::SharedStats;
pub use tier::SharedTier;
