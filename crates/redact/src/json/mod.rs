//! JSON text, walked once without building anything.

#[cfg(test)]
pub(crate) mod documents;
mod escape;
#[cfg(test)]
pub(crate) mod naive;
mod number;
mod reader;
mod stack;
mod walk;

pub(crate) use self::escape::{escape, unescape};
pub(crate) use self::stack::MOST as MOST_DEPTH;

use crate::doubt::Doubts;
use crate::rules::Rules;
use crate::sink::Sink;

/// The input is no JSON, or ends too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotJson;

/// Walks over one JSON text, which may stand as a string in so many others.
pub(crate) fn redact(
    rules: &Rules,
    text: &[u8],
    nested: u8,
    doubts: Doubts<'_>,
    sink: &mut Sink<'_>,
) -> Result<(), NotJson> {
    walk::Walk::new(rules, text, nested, doubts, sink).document()
}
