//! Counts for people who look.
