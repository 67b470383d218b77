//! What redaction promises, seen from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod command;
mod corpus;
mod cost;
mod documents;
mod hostile;
mod limits;
mod lines;
mod printed;
mod settings;

#[cfg(feature = "http")]
mod headers;
#[cfg(feature = "serde")]
mod serialised;
