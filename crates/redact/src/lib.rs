//! Finds secrets in text, JSON, URLs and headers and puts a mask in their place.

mod builder;
mod class;
mod detect;
mod detector;
mod effort;
mod header;
mod json;
#[cfg(test)]
mod linear;
mod lines;
mod mask;
mod name;
mod pass;
mod redacted;
mod redactor;
mod report;
mod rules;
mod scan;
mod sink;
mod url;

pub use buttress_core::ConfigError;

pub use self::builder::RedactorBuilder;
pub use self::detector::Detector;
pub use self::lines::Lines;
pub use self::redacted::Redacted;
pub use self::redactor::Redactor;
pub use self::report::{Form, Report};
