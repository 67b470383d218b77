//! Reads a JSON object field by field, and remembers everything that is wrong with it.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Query, Request};
use axum::http::{StatusCode, Uri};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::domain::Word;
use crate::problem::ApiProblem;

/// How much of a wrong value is shown to its sender again, in characters.
const SHOWN_CHARS: usize = 100;

/// The fields of a request body that nobody has read yet.
#[derive(Debug)]
pub(crate) struct Input {
    /// Names of objects around this one, such as `risk_factors.`.
    path: String,
    unread: Map<String, Value>,
    known: Vec<&'static str>,
    problems: Vec<FieldProblem>,
}

/// One field that cannot be taken as it is.
#[derive(Debug, Serialize)]
struct FieldProblem {
    field: String,
    value: Value,
    allowed: String,
}

impl Input {
    fn new(path: String, unread: Map<String, Value>) -> Self {
        Self { path, unread, known: Vec::new(), problems: Vec::new() }
    }

    /// The parameters of a query, each of them a text and there once.
    pub(crate) fn from_query(uri: &Uri) -> Result<Self, ApiProblem> {
        let Ok(Query(parameters)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
            return Err(ApiProblem::new(
                StatusCode::BAD_REQUEST,
                "invalid_query",
                "the query cannot be read",
            ));
        };
        let mut input = Self::new(String::new(), Map::new());
        for (name, value) in parameters {
            let value = Value::from(value);
            if input.unread.contains_key(&name) {
                input.refuse(&name, &value, "given once");
            } else {
                input.unread.insert(name, value);
            }
        }
        Ok(input)
    }

    /// Takes a field that must be there; one that is missing reads as `null`.
    pub(crate) fn required<T>(
        &mut self,
        field: &'static str,
        allowed: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(field);
        let taken = read(&value);
        if taken.is_none() {
            self.refuse(field, &value, allowed);
        }
        taken
    }

    /// Takes a field that has a default for when it is missing.
    pub(crate) fn optional<T>(
        &mut self,
        field: &'static str,
        default: T,
        allowed: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        match self.take(field) {
            Value::Null => Some(default),
            value => {
                let taken = read(&value);
                if taken.is_none() {
                    self.refuse(field, &value, allowed);
                }
                taken
            }
        }
    }

    /// Takes a field as it is, if it is there.
    pub(crate) fn given(&mut self, field: &'static str) -> Option<Value> {
        Some(self.take(field)).filter(|value| !value.is_null())
    }

    /// Takes a field whose value is one of a few words.
    pub(crate) fn word<W: Word>(&mut self, field: &'static str) -> Option<W> {
        self.required(field, &W::allowed(), |value| W::from_word(value.as_str()?))
    }

    /// Takes a text for people.
    pub(crate) fn text(&mut self, field: &'static str) -> Option<String> {
        self.required(field, TEXT, text)
    }

    /// Takes a list of texts for people.
    pub(crate) fn texts(&mut self, field: &'static str, least: usize) -> Option<Vec<String>> {
        let allowed = format!("a list of {least} to {MOST_TEXTS} texts, each {TEXT}");
        self.required(field, &allowed, |value| {
            let texts = value.as_array().filter(|texts| (least..=MOST_TEXTS).contains(&texts.len()))?;
            texts.iter().map(text).collect()
        })
    }

    /// Reads the fields of an object inside this one.
    pub(crate) fn within<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let Value::Object(unread) = self.take(field) else {
            self.refuse(field, &Value::Null, "an object");
            return None;
        };
        let mut inner = Self::new(format!("{}{field}.", self.path), unread);
        let taken = read(&mut inner);
        inner.refuse_strangers();
        self.problems.append(&mut inner.problems);
        taken
    }

    /// Makes something of the fields, unless anything was wrong or a field is left that nobody asked for.
    pub(crate) fn finish<T>(mut self, make: impl FnOnce() -> Option<T>) -> Result<T, ApiProblem> {
        self.refuse_strangers();
        if self.problems.is_empty()
            && let Some(made) = make()
        {
            return Ok(made);
        }
        Err(invalid(&self.problems))
    }

    fn take(&mut self, field: &'static str) -> Value {
        self.known.push(field);
        self.unread.remove(field).unwrap_or_default()
    }

    /// Notes that a field cannot have this value.
    pub(crate) fn refuse(&mut self, field: &str, value: &Value, allowed: &str) {
        let field = shorten(&format!("{}{field}", self.path));
        self.problems.push(FieldProblem { field, value: shown(value), allowed: allowed.to_owned() });
    }

    fn refuse_strangers(&mut self) {
        let allowed = format!("no such field; there are {}", self.known.join(", "));
        for (field, value) in std::mem::take(&mut self.unread) {
            self.refuse(&field, &value, &allowed);
        }
    }
}

