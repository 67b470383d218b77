use std::error::Error;
use std::fmt;

use tracing_core::Field;
use tracing_core::field::Visit;

use super::value::{Value, Wide};

/// Takes the fields of an event or of a span one by one.
pub(crate) trait Take {
    fn take(&mut self, name: &'static str, value: impl Value);
}

/// Hears fields as tracing tells them.
pub(crate) struct Visitor<T>(pub(crate) T);

impl<T: Take> Visit for Visitor<T> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.take(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.take(field.name(), value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.0.take(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.take(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.take(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.take(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.take(field.name(), value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.0.take(field.name(), Wide(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.0.take(field.name(), Wide(value));
    }
}
