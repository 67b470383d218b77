//! What a record says beyond its fields.

use std::io::{self, Write};

use serde::Serialize;

use super::json;

/// The most that all details of a record take, in bytes of JSON.
pub(super) const MAX_BYTES: usize = 16 * 1024;
const MAX_NAME: usize = 64;
/// Stands for a value that was too large.
const TOO_LARGE: &str = "***TRUNCATED***";
/// Stands for a value that no JSON can hold.
const NO_JSON: &str = "***UNSERIALISABLE***";

/// Named values as the members of a JSON object, written as they come. Never more than 16 KiB.
#[derive(Clone, Debug, Default)]
pub(super) struct Details {
    /// The members, each with a comma before it.
    members: Vec<u8>,
    /// Where each member begins, and how many bytes its name takes with its quotes.
    places: Vec<(usize, usize)>,
    left_out: u32,
}

impl Details {
    /// Adds a value, in place of one of the same name.
    pub(super) fn set(&mut self, name: &str, value: impl Serialize) {
        self.set_with(name, |out| serde_json::to_writer(out, &value).map_err(io::Error::from));
    }

    /// Adds a value that a closure writes as JSON.
    pub(super) fn set_with(&mut self, name: &str, write: impl FnOnce(&mut Bounded<'_>) -> io::Result<()>) {
        let start = self.members.len();
        self.members.push(b',');
        json::string(super::bound::cut(name, MAX_NAME), &mut self.members);
        let name_bytes = self.members.len() - start - 1;
        self.members.push(b':');
        let value = self.members.len();
        let mut bounded = Bounded { out: &mut self.members, is_full: false };
        let written = write(&mut bounded);
        let is_full = bounded.is_full;
        json::tame(&mut self.members, value);
        if written.is_err() || is_full || self.members.len() > MAX_BYTES {
            self.left_out += 1;
            self.members.truncate(value);
            let stand_in = if is_full || written.is_ok() { TOO_LARGE } else { NO_JSON };
            json::string(stand_in, &mut self.members);
        }
        if self.members.len() > MAX_BYTES {
            return self.members.truncate(start);
        }
        self.places.push((start, name_bytes));
        self.drop_former();
    }

    /// Drops the member that the last one takes the place of.
    fn drop_former(&mut self) {
        let Some(((start, bytes), former)) = self.places.split_last() else { return };
        let name = |start: usize, bytes: usize| &self.members[start + 1..=start + bytes];
        let last = name(*start, *bytes);
        let same = former.iter().position(|(start, bytes)| name(*start, *bytes) == last);
        if let Some(same) = same {
            let (from, to) = (self.places[same].0, self.places[same + 1].0);
            self.members.drain(from..to);
            self.places.remove(same);
            for (start, _) in &mut self.places[same..] {
                *start -= to - from;
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many values were too large, or found no room.
    pub(super) fn left_out(&self) -> u32 {
        self.left_out
    }

    /// Writes the object.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        out.extend_from_slice(self.members.get(1..).unwrap_or_default());
        out.push(b'}');
    }
}

/// Takes no more than all details may have, so that a value without end is given up.
pub(super) struct Bounded<'a> {
    out: &'a mut Vec<u8>,
    is_full: bool,
}

impl Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.out.len() + bytes.len() > MAX_BYTES {
            self.is_full = true;
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(details: &Details) -> Value {
        let mut out = Vec::new();
        details.write(&mut out);
        serde_json::from_slice(&out).expect("valid JSON")
    }

    #[test]
    fn the_last_word_of_a_name_stands() {
        let mut details = Details::default();
        assert_eq!(read(&details), json!({}));
        details.set("a", 1);
        details.set("b", "x\u{2028}");
        details.set("a", [1, 2]);
        details.set("c", Some(1.5));
        details.set("b", ());
        assert_eq!(read(&details), json!({"a": [1, 2], "c": 1.5, "b": null}));
        assert_eq!(details.left_out(), 0);
    }

    #[test]
    fn what_is_too_large_is_named_and_counted() {
        let mut details = Details::default();
        details.set("small", 1);
        details.set("large", "x".repeat(MAX_BYTES));
        details.set("odd", BTreeMap::from([((1, 2), 3)]));
        assert_eq!(
            read(&details),
            json!({"small": 1, "large": "***TRUNCATED***", "odd": "***UNSERIALISABLE***"})
        );
        assert_eq!(details.left_out(), 2);
    }

    #[test]
    fn details_never_outgrow_their_room() {
        let mut details = Details::default();
        for number in 0..2000 {
            details.set(&format!("name {number}"), "0123456789");
        }
        let mut out = Vec::new();
        details.write(&mut out);
        assert!(out.len() <= MAX_BYTES + 2, "{}", out.len());
        assert!(details.left_out() > 1000);
        assert!(read(&details).is_object());
    }

    proptest! {
        #[test]
        fn details_are_a_map(pairs in prop::collection::vec(("[a-d\u{85}]{0,2}", any::<String>()), 0..30)) {
            let mut details = Details::default();
            let mut naive = serde_json::Map::new();
            for (name, value) in &pairs {
                details.set(name, value);
                naive.insert(name.clone(), value.clone().into());
            }
            prop_assert_eq!(read(&details), Value::Object(naive));
        }
    }
}
