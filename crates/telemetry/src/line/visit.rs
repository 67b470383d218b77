use std::error::Error;
use std::fmt;

use tracing_core::Field;
use tracing_core::field::Visit;

use super::value::{Digits, Value};

/// Takes the fields of an event or of a span one by one.
pub(crate) trait Take {
    fn take(&mut self, name: &'static str, value: Value<'_>);
}

/// Hears fields as tracing tells them.
pub(crate) struct Visitor<T>(pub(crate) T);

impl<T: Take> Visitor<T> {
    fn hear(&mut self, field: &Field, value: Value<'_>) {
        let name = field.name();
        self.0.take(name.strip_prefix("r#").unwrap_or(name), value);
    }
}

impl<T: Take> Visit for Visitor<T> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.hear(field, Value::Text(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.hear(field, Value::Printed(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.hear(field, Value::Error(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.hear(field, Value::Bool(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.hear(field, Value::Float(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.hear(field, Value::Number(Digits::of(value, false, &mut [0; 40])));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.hear(field, Value::Number(Digits::of(value.unsigned_abs(), value < 0, &mut [0; 40])));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.hear(field, Value::Number(Digits::of_wide(value, &mut [0; 40])));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.hear(field, Value::Number(Digits::of_wide(value, &mut [0; 40])));
    }
}
