//! What redaction promises, seen from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod corpus;
mod documents;
mod hostile;
