//! Limits how much runs at once, and refuses instead of queueing.
