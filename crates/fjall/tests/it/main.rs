//! The store against a real disk, in folders of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod bounds;
mod child;
mod damage;
mod expiry;
mod faults;
mod folder;
mod kill;
mod laws;
mod restart;
mod sample;
