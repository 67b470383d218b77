use std::ptr;

use super::names::{Name, instead_of};
use super::pen::Values;
use super::slot::Slot;

/// What is known of the name of a field. Names stand in the program's text, so an address means one name for ever.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    given: &'static str,
    /// Whose notation and redactor it was found out with.
    lines: usize,
    pub(crate) place: Place,
    pub(crate) label: Label,
    /// What it is called in a line.
    pub(crate) shown: Name,
    /// How a field of this name begins, and how much of that it is; nothing of a name that is too long.
    key: [u8; KEY],
    key_len: usize,
}

const KEY: usize = 32;

/// Where a field of some name belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Among the fields.
    Own,
    /// In a place of its own, unless that is taken.
    Slot(Slot),
    /// In the level, if it is `true`.
    Level,
}

/// What a redactor goes by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label {
    pub(crate) name: &'static str,
    /// Whether values of this name are hidden whatever they look like.
    pub(crate) hides: bool,
}

impl Known {
    const NOTHING: Self = Self {
        given: "",
        lines: 0,
        place: Place::Own,
        label: Label { name: "", hides: false },
        shown: Name::of(""),
        key: [0; KEY],
        key_len: 0,
    };

    #[cold]
    fn find_out(given: &'static str, values: &Values<'_>, key: &mut Vec<u8>) -> Self {
        let name = given.strip_prefix("r#").unwrap_or(given);
        let place = match Slot::of(name) {
            Some(slot) => Place::Slot(slot),
            None if name == "critical" => Place::Level,
            None => Place::Own,
        };
        let label = Label { name, hides: values.redactor.hides_name(name) };
        let shown = Name::of(instead_of(name).unwrap_or(name));
        let mut known = Self { given, lines: values.lines, place, label, shown, ..Self::NOTHING };
        key.clear();
        values.notation.key(shown.text, key);
        if let Some(room) = known.key.get_mut(..key.len()) {
            room.copy_from_slice(key);
            known.key_len = key.len();
        }
        known
    }

    #[inline]
    fn is(&self, name: &'static str, values: &Values<'_>) -> bool {
        ptr::eq(self.given, name) && self.lines == values.lines
    }

    /// Begins a field of this name.
    #[inline]
    pub(crate) fn write_key(&self, values: &Values<'_>, out: &mut Vec<u8>) {
        if self.key_len == 0 {
            return values.notation.key(self.shown.text, out);
        }
        // A number of bytes that is always the same is copied faster than one that is not.
        let end = out.len() + self.key_len;
        out.extend_from_slice(&self.key);
        out.truncate(end);
    }
}

/// What is known of names, as far as there is room for it: each in one of a few places in a row.
#[derive(Debug)]
pub(crate) struct KnownNames {
    names: [Known; PLACES],
    /// Where keys are spelled, so that a name that is forgotten and found out again allocates nothing.
    key: Vec<u8>,
}

const PLACES: usize = 128;

/// How many names that belong in one place are known at once.
const ROW: usize = 4;

impl Default for KnownNames {
    fn default() -> Self {
        Self { names: [Known::NOTHING; PLACES], key: Vec::new() }
    }
}

impl KnownNames {
    #[inline]
    pub(crate) fn of(&mut self, name: &'static str, values: &Values<'_>) -> &Known {
        let at = row(name).find(|at| self.names[*at].is(name, values));
        let at = at.unwrap_or_else(|| self.find_out(name, values));
        &self.names[at]
    }

    #[cold]
    fn find_out(&mut self, name: &'static str, values: &Values<'_>) -> usize {
        let free = row(name).find(|at| self.names[*at].lines == 0);
        let at = free.unwrap_or(home(name));
        self.names[at] = Known::find_out(name, values, &mut self.key);
        at
    }
}

/// The places where a name may be.
#[inline]
fn row(name: &'static str) -> impl Iterator<Item = usize> {
    let home = home(name);
    (home..home + ROW).map(|at| at % PLACES)
}

/// Names stand close together, so their addresses are spread.
#[inline]
fn home(name: &'static str) -> usize {
    let address = name.as_ptr().addr() as u64 + name.len() as u64;
    (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57) as usize
}

#[cfg(test)]
mod tests {
    use buttress_redact::Redactor;

    use super::super::Notation;
    use super::super::pen::When;
    use super::*;

    fn values(redactor: &Redactor, lines: usize) -> Values<'_> {
        Values { notation: Notation::Json, redactor, when: When::Together, has_own_rules: true, lines }
    }

    fn key(known: &Known, values: &Values<'_>) -> String {
        let mut out = b"before".to_vec();
        known.write_key(values, &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn an_answer_is_that_of_the_redactor_that_is_asked() {
        let [lax, strict] =
            [Redactor::default(), Redactor::builder().hide_name("cave").build().expect("a redactor")];
        let mut names = KnownNames::default();
        for _ in 0..2 {
            assert!(!names.of("cave", &values(&lax, 1)).label.hides);
            assert!(names.of("cave", &values(&strict, 2)).label.hides);
            assert!(names.of("password", &values(&strict, 2)).label.hides);
        }
    }

    #[test]
    fn a_name_is_told_apart_from_one_that_begins_or_ends_it() {
        let redactor = Redactor::default();
        let values = &values(&redactor, 1);
        let mut names = KnownNames::default();
        let text = "passwordless";
        for _ in 0..2 {
            assert!(names.of(&text[..8], values).label.hides);
            assert_eq!(names.of(&text[8..], values).shown.text, "less");
            assert_eq!(names.of(text, values).shown.text, text);
        }
    }

    #[test]
    fn names_that_belong_in_one_place_are_found_out_once() {
        let redactor = Redactor::default();
        let values = &values(&redactor, 1);
        let text: &'static str = Box::leak("a".repeat(4_000).into_boxed_str());
        let names = |len| (0..text.len() - len).map(move |start| &text[start..start + len]);
        let place = home(&text[..8]);
        let meeting: Vec<&'static str> = names(8).filter(|name| home(name) == place).take(ROW + 1).collect();
        let mut known = KnownNames::default();
        let is_known = |known: &KnownNames, name: &'static str| {
            known.names.iter().filter(|one| one.is(name, values)).count()
        };
        for name in meeting[..ROW].iter().chain(&meeting[..ROW]) {
            known.of(name, values);
        }
        assert!(meeting[..ROW].iter().all(|name| is_known(&known, name) == 1));
        for name in meeting.iter().chain(&meeting) {
            assert_eq!(known.of(name, values).label.name, *name);
        }
    }

    #[test]
    fn a_key_is_written_the_same_however_long_it_is() {
        let redactor = Redactor::default();
        let values = &values(&redactor, 1);
        let mut names = KnownNames::default();
        let long: &'static str = "a_name_of_forty_letters_and_a_few_\"more\"";
        for len in 1..=long.len() {
            let mut expected = b"before".to_vec();
            Notation::Json.key(&long[..len], &mut expected);
            assert_eq!(key(names.of(&long[..len], values), values).as_bytes(), expected);
        }
        assert_eq!(key(names.of("r#type", values), values), "before,\"type\":");
        assert_eq!(key(names.of("level", values), values), "before,\"fields.level\":");
    }
}
