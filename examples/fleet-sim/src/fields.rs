//! Reads a JSON object field by field and remembers everything that is wrong with it.

use std::fmt;
use std::ops::RangeInclusive;

use serde::Serialize;
use serde_json::{Map, Value};

/// What is wrong with the fields of a fault or of the fleet settings: every problem, not only the first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InvalidFields {
    problems: Vec<Problem>,
}

/// One field that cannot be taken as it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// The field's name.
    pub field: String,
    /// The value that was given.
    pub value: Value,
    /// What would have been taken instead, with its unit.
    pub allowed: String,
}

impl InvalidFields {
    /// The problems, in the order in which the fields are documented; unknown fields come last.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for InvalidFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, Problem { field, value, allowed }) in self.problems.iter().enumerate() {
            let gap = if n == 0 { "" } else { "; " };
            write!(f, "{gap}{field} is {value}, allowed is {allowed}")?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidFields {}

/// The fields not read yet, and the problems found so far.
pub(crate) struct Fields {
    unread: Map<String, Value>,
    known: Vec<&'static str>,
    problems: Vec<Problem>,
}

impl Fields {
    pub(crate) fn of(value: Value) -> Result<Self, InvalidFields> {
        match value {
            Value::Object(unread) => Ok(Self { unread, known: Vec::new(), problems: Vec::new() }),
            value => {
                let (field, allowed) = ("the whole body".into(), "a JSON object".into());
                Err(InvalidFields { problems: vec![Problem { field, value, allowed }] })
            }
        }
    }

    /// Takes one field; `null` counts as left out, and a value that `read` does not understand is a problem.
    pub(crate) fn take<T>(
        &mut self,
        name: &'static str,
        allowed: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        self.known.push(name);
        let value = self.unread.remove(name).filter(|value| !value.is_null())?;
        let taken = read(&value);
        if taken.is_none() {
            self.problems.push(Problem { field: name.into(), value, allowed: allowed.into() });
        }
        taken
    }

    pub(crate) fn number<N: TryFrom<u64>>(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
        unit: &str,
    ) -> Option<N> {
        let allowed = format!("{} to {}{unit}", range.start(), range.end());
        self.take(name, &allowed, |value| number_in(value, range)?.try_into().ok())
    }

    pub(crate) fn flag(&mut self, name: &'static str) -> bool {
        self.take(name, "true or false", Value::as_bool).unwrap_or_default()
    }

    /// Refuses when anything was wrong or a field is left that nobody asked for.
    pub(crate) fn finish(mut self) -> Result<(), InvalidFields> {
        let allowed = format!("one of {}", self.known.join(", "));
        let strangers =
            self.unread.into_iter().map(|(field, value)| Problem { field, value, allowed: allowed.clone() });
        self.problems.extend(strangers);
        if self.problems.is_empty() { Ok(()) } else { Err(InvalidFields { problems: self.problems }) }
    }
}

pub(crate) fn number_in(value: &Value, range: RangeInclusive<u64>) -> Option<u64> {
    value.as_u64().filter(|number| range.contains(number))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_problem_is_listed_with_its_value_and_what_is_allowed() {
        let mut fields = Fields::of(json!({ "a": 11, "b": "yes", "c": 1, "d": null })).unwrap();
        assert_eq!(fields.number::<u8>("a", 0..=10, " ms"), None);
        assert!(!fields.flag("b"));
        assert_eq!(fields.number::<u8>("d", 0..=10, ""), None);
        let wrong = fields.finish().unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "a is 11, allowed is 0 to 10 ms; b is \"yes\", allowed is true or false; \
             c is 1, allowed is one of a, b, d"
        );
    }

    #[test]
    fn a_body_that_is_no_object_is_one_problem() {
        let wrong = Fields::of(json!([1])).err().unwrap();
        assert_eq!(wrong.problems().len(), 1);
        assert_eq!(wrong.problems()[0].allowed, "a JSON object");
    }
}