const TEXT: &str = "1 to 500 characters, none of them a control character";
const MOST_TEXTS: usize = 20;

fn text(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let fits = (1..=500).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

fn invalid(problems: &[FieldProblem]) -> ApiProblem {
    let detail = "some fields cannot be taken as they are; `problems` lists each with what is allowed";
    ApiProblem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_fields", detail)
        .with("problems", json!(problems))
}

/// A value as it may be shown again, however large it was.
fn shown(value: &Value) -> Value {
    match value {
        Value::String(text) => shorten(text).into(),
        Value::Array(items) => format!("a list of {}", items.len()).into(),
        Value::Object(_) => "an object".into(),
        scalar => scalar.clone(),
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

impl<S: Send + Sync> FromRequest<S> for Input {
    type Rejection = ApiProblem;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiProblem> {
        let Json(body) = Json::<Value>::from_request(request, state).await.map_err(|why| unreadable(&why))?;
        match body {
            Value::Object(unread) => Ok(Self::new(String::new(), unread)),
            other => {
                let (field, allowed) = ("the whole body".to_owned(), "an object".to_owned());
                Err(invalid(&[FieldProblem { field, value: shown(&other), allowed }]))
            }
        }
    }
}

fn unreadable(why: &JsonRejection) -> ApiProblem {
    let (code, detail) = match why.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ("body_too_large", "the body is larger than 64 KiB"),
        // Only programs can send this type from a browser, not forms of other sites.
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("not_json", "the body needs `content-type: application/json`"),
        _ => ("not_json", "the body is not JSON"),
    };
    ApiProblem::new(why.status(), code, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Ring;

    fn input(body: Value) -> Input {
        let Value::Object(unread) = body else { panic!("an object") };
        Input::new(String::new(), unread)
    }

    #[test]
    fn every_problem_is_listed_with_its_field_value_and_what_is_allowed() {
        let mut input = input(json!({ "ring": "moon", "inner": { "n": "x", "odd": [1, 2] }, "stranger": 1 }));
        assert_eq!(input.word::<Ring>("ring"), None);
        assert_eq!(input.text("by"), None);
        assert_eq!(input.within("inner", |inner| inner.required("n", "a number", Value::as_u64)), None);
        let refused = json!(input.finish(|| Some(())).expect_err("much is wrong"));
        let problems: Vec<_> =
            refused["problems"].as_array().expect("a list").iter().map(Value::to_string).collect();
        assert_eq!(
            problems,
            [
                r#"{"allowed":"one of canary, pilot, department, global","field":"ring","value":"moon"}"#,
                r#"{"allowed":"1 to 500 characters, none of them a control character","field":"by","value":null}"#,
                r#"{"allowed":"a number","field":"inner.n","value":"x"}"#,
                r#"{"allowed":"no such field; there are n","field":"inner.odd","value":"a list of 2"}"#,
                r#"{"allowed":"no such field; there are ring, by, inner","field":"stranger","value":1}"#,
            ]
        );
    }

    #[test]
    fn a_parameter_that_is_there_twice_is_refused_since_only_one_of_the_two_would_count() {
        let uri = Uri::from_static("/api/v1/audit?outcome=success&limit=1&outcome=denied");
        let mut input = Input::from_query(&uri).expect("it can be read");
        let of = |value: &Value| value.as_str().map(str::to_owned);
        assert_eq!(input.required("outcome", "any", of).as_deref(), Some("success"));
        assert_eq!(input.required("limit", "any", of).as_deref(), Some("1"));
        let refused = json!(input.finish(|| Some(())).expect_err("one too many"));
        let problem = json!({ "field": "outcome", "value": "denied", "allowed": "given once" });
        assert_eq!(refused["problems"], json!([problem]));
    }

    #[test]
    fn a_large_value_is_not_sent_back_whole() {
        let mut input = input(json!({ "by": "é".repeat(501) }));
        assert_eq!(input.text("by"), None);
        let refused = json!(input.finish(|| Some(())).expect_err("too long"));
        assert_eq!(refused["problems"][0]["value"], format!("{}...", "é".repeat(100)));
    }

    #[test]
    fn a_missing_field_takes_its_default_and_a_wrong_one_does_not() {
        let mut input = input(json!({ "flag": "yes" }));
        assert_eq!(input.optional("other", true, "true or false", Value::as_bool), Some(true));
        assert_eq!(input.optional("flag", true, "true or false", Value::as_bool), None);
        assert!(input.finish(|| Some(())).is_err());
    }
}
