//! Who did what to which resource, and what became of it.

mod event;
mod layer;
pub mod log;
mod record;
pub mod sink;
mod statistics;
pub mod verify;

pub use event::{Category, Event};
pub use record::{Durability, NotRecorded, Reason, Receipt, Recorder, Reservation};
