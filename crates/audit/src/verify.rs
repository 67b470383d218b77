//! Checks a log.
