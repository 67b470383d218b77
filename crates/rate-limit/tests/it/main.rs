//! What rate limits promise, seen from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod answers;
mod decision_cost;
mod exempt;
mod gcra;
mod hash;
mod layer;
mod layer_contract;
mod layer_cost;
mod layer_keys;
mod layer_settings;
mod limiter;
mod look;
mod modes;
mod no_peer;
mod overrides;
mod policies;
mod quota;
mod router;
mod settle;
mod table;
mod throttle;
mod together;
mod waiting;
mod web;
