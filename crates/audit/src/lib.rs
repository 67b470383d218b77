//! Who did what to which resource, and what became of it.

mod event;
mod layer;
pub mod log;
mod memory;
mod record;
pub mod sink;
mod statistics;
pub mod verify;

pub use event::{
    Action, Category, Changes, Class, ConnectorOutcome, Event, EventBuilder, InvalidAction, Outcome,
    Resource, Service, Severity, Stage, ocsf,
};
pub use layer::{
    AuditBody, AuditBuilder, AuditHandle, AuditLayer, AuditService, Bodies, Heads, Level, Panicked, ResponseFuture,
    Rule, Tap, Unrecorded,
};
pub use memory::{MemoryRecorder, MemoryReservation};
pub use record::{Durability, NotRecorded, Reason, Receipt, Recorder, Reservation};
pub use statistics::{
    Counted, CountedRecording, CountedReservation, CountedReserving, Statistics, StatisticsSnapshot, Tally,
};
