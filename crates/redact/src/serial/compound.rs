use std::borrow::Cow;

use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use serde::{Serialize, Serializer};

use super::closed::Closed;
use super::name::{Name, name_of};
use super::{Part, Place};
use crate::name::Treatment;

/// A list or map under way.
pub(super) enum Compound<'r, S, C> {
    /// Its parts are handed on, each in its place.
    Open {
        inner: C,
        place: Place<'r>,
        /// What the last name of a map says about the value that comes.
        next: Option<Treatment>,
    },
    /// Its parts are dropped.
    Closed(Closed<S>),
}

/// The methods of one kind of list: parts without names.
macro_rules! list {
    ($trait:ident, $method:ident) => {
        impl<S: Serializer, C: $trait<Ok = S::Ok, Error = S::Error>> $trait for Compound<'_, S, C> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                match self {
                    Self::Open { inner, place, .. } => inner.$method(&Part { value, place: *place }),
                    Self::Closed(_) => Ok(()),
                }
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                match self {
                    Self::Open { inner, .. } => inner.end(),
                    Self::Closed(closed) => closed.end(),
                }
            }
        }
    };
}

list!(SerializeSeq, serialize_element);
list!(SerializeTuple, serialize_element);
list!(SerializeTupleStruct, serialize_field);
list!(SerializeTupleVariant, serialize_field);

/// The methods of one kind of structure: parts with names that are known when the program is built.
macro_rules! structure {
    ($trait:ident) => {
        impl<S: Serializer, C: $trait<Ok = S::Ok, Error = S::Error>> $trait for Compound<'_, S, C> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), S::Error> {
                match self {
                    Self::Open { inner, place, .. } => {
                        inner.serialize_field(name, &Part { value, place: place.named(name) })
                    }
                    Self::Closed(_) => Ok(()),
                }
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), S::Error> {
                match self {
                    Self::Open { inner, .. } => inner.skip_field(name),
                    Self::Closed(_) => Ok(()),
                }
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                match self {
                    Self::Open { inner, .. } => inner.end(),
                    Self::Closed(closed) => closed.end(),
                }
            }
        }
    };
}

structure!(SerializeStruct);
structure!(SerializeStructVariant);

impl<S: Serializer, C: SerializeMap<Ok = S::Ok, Error = S::Error>> SerializeMap for Compound<'_, S, C> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        let Self::Open { inner, place, next } = self else { return Ok(()) };
        match name_of(key) {
            Name::Text(name) => {
                *next = place.named(&name).treatment;
                inner.serialize_key(&*place.redactor.text(&name))
            }
            Name::Number(digits) => {
                *next = None;
                match place.redactor.text(&digits) {
                    Cow::Borrowed(_) => inner.serialize_key(key),
                    Cow::Owned(masked) => inner.serialize_key(&masked),
                }
            }
            Name::Harmless => {
                *next = None;
                inner.serialize_key(key)
            }
            Name::Unknown => {
                // What cannot be read cannot be judged: neither the name nor what it says of the value.
                *next = Some(Treatment::Hide);
                inner.serialize_key(crate::mask::HIDDEN)
            }
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        match self {
            Self::Open { inner, place, next } => {
                inner.serialize_value(&Part { value, place: place.under(next.take()) })
            }
            Self::Closed(_) => Ok(()),
        }
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        match self {
            Self::Open { inner, .. } => inner.end(),
            Self::Closed(closed) => closed.end(),
        }
    }
}
