//! What the key of a map is as text. Keys are strings nearly always, but serde lets them be anything.

use std::fmt;

use serde::ser::{Error, Impossible};
use serde::{Serialize, Serializer};

/// The key of a map.
pub(super) enum Name {
    Text(String),
    /// A number, which says nothing but may be a secret itself.
    Number(String),
    /// A truth value or nothing, which says nothing.
    Harmless,
    /// Something that is no name at all.
    Unknown,
}

pub(super) fn name_of<T: Serialize + ?Sized>(key: &T) -> Name {
    key.serialize(NameOf).unwrap_or(Name::Unknown)
}

struct NameOf;

/// The key is no name.
#[derive(Debug)]
struct NoName;

impl fmt::Display for NoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key of a map is no name")
    }
}

impl std::error::Error for NoName {}

impl Error for NoName {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

macro_rules! numbers {
    ($($method:ident: $type:ty,)*) => {
        $(fn $method(self, value: $type) -> Result<Name, NoName> {
            Ok(Name::Number(value.to_string()))
        })*
    };
}

type No = Impossible<Name, NoName>;

impl Serializer for NameOf {
    type Ok = Name;
    type Error = NoName;
    type SerializeSeq = No;
    type SerializeTuple = No;
    type SerializeTupleStruct = No;
    type SerializeTupleVariant = No;
    type SerializeMap = No;
    type SerializeStruct = No;
    type SerializeStructVariant = No;

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

    fn serialize_bool(self, _: bool) -> Result<Name, NoName> {
        Ok(Name::Harmless)
    }

    fn serialize_char(self, value: char) -> Result<Name, NoName> {
        Ok(Name::Text(value.to_string()))
    }

    fn serialize_str(self, value: &str) -> Result<Name, NoName> {
        Ok(Name::Text(value.to_owned()))
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Name, NoName> {
        Err(NoName)
    }

    fn serialize_none(self) -> Result<Name, NoName> {
        Ok(Name::Harmless)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Name, NoName> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Name, NoName> {
        Ok(Name::Harmless)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Name, NoName> {
        Ok(Name::Harmless)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Name, NoName> {
        Ok(Name::Text(variant.to_owned()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Name, NoName> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Name, NoName> {
        Err(NoName)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<No, NoName> {
        Err(NoName)
    }

    fn serialize_tuple(self, _: usize) -> Result<No, NoName> {
        Err(NoName)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<No, NoName> {
        Err(NoName)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<No, NoName> {
        Err(NoName)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<No, NoName> {
        Err(NoName)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<No, NoName> {
        Err(NoName)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<No, NoName> {
        Err(NoName)
    }
}
