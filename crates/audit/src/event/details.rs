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
pub(crate) struct Details {
    /// The members, each with a comma before it.
    members: Vec<u8>,
    /// Where each member begins, and how many bytes its name takes with its quotes.
    places: Vec<(usize, usize)>,
    left_out: u32,
}

/// A value as JSON on one line, or what stands for it.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    json: Vec<u8>,
    is_stand_in: bool,
}

impl Written {
    /// Writes a value.
    pub(crate) fn of(value: impl Serialize) -> Self {
        let mut bounded = Bounded::default();
        let written = serde_json::to_writer(&mut bounded, &value);
        let Bounded { out: mut json, is_full } = bounded;
        if written.is_err() {
            return Self::stand_in(if is_full { TOO_LARGE } else { NO_JSON });
        }
        json::tame(&mut json, 0);
        Self { json, is_stand_in: false }
    }

    fn stand_in(mark: &str) -> Self {
        let mut json = Vec::new();
        json::string(mark, &mut json);
        Self { json, is_stand_in: true }
    }
}

impl Details {
    /// Adds a value, in place of one of the same name.
    pub(crate) fn set(&mut self, name: &str, value: &Written) {
        let mut quoted = Vec::new();
        json::string(super::bound::cut(name, MAX_NAME), &mut quoted);
        self.left_out += u32::from(value.is_stand_in);
        if self.push(&quoted, &value.json) {
            return;
        }
        self.left_out += 1;
        if !value.is_stand_in {
            self.push(&quoted, &Written::stand_in(TOO_LARGE).json);
        }
    }

    /// Adds the values of another, in place of those of the same names.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.left_out += other.left_out;
        let ends = other.places.iter().skip(1).map(|(start, _)| *start).chain([other.members.len()]);
        for ((start, name_bytes), end) in other.places.iter().zip(ends) {
            let colon = start + 1 + name_bytes;
            let pushed = self.push(&other.members[start + 1..colon], &other.members[colon + 1..end]);
            self.left_out += u32::from(!pushed);
        }
    }

    /// Adds a member at the end, and drops an earlier one of its name. Says whether there was room.
    fn push(&mut self, quoted_name: &[u8], json: &[u8]) -> bool {
        if self.members.len() + quoted_name.len() + json.len() + 2 > MAX_BYTES {
            return false;
        }
        self.places.push((self.members.len(), quoted_name.len()));
        self.members.push(b',');
        self.members.extend_from_slice(quoted_name);
        self.members.push(b':');
        self.members.extend_from_slice(json);
        self.drop_former();
        true
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
#[derive(Default)]
struct Bounded {
    out: Vec<u8>,
    is_full: bool,
}

impl Write for Bounded {
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
    use std::cell::Cell;
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
        details.set("a", &Written::of(1));
        details.set("b", &Written::of("x\u{2028}"));
        details.set("a", &Written::of([1, 2]));
        details.set("c", &Written::of(Some(1.5)));
        details.set("b", &Written::of(()));
        assert_eq!(read(&details), json!({"a": [1, 2], "c": 1.5, "b": null}));
        assert_eq!(details.left_out(), 0);
    }

    #[test]
    fn what_is_too_large_is_named_and_counted() {
        let mut details = Details::default();
        details.set("small", &Written::of(1));
        details.set("large", &Written::of("x".repeat(MAX_BYTES)));
        details.set("odd", &Written::of(BTreeMap::from([((1, 2), 3)])));
        assert_eq!(
            read(&details),
            json!({"small": 1, "large": "***TRUNCATED***", "odd": "***UNSERIALISABLE***"})
        );
        assert_eq!(details.left_out(), 2);
    }

    /// A list of a billion numbers that counts how many were asked for.
    struct Endless(Cell<u64>);

    impl Serialize for Endless {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq((0..1_000_000_000_u64).inspect(|_| self.0.set(self.0.get() + 1)))
        }
    }

    #[test]
    fn a_value_without_end_is_given_up_when_it_is_too_large() {
        let endless = Endless(Cell::new(0));
        let mut details = Details::default();
        details.set("endless", &Written::of(&endless));
        assert_eq!(read(&details), json!({"endless": "***TRUNCATED***"}));
        assert!(endless.0.get() < MAX_BYTES as u64, "{}", endless.0.get());
    }

    #[test]
    fn details_never_outgrow_their_room() {
        let mut details = Details::default();
        for number in 0..2000 {
            details.set(&format!("name {number}"), &Written::of("0123456789"));
        }
        let mut out = Vec::new();
        details.write(&mut out);
        assert!(out.len() <= MAX_BYTES + 2, "{}", out.len());
        assert!(details.left_out() > 1000);
        assert!(read(&details).is_object());
    }

    #[test]
    fn the_details_of_another_take_the_place_of_those_of_the_same_name() {
        let (mut details, mut other) = (Details::default(), Details::default());
        details.set("a", &Written::of(1));
        details.set("b", &Written::of(2));
        other.set("c", &Written::of([3]));
        other.set("a", &Written::of("new"));
        details.merge(&other);
        assert_eq!(read(&details), json!({"a": "new", "b": 2, "c": [3]}));
        details.merge(&Details::default());
        assert_eq!(read(&details), json!({"a": "new", "b": 2, "c": [3]}));
    }

    proptest! {
        #[test]
        fn details_are_a_map(pairs in prop::collection::vec(("[a-d\u{85}]{0,2}", any::<String>()), 0..30)) {
            let mut details = Details::default();
            let mut naive = serde_json::Map::new();
            for (name, value) in &pairs {
                details.set(name, &Written::of(value));
                naive.insert(name.clone(), value.clone().into());
            }
            prop_assert_eq!(read(&details), Value::Object(naive));
        }
    }
}
