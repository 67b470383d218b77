//! What rate limits promise, seen from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod answers;
mod exempt;
mod layer;
mod layer_contract;
mod layer_cost;
mod layer_keys;
mod layer_settings;
mod modes;
mod overrides;
mod policies;
mod router;
mod settle;
mod throttle;
mod waiting;
mod web;
