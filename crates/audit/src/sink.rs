//! Hands records on.
