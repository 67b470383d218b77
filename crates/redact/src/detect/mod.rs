//! What decides whether a place is a secret: one file for each kind, all of them bounded by what they consume.

pub(crate) mod armour;
pub(crate) mod assignment;
pub(crate) mod at_sign;
pub(crate) mod azure;
mod bare;
pub(crate) mod card;
pub(crate) mod element;
pub(crate) mod entropy;
mod field;
pub(crate) mod iban;
pub(crate) mod jwt;
pub(crate) mod phone;
pub(crate) mod scheme;
pub(crate) mod ssn;
pub(crate) mod token;
pub(crate) mod userinfo;
mod value;
