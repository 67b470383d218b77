use bytes::Bytes;

/// A JSON object that is written member by member, in memory.
pub(super) struct Object(Vec<u8>);

impl Object {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Begins a member whose name is known to stand in JSON as it is.
    pub(super) fn plain(&mut self, name: &'static str) -> &mut Self {
        debug_assert!(is_plain(name.as_bytes()), "{name:?} must be escaped");
        self.separate();
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
        self
    }

    /// Begins a member.
    pub(super) fn member(&mut self, name: &str) -> &mut Self {
        self.separate();
        self.text(name);
        self.0.push(b':');
        self
    }

    /// Most strings stand in JSON as they are, which is found out faster than it is done character by character.
    pub(super) fn text(&mut self, text: &str) {
        if !is_plain(text.as_bytes()) {
            return self.written(text);
        }
        self.0.reserve(text.len() + 2);
        self.0.push(b'"');
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'"');
    }

    pub(super) fn texts(&mut self, texts: &[&str]) {
        self.0.push(b'[');
        for (place, text) in texts.iter().enumerate() {
            if place > 0 {
                self.0.push(b',');
            }
            self.text(text);
        }
        self.0.push(b']');
    }

    pub(super) fn number(&mut self, number: u64) {
        self.written(&number);
    }

    pub(super) fn flag(&mut self, flag: bool) {
        self.written(&flag);
    }

    pub(super) fn finish(mut self) -> Bytes {
        self.0.extend_from_slice(if self.0.is_empty() { b"{}" } else { b"}" });
        self.0.into()
    }

    fn separate(&mut self) {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
    }

    fn written<T: serde::Serialize + ?Sized>(&mut self, value: &T) {
        // Writing text, a number or a flag to memory does not fail.
        let _ = serde_json::to_writer(&mut self.0, value);
    }
}

/// Whether nothing of a text has to be escaped. Looks at sixteen bytes together, and at some of the last ones twice.
fn is_plain(text: &[u8]) -> bool {
    match text.last_chunk::<16>() {
        Some(last) => text.as_chunks::<16>().0.iter().chain([last]).all(|chunk| !is_escaped(chunk)),
        None => !is_escaped(text),
    }
}

/// Without an early end, so that the processor compares all bytes at once.
fn is_escaped(bytes: &[u8]) -> bool {
    let is_odd = |byte: u8| u8::from(byte < b' ') | u8::from(byte == b'"') | u8::from(byte == b'\\');
    bytes.iter().fold(0, |odd, byte| odd | is_odd(*byte)) != 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    proptest! {
        #[test]
        fn an_object_reads_as_what_was_written(
            members in prop::collection::btree_map(any::<String>(), (any::<String>(), any::<u64>(), any::<bool>()), 0..4),
            lists in prop::collection::vec(any::<String>(), 0..4),
        ) {
            let mut object = Object::with_capacity(8);
            let mut expected = serde_json::Map::new();
            for (name, (text, number, flag)) in &members {
                let [of_text, of_number, of_flag] = ["text", "number", "flag"].map(|kind| format!("{kind} {name}"));
                object.member(&of_text).text(text);
                object.member(&of_number).number(*number);
                object.member(&of_flag).flag(*flag);
                expected.extend([(of_text, json!(text)), (of_number, json!(number)), (of_flag, json!(flag))]);
            }
            let texts: Vec<&str> = lists.iter().map(String::as_str).collect();
            if !texts.is_empty() {
                object.plain("texts").texts(&texts);
                expected.insert("texts".into(), json!(texts));
            }
            let read: Value = serde_json::from_slice(&object.finish()).unwrap();
            prop_assert_eq!(read, Value::Object(expected));
        }
    }

    /// At every place of texts that are shorter and longer than what is looked at together.
    #[test]
    fn a_character_is_escaped_wherever_it_stands() {
        let odd = (0..=0x100_u32).filter_map(char::from_u32).chain(['\u{2028}', '\u{1f600}']);
        for character in odd {
            for length in [0, 1, 14, 15, 16, 17, 31, 32, 40] {
                for place in 0..=length {
                    let text = format!("{}{character}{}", "x".repeat(place), "y".repeat(length - place));
                    let mut object = Object::with_capacity(0);
                    object.plain("text").text(&text);
                    let read: Value = serde_json::from_slice(&object.finish()).unwrap();
                    assert_eq!(read, json!({ "text": text }));
                }
            }
        }
    }
}
