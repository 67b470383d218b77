use std::collections::BTreeSet;

use buttress_redact::Redactor;
use serde::Serialize;
use serde_json::Value;

use super::json;

/// How many changes a record shows.
const MAX_COUNT: usize = 100;
/// How much of them, in bytes of JSON.
const MAX_BYTES: usize = 16 * 1024;
/// How deep two values are compared member by member.
const MAX_DEPTH: usize = 32;
/// Stands for values that were too large.
const TOO_LARGE: &str = "***TRUNCATED***";

/// What was changed: where, from what, and to what.
///
/// ```
/// use buttress_audit::Changes;
///
/// #[derive(serde::Serialize)]
/// struct Booking { status: &'static str, nights: u8 }
///
/// let before = Booking { status: "asked", nights: 2 };
/// let after = Booking { status: "confirmed", nights: 2 };
/// let changes = Changes::between(&before, &after);
/// assert_eq!(changes.paths().collect::<Vec<_>>(), ["/status"]);
/// ```
///
/// At most 100 are kept, and 16 KiB of them; the record counts what is left out. A value under the name of a secret is
/// hidden, as everywhere in a record.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    list: Vec<Change>,
    bytes: usize,
    left_out: u32,
}

#[derive(Clone, Debug)]
struct Change {
    /// A JSON pointer (RFC 6901).
    path: String,
    from: Value,
    to: Value,
}

impl Changes {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// What differs between two values, as they serialise. Lists of different lengths are one change.
    ///
    /// A value that cannot be serialised counts as null.
    pub fn between(before: impl Serialize, after: impl Serialize) -> Self {
        let read = |value: Result<Value, serde_json::Error>| value.unwrap_or(Value::Null);
        let mut changes = Self::new();
        let (before, after) = (read(serde_json::to_value(before)), read(serde_json::to_value(after)));
        changes.compare(&mut String::new(), before, after, 0);
        changes
    }

    /// With one more, at a JSON pointer (RFC 6901) such as `/status`.
    #[must_use]
    pub fn with(mut self, path: impl Into<String>, from: impl Serialize, to: impl Serialize) -> Self {
        let read = |value: Result<Value, serde_json::Error>| value.unwrap_or(Value::Null);
        self.add(path.into(), read(serde_json::to_value(from)), read(serde_json::to_value(to)));
        self
    }

    /// Where something was changed.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|change| &*change.path)
    }

    /// Whether nothing was.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.left_out == 0
    }

    pub(super) fn left_out(&self) -> u32 {
        self.left_out
    }

    fn compare(&mut self, path: &mut String, before: Value, after: Value, depth: usize) {
        match (before, after) {
            (before, after) if before == after => {}
            (Value::Object(mut before), Value::Object(mut after)) if depth < MAX_DEPTH => {
                let names: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
                for name in names {
                    let sides = (before.remove(&name), after.remove(&name));
                    self.step(path, &name, sides, depth);
                }
            }
            (Value::Array(before), Value::Array(after))
                if before.len() == after.len() && depth < MAX_DEPTH =>
            {
                for (place, (before, after)) in before.into_iter().zip(after).enumerate() {
                    self.step(path, &place.to_string(), (Some(before), Some(after)), depth);
                }
            }
            (before, after) => self.add(path.clone(), before, after),
        }
    }

    fn step(&mut self, path: &mut String, name: &str, sides: (Option<Value>, Option<Value>), depth: usize) {
        let length = path.len();
        path.push('/');
        path.push_str(&name.replace('~', "~0").replace('/', "~1"));
        self.compare(path, sides.0.unwrap_or_default(), sides.1.unwrap_or_default(), depth + 1);
        path.truncate(length);
    }

    fn add(&mut self, path: String, from: Value, to: Value) {
        let stand_in = || Value::from(TOO_LARGE);
        let change = Change { path, from, to };
        let bytes = change.bytes();
        if self.list.len() < MAX_COUNT && self.bytes + bytes <= MAX_BYTES {
            self.bytes += bytes;
            self.list.push(change);
            return;
        }
        self.left_out += 1;
        let change = Change { from: stand_in(), to: stand_in(), ..change };
        let bytes = change.bytes();
        if self.list.len() < MAX_COUNT && self.bytes + bytes <= MAX_BYTES {
            self.bytes += bytes;
            self.list.push(change);
        }
    }

    /// Writes the list, with what stands under the names of secrets hidden.
    pub(super) fn write(&self, redactor: &Redactor, out: &mut Vec<u8>) -> usize {
        let mut hidden = 0;
        out.push(b'[');
        for (place, change) in self.list.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            let secret = change.secret_name(redactor);
            out.extend_from_slice(b"{\"path\":");
            json::string(&change.path, out);
            for (key, value) in [(",\"from\":", &change.from), (",\"to\":", &change.to)] {
                json::name(key, out);
                hidden += value_under(secret.as_deref(), value, redactor, out);
            }
            out.push(b'}');
        }
        out.push(b']');
        hidden
    }
}

