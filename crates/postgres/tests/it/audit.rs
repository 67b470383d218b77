//! The sink of audit records.

mod chain;
mod feeding;
mod log;
mod outages;
mod refusals;
