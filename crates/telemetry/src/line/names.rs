//! Which names a line has already, and which belong to the line itself.

use super::MAX_FIELDS;

/// The names of the line itself, and what a caller's field of such a name is called instead.
const RESERVED: [(&str, &str); 14] = [
    ("timestamp", "fields.timestamp"),
    ("level", "fields.level"),
    ("event", "fields.event"),
    ("message", "fields.message"),
    ("logger", "fields.logger"),
    ("correlation_id", "fields.correlation_id"),
    ("request_id", "fields.request_id"),
    ("trace_id", "fields.trace_id"),
    ("span_id", "fields.span_id"),
    ("tenant_id", "fields.tenant_id"),
    ("user_id", "fields.user_id"),
    ("service.name", "fields.service.name"),
    ("service.version", "fields.service.version"),
    ("deployment.environment", "fields.deployment.environment"),
];

/// Says that a line is not all there.
const TRUNCATED: (&str, &str) = ("truncated", "fields.truncated");

/// What a field is called that must not have this name; `None` if it may.
pub(crate) fn instead_of(name: &str) -> Option<&'static str> {
    // Most names are settled by their length and their first letter.
    let same = |own: &&(&str, &str)| own.0.len() == name.len() && own.0 == name;
    RESERVED.iter().chain([&TRUNCATED]).find(same).map(|own| own.1)
}

/// A name of a field, and to which of 256 kinds it belongs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    pub(crate) text: &'static str,
    kind: u8,
}

impl Name {
    pub(crate) const fn of(text: &'static str) -> Self {
        let bytes = text.as_bytes();
        let (mut kind, mut place) = (0_u8, 0);
        while place < bytes.len() {
            kind = kind.wrapping_mul(31).wrapping_add(bytes[place]);
            place += 1;
        }
        Self { text, kind }
    }

    /// Where the bit of its kind is.
    fn place(self) -> (usize, u64) {
        (usize::from(self.kind / 64), 1 << (self.kind % 64))
    }
}

/// The names of the fields of one line.
#[derive(Debug, Default)]
pub(crate) struct Names {
    seen: Vec<&'static str>,
    /// One bit for each kind of names, so that a new one is mostly known at a glance.
    kinds: [u64; 4],
}

impl Names {
    pub(crate) fn clear(&mut self) {
        self.seen.clear();
        self.kinds = [0; 4];
    }

    pub(crate) fn are_full(&self) -> bool {
        self.seen.len() >= MAX_FIELDS
    }

    pub(crate) fn has(&self, name: Name) -> bool {
        let (word, bit) = name.place();
        self.kinds[word] & bit != 0 && self.seen.contains(&name.text)
    }

    /// Takes the name; says whether it was free.
    pub(crate) fn insert(&mut self, name: Name) -> bool {
        let free = !self.has(name);
        if free {
            let (word, bit) = name.place();
            self.kinds[word] |= bit;
            self.seen.push(name.text);
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_free_once() {
        let mut names = Names::default();
        // The first two are of one kind.
        for name in ["a", "cd", "b", "ab", "ba", ""].map(Name::of) {
            assert!(names.insert(name) && !names.insert(name), "{name:?}");
        }
        names.clear();
        assert!(names.insert(Name::of("a")));
    }

    #[test]
    fn the_names_of_a_line_are_its_own() {
        for (name, instead) in RESERVED {
            assert_eq!((instead_of(name), instead), (Some(instead), &*format!("fields.{name}")));
            assert_eq!(instead_of(instead), None);
        }
        assert_eq!(instead_of("service"), None, "the name of the service that was called");
    }
}
