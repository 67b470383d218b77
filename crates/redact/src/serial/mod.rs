//! Serialising redacted: a serializer around another, which sees every name and every value on the way.

mod closed;
mod compound;
mod name;
mod serializer;

use serde::{Serialize, Serializer};

use self::serializer::Redacting;
use crate::name::Treatment;
use crate::redacted::Redacted;
use crate::redactor::Redactor;

impl<T: Serialize> Serialize for Redacted<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Part { value: self.get_ref(), place: Place::outside(self.redactor()) }.serialize(serializer)
    }
}

/// Where a value stands: how deep, and under which name.
#[derive(Clone, Copy)]
struct Place<'r> {
    redactor: &'r Redactor,
    treatment: Option<Treatment>,
    depth: usize,
}

impl<'r> Place<'r> {
    fn outside(redactor: &'r Redactor) -> Self {
        Self { redactor, treatment: None, depth: 0 }
    }

    /// A place inside a list or map here.
    fn inside(self) -> Self {
        Self { treatment: None, depth: self.depth + 1, ..self }
    }

    fn under(self, treatment: Option<Treatment>) -> Self {
        Self { treatment, ..self }
    }

    fn named(self, name: &str) -> Self {
        self.under(self.redactor.rules.told_by(name.as_bytes(), crate::name::Names::of))
    }
}

/// A value in its place.
struct Part<'r, T> {
    value: T,
    place: Place<'r>,
}

impl<T: Serialize> Serialize for Part<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Redacting { inner: serializer, place: self.place })
    }
}
