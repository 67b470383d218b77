use std::fmt;
use std::sync::Arc;

/// The longest name that is kept in place.
const IN_PLACE: usize = 31;

/// The name of a breaker, as its refusals carry it: copied if it is short, as most are, and shared otherwise.
///
/// An open breaker makes refusals all the time, and a reference that is taken and given back for each costs several
/// times what copying 32 bytes does.
#[derive(Clone)]
pub(crate) struct Name {
    /// The name, if it is too long to be copied.
    long: Option<Arc<str>>,
    short: Short,
}

#[derive(Clone, Copy)]
struct Short {
    length: u8,
    bytes: [u8; IN_PLACE],
}

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        self.long.as_deref().unwrap_or_else(|| self.short.as_str())
    }
}

impl Short {
    const EMPTY: Self = Self { length: 0, bytes: [0; IN_PLACE] };

    fn of(name: &str) -> Option<Self> {
        let mut short = Self { length: u8::try_from(name.len()).ok()?, ..Self::EMPTY };
        short.bytes.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        Some(short)
    }

    fn as_str(&self) -> &str {
        // What lies here was copied from a text whole, so it is one.
        self.bytes.get(..self.length.into()).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl From<&Arc<str>> for Name {
    fn from(name: &Arc<str>) -> Self {
        match Short::of(name) {
            Some(short) => Self { short, long: None },
            None => Self { short: Short::EMPTY, long: Some(Arc::clone(name)) },
        }
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Name {}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_any_length_is_kept_whole() {
        for length in [0, 1, 30, 31, 32, 128] {
            let text: Arc<str> = "n".repeat(length).into();
            let name = Name::from(&text);
            assert_eq!((name.as_str(), name.clone().as_str()), (&*text, &*text));
            assert_eq!(name.long.is_none(), length <= IN_PLACE, "{length}");
        }
    }

    /// The border lies behind a character of several bytes, within one, and where a byte cannot count any further.
    #[test]
    fn a_name_that_is_not_ascii_is_kept_whole() {
        for (umlauts, end) in [(15, ""), (15, "n"), (15, "ü"), (127, "n"), (127, "ü"), (128, "ü")] {
            let text: Arc<str> = ("ü".repeat(umlauts) + end).into();
            let name = Name::from(&text);
            assert_eq!((name.as_str(), name.clone().as_str()), (&*text, &*text));
            assert_eq!(name.long.is_none(), text.len() <= IN_PLACE, "{} bytes", text.len());
        }
    }
}
