use std::error::Error as StdError;
use std::fmt;

use serde_json::error::Category;

/// Why a body is not the JSON that was asked for: where, and what was expected there.
///
/// Never what stood there: [`serde_json::Error`] quotes it, and a body may hold anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    what: String,
    category: Category,
    line: usize,
    column: usize,
}

impl DecodeError {
    pub(super) fn new(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let text = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
        let what = match error.classify() {
            Category::Data => without_content(text),
            // The texts of all others are fixed.
            Category::Io | Category::Syntax | Category::Eof => text.to_owned(),
        };
        Self { what, category: error.classify(), line, column }
    }

    /// Whether it is no JSON at all, ends too early, or does not fit the type.
    pub fn category(&self) -> Category {
        self.category
    }

    /// The line, from 1; 0 if the place is not known.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column, from 1; 0 if the place is not known.
    pub fn column(&self) -> usize {
        self.column
    }
}

/// Leaves of what a type said about a value that does not fit it only the type's own words.
fn without_content(text: &str) -> String {
    const OF_THE_TYPE: [&str; 2] = ["missing field `", "duplicate field `"];
    const WITH_CONTENT: [&str; 5] =
        ["invalid type", "invalid value", "invalid length", "unknown variant", "unknown field"];
    if OF_THE_TYPE.iter().any(|start| text.starts_with(start)) {
        return text.to_owned();
    }
    let Some(kind) = WITH_CONTENT.iter().find(|start| text.starts_with(*start)) else {
        return "a value was refused by its type".to_owned();
    };
    match text.rsplit_once(", expected ") {
        Some((_content, expected)) => format!("{kind}, expected {expected}"),
        None => (*kind).to_owned(),
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if self.line > 0 { write!(f, " at line {} column {}", self.line, self.column) } else { Ok(()) }
    }
}

impl StdError for DecodeError {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde::de::DeserializeOwned;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Device {
        #[expect(dead_code, reason = "only decoded")]
        id: u32,
    }

    #[derive(Debug, Deserialize)]
    enum State {
        On,
        Off,
    }

    #[derive(Debug)]
    struct Picky;

    impl<'de> Deserialize<'de> for Picky {
        fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
            let text = String::deserialize(source)?;
            Err(serde::de::Error::custom(format!("cannot use {text}")))
        }
    }

    fn said<T: DeserializeOwned + fmt::Debug>(json: &str) -> String {
        DecodeError::new(&serde_json::from_str::<T>(json).expect_err("it does not fit")).to_string()
    }

    #[test]
    fn what_stood_in_the_body_is_never_quoted() {
        for (said, expected) in [
            (said::<Device>(r#"{"id":"hunter2"}"#), "invalid type, expected u32 at line 1 column 15"),
            (said::<Device>(r#"{"id":-2}"#), "invalid value, expected u32 at line 1 column 8"),
            (said::<Device>(r#"{"hunter2":1}"#), "unknown field, expected `id` at line 1 column 10"),
            (said::<Device>("{}"), "missing field `id` at line 1 column 2"),
            (said::<Device>(r#"{"id":1,"id":2}"#), "duplicate field `id` at line 1 column 12"),
            (said::<State>(r#""hunter2""#), "unknown variant, expected `On` or `Off` at line 1 column 9"),
            (said::<u32>(r#""a, expected hunter2""#), "invalid type, expected u32 at line 1 column 21"),
            (said::<[u8; 2]>("[1]"), "invalid length, expected an array of length 2 at line 1 column 3"),
            (said::<Picky>(r#""hunter2""#), "a value was refused by its type"),
            (
                said::<BTreeMap<u32, u32>>(r#"{"hunter2":1}"#),
                "invalid value: expected key to be a number in quotes at line 1 column 2",
            ),
            (said::<u32>("hunter2"), "expected value at line 1 column 1"),
            (said::<u32>(""), "EOF while parsing a value at line 1 column 0"),
            (said::<u32>("1 hunter2"), "trailing characters at line 1 column 3"),
        ] {
            assert_eq!(said, expected);
            assert!(!said.contains("hunter2"));
        }
    }

    #[test]
    fn the_place_and_the_category_are_told() {
        let error = serde_json::from_str::<Device>("\n {").expect_err("it ends too early");
        let error = DecodeError::new(&error);
        assert_eq!((error.category(), error.line(), error.column()), (Category::Eof, 2, 2));
    }
}
