//! The log: segment files of chained JSON lines.