impl Change {
    fn bytes(&self) -> usize {
        let of = |value: &Value| value.to_string().len();
        self.path.len() + of(&self.from) + of(&self.to)
    }

    /// The part of the path that tells that the value is a secret.
    fn secret_name(&self, redactor: &Redactor) -> Option<String> {
        let mut names = self.path.split('/').map(|name| name.replace("~1", "/").replace("~0", "~"));
        names.find(|name| redactor.hides_name(name))
    }
}

/// Writes a value as it would be written under a name, and says how much of it was hidden.
fn value_under(name: Option<&str>, value: &Value, redactor: &Redactor, out: &mut Vec<u8>) -> usize {
    let start = out.len();
    let Some(name) = name else {
        out.extend_from_slice(value.to_string().as_bytes());
        json::tame(out, start);
        return 0;
    };
    let mut object = b"{".to_vec();
    json::string(name, &mut object);
    let prefix = object.len() + 1;
    object.push(b':');
    object.extend_from_slice(value.to_string().as_bytes());
    object.push(b'}');
    let mut redacted = Vec::new();
    let report = redactor.json_into(&object, &mut redacted);
    match redacted.get(prefix..redacted.len().saturating_sub(1)) {
        Some(value) if report.form() == buttress_redact::Form::Json => out.extend_from_slice(value),
        _ => json::string("***REDACTED***", out),
    }
    json::tame(out, start);
    report.names() + report.values()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(changes: &Changes) -> Value {
        let mut out = Vec::new();
        changes.write(&Redactor::default(), &mut out);
        serde_json::from_slice(&out).expect("valid JSON")
    }

    #[test]
    fn only_what_differs_is_a_change() {
        let before = json!({"a": 1, "b": {"c": [1, 2], "d~/": true}, "gone": "x"});
        let after = json!({"a": 1, "b": {"c": [1, 3], "d~/": false}, "new": [1]});
        let changes = Changes::between(&before, &after);
        assert_eq!(
            written(&changes),
            json!([
                {"path": "/b/c/1", "from": 2, "to": 3},
                {"path": "/b/d~0~1", "from": true, "to": false},
                {"path": "/gone", "from": "x", "to": null},
                {"path": "/new", "from": null, "to": [1]},
            ])
        );
        assert!(Changes::between(&before, &before).is_empty());
        assert_eq!(written(&Changes::between(1, "x")), json!([{"path": "", "from": 1, "to": "x"}]));
    }

    #[test]
    fn a_changed_secret_is_hidden_by_the_name_it_stands_under() {
        let before = json!({"password": "hunter2", "tokens": ["abc", 1], "pin": 1234, "user": "ann"});
        let after = json!({"password": "hunter3", "tokens": ["abd", 2], "pin": 4321, "user": "bob"});
        let text = written(&Changes::between(before, after)).to_string();
        for secret in ["hunter", "abc", "abd", "1234", "4321"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        assert!(text.contains("ann") && text.contains("bob"), "{text}");
    }

    #[test]
    fn changes_are_bounded_and_count_what_they_leave_out() {
        let list: Vec<u32> = (0..500).collect();
        let other: Vec<u32> = (1..501).collect();
        let changes = Changes::between(&list, &other);
        assert_eq!((changes.paths().count(), changes.left_out()), (100, 400));
        let changes = Changes::new().with("/large", "x".repeat(MAX_BYTES), 1).with("/small", 1, 2);
        assert_eq!(changes.left_out(), 1);
        assert_eq!(written(&changes)[0]["from"], TOO_LARGE);
        assert_eq!(written(&changes)[1], json!({"path": "/small", "from": 1, "to": 2}));
    }
}
