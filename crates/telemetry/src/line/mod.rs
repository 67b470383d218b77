//! One event, written as one line.

mod build;
mod digits;
mod escape;
mod event;
mod familiar;
mod known;
mod level;
mod names;
mod notation;
mod notice;
mod pen;
mod print;
mod room;
mod scratch;
mod slot;
mod span;
mod stamp;
mod tail;
mod uuid;
mod value;
mod visit;
mod whose;

pub(crate) use self::build::{Lines, Occurrence};
pub(crate) use self::event::EventFields;
pub(crate) use self::level::LevelName;
pub(crate) use self::notation::Notation;
pub(crate) use self::notice::Said;
pub(crate) use self::pen::When;
pub(crate) use self::room::Room;
pub(crate) use self::scratch::Scratch;
pub(crate) use self::slot::Slot;
pub(crate) use self::span::{Recorder, SpanFields};
pub(crate) use self::stamp::Stamp;
pub(crate) use self::tail::Service;

pub(crate) use self::visit::Visitor;

/// The longest line, in bytes, its end included. The limits below keep it.
pub(crate) const MAX_LINE: usize = 32 * 1024;
/// The longest text in a line, in bytes as they are written, without quotes.
pub(crate) const MAX_TEXT: usize = 8 * 1024;
/// The longest name, and the longest text that says whose line it is.
pub(crate) const MAX_SLOT: usize = 512;
/// How many fields an event and its spans may have together.
pub(crate) const MAX_FIELDS: usize = 256;
/// How long these may be together, in bytes: what a message, six IDs, a name and a logger leave.
pub(crate) const MAX_FIELD_BYTES: usize = 19 * 1024;
/// The longest text that is looked at at all; a mask stands for a longer one.
pub(crate) const MAX_PRINTED: usize = 256 * 1024;
/// The mask.
pub(crate) const TOO_LONG: &str = "***REDACTED:too_long***";

// What does not fit beside the fields: a message, two texts of the line's own, six IDs, the service, names and quotes.
const _: () = assert!(MAX_FIELD_BYTES + MAX_TEXT + 8 * MAX_SLOT + 1024 <= MAX_LINE);
