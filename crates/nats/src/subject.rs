use std::borrow::Cow;

use serde::Deserialize;

/// The subject of a record in the stream of its log: by its category.
pub(crate) fn subject(stream: &str, event: &[u8]) -> String {
    format!("{stream}.{}", category(event))
}

/// The category of an event, as far as it can stand in a subject. What could not, or could stand for several, is `other`:
/// a record names its category itself, and not every record was written by this version.
fn category(event: &[u8]) -> Cow<'_, str> {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow)]
        category: Cow<'a, str>,
    }
    let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    let event: Option<Event<'_>> = serde_json::from_slice(event).ok();
    let category = event.map(|event| event.category);
    let fits = |name: &Cow<'_, str>| (1..=32).contains(&name.len()) && name.bytes().all(is_plain);
    category.filter(fits).unwrap_or(Cow::Borrowed("other"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_goes_to_the_subject_of_its_category_and_to_none_that_it_could_choose() {
        for (event, expected) in [
            (r#"{"v":1,"category":"auth","x":{"category":"data"}}"#, "audit.1.auth"),
            (r#"{"category":"a*"}"#, "audit.1.other"),
            (r#"{"category":"a.b"}"#, "audit.1.other"),
            (r#"{"category":">"}"#, "audit.1.other"),
            (r#"{"category":"a b"}"#, "audit.1.other"),
            (r#"{"category":""}"#, "audit.1.other"),
            (r#"{"category":7}"#, "audit.1.other"),
            (r"{}", "audit.1.other"),
        ] {
            assert_eq!(subject("audit.1", event.as_bytes()), expected, "{event}");
        }
        let long = format!(r#"{{"category":"{}"}}"#, "a".repeat(33));
        assert_eq!(subject("audit.1", long.as_bytes()), "audit.1.other");
    }
}
