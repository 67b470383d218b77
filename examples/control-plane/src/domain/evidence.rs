//! The evidence pack of a package: what was known when it was submitted, in one form that hashes to one digest.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Sha256Digest;

/// A document that never changes, and its digest. Cloning is one reference count.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub(crate) struct Evidence {
    canonical: Arc<str>,
    sha256: Sha256Digest,
}

impl Evidence {
    /// Seals a document that holds only objects, arrays, strings, booleans and nulls.
    ///
    /// For those the canonical form is that of RFC 8785: no space, and the names of every object in order. Numbers
    /// are written as strings in evidence, because two programs may print one number in two ways.
    pub(crate) fn seal(document: &Value) -> Self {
        let mut canonical = String::with_capacity(1024);
        write_canonical(document, &mut canonical);
        canonical.into()
    }

    /// The bytes that were hashed.
    pub(crate) fn canonical(&self) -> &str {
        &self.canonical
    }

    pub(crate) fn sha256(&self) -> Sha256Digest {
        self.sha256
    }
}

/// Takes what was sealed before.
impl From<String> for Evidence {
    fn from(canonical: String) -> Self {
        let sha256 = Sha256Digest::of(canonical.as_bytes());
        Self { canonical: canonical.into(), sha256 }
    }
}

impl From<Evidence> for String {
    fn from(evidence: Evidence) -> Self {
        evidence.canonical().to_owned()
    }
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            // Whether serde_json keeps names in order depends on a feature that any crate may turn on.
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            write_list('{', '}', out, members, |(name, value), out| {
                write_scalar(&Value::from(name.as_str()), out);
                out.push(':');
                write_canonical(value, out);
            });
        }
        Value::Array(items) => write_list('[', ']', out, items, write_canonical),
        scalar => write_scalar(scalar, out),
    }
}

fn write_list<T>(
    open: char,
    close: char,
    out: &mut String,
    items: impl IntoIterator<Item = T>,
    write: impl Fn(T, &mut String),
) {
    out.push(open);
    for (n, item) in items.into_iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(close);
}

fn write_scalar(value: &Value, out: &mut String) {
    out.push_str(&value.to_string());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_canonical_form_depends_on_content_alone() {
        let one = Evidence::seal(&json!({ "b": ["x", true, null], "a": { "d": "1.0000", "c": "\"\n" } }));
        let other = Evidence::seal(&json!({ "a": { "c": "\"\n", "d": "1.0000" }, "b": ["x", true, null] }));
        assert_eq!(one.canonical(), r#"{"a":{"c":"\"\n","d":"1.0000"},"b":["x",true,null]}"#);
        assert_eq!(one.sha256(), other.sha256());
        assert_eq!(one.sha256(), Sha256Digest::of(one.canonical().as_bytes()));
    }

    #[test]
    fn any_change_gives_another_digest() {
        let digest = |document: Value| Evidence::seal(&document).sha256();
        assert_ne!(digest(json!({ "a": "1" })), digest(json!({ "a": "2" })));
        assert_ne!(digest(json!({ "a": ["1", "2"] })), digest(json!({ "a": ["2", "1"] })));
    }
}
