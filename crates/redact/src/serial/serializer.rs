use std::borrow::Cow;

use serde::{Serialize, Serializer};

use super::closed::Closed;
use super::compound::Compound;
use super::{Part, Place};
use crate::mask::Mask;
use crate::name::Treatment;

/// A serializer that hands on to another what may be seen.
pub(super) struct Redacting<'r, S> {
    pub(super) inner: S,
    pub(super) place: Place<'r>,
}

pub(super) fn written(mask: Mask<'_>) -> String {
    let mut out = Vec::new();
    mask.write(&mut out);
    String::from_utf8(out).unwrap_or_default()
}

impl<'r, S: Serializer> Redacting<'r, S> {
    fn text(self, text: &str) -> Result<S::Ok, S::Error> {
        match self.place.treatment.and_then(|of| of.of_text(text.as_bytes())) {
            Some(mask) => self.inner.serialize_str(&written(mask)),
            None => self.inner.serialize_str(&self.place.redactor.string(text)),
        }
    }

    /// The mask of a number, if it needs one.
    fn number(&self, digits: &str) -> Option<Mask<'static>> {
        let named = self.place.treatment.and_then(|of| of.of_number(digits.as_bytes()));
        named.or_else(|| self.place.redactor.rules.of_number(digits.as_bytes()))
    }

    /// What stands for a whole list or map, if it may not be seen.
    fn closing(&self) -> Option<Mask<'static>> {
        if self.place.treatment.is_some_and(Treatment::hides_containers) {
            return Some(Mask::Hidden);
        }
        (self.place.depth >= self.place.redactor.rules.max_depth).then_some(Mask::TOO_DEEP)
    }

    fn compound<C>(
        self,
        open: impl FnOnce(S) -> Result<C, S::Error>,
    ) -> Result<Compound<'r, S, C>, S::Error> {
        let place = self.place;
        match self.closing() {
            Some(mask) => Ok(Compound::Closed(Closed { inner: self.inner, mask })),
            None => Ok(Compound::Open { inner: open(self.inner)?, place: place.inside(), next: None }),
        }
    }
}

macro_rules! numbers {
    ($($method:ident: $type:ty,)*) => {
        $(fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            match self.number(&value.to_string()) {
                Some(mask) => self.inner.serialize_str(&written(mask)),
                None => self.inner.$method(value),
            }
        })*
    };
}

impl<'r, S: Serializer> Serializer for Redacting<'r, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Compound<'r, S, S::SerializeSeq>;
    type SerializeTuple = Compound<'r, S, S::SerializeTuple>;
    type SerializeTupleStruct = Compound<'r, S, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Compound<'r, S, S::SerializeTupleVariant>;
    type SerializeMap = Compound<'r, S, S::SerializeMap>;
    type SerializeStruct = Compound<'r, S, S::SerializeStruct>;
    type SerializeStructVariant = Compound<'r, S, S::SerializeStructVariant>;

    numbers! {
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
        serialize_f32: f32,
        serialize_f64: f64,
    }

    fn serialize_bool(self, value: bool) -> Result<S::Ok, S::Error> {
        self.inner.serialize_bool(value)
    }

    fn serialize_char(self, value: char) -> Result<S::Ok, S::Error> {
        match self.place.treatment {
            Some(_) => self.text(value.encode_utf8(&mut [0; 4])),
            None => self.inner.serialize_char(value),
        }
    }

    fn serialize_str(self, value: &str) -> Result<S::Ok, S::Error> {
        self.text(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<S::Ok, S::Error> {
        match self.place.treatment.and_then(|of| of.of_text(value)) {
            Some(mask) => self.inner.serialize_bytes(written(mask).as_bytes()),
            None => self.inner.serialize_bytes(&self.place.redactor.bytes(value)),
        }
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.serialize_some(&Part { value, place: self.place })
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_struct(name)
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        match self.place.treatment.and_then(|of| of.of_text(variant.as_bytes())) {
            Some(mask) => self.inner.serialize_str(&written(mask)),
            None => self.inner.serialize_unit_variant(name, index, variant),
        }
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_newtype_struct(name, &Part { value, place: self.place })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        if let Some(mask) = self.closing() {
            return self.inner.serialize_str(&written(mask));
        }
        let place = self.place.inside().named(variant);
        self.inner.serialize_newtype_variant(name, index, variant, &Part { value, place })
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.compound(|inner| inner.serialize_seq(len))
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.compound(|inner| inner.serialize_tuple(len))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.compound(|inner| inner.serialize_tuple_struct(name, len))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.compound(|inner| inner.serialize_tuple_variant(name, index, variant, len))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.compound(|inner| inner.serialize_map(len))
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        self.compound(|inner| inner.serialize_struct(name, len))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.compound(|inner| inner.serialize_struct_variant(name, index, variant, len))
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

impl crate::redactor::Redactor {
    /// A string of a structure: JSON if it holds an object or a list, otherwise text.
    fn string<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if text.trim_ascii_start().starts_with(['{', '[']) { self.json(text) } else { self.text(text) }
    }
}
