/// A member of a `RateLimit` field: `"name";r=0;t=5` of a list, or `name=5` of a dictionary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Member<'a> {
    /// Without quotes; empty if there were any, because only names of a dictionary matter.
    pub(super) name: &'a str,
    pub(super) value: Option<u64>,
    /// The parameter `r`.
    pub(super) remaining: Option<u64>,
    /// The parameter `t`.
    pub(super) reset: Option<u64>,
}

/// Members beyond this are a field that nobody sends.
const MOST: usize = 64;

/// Reads the members of a structured field (RFC 9651) as far as rate limits need them; `None` if it is malformed, since
/// then nothing of it may be used.
pub(super) fn members(field: &str) -> Option<Vec<Member<'_>>> {
    let mut text = Text(field.trim_matches([' ', '\t']));
    let mut members = Vec::new();
    while members.len() < MOST {
        members.push(text.member()?);
        text.skip_spaces();
        if text.0.is_empty() {
            return Some(members);
        }
        text.take(',')?;
        text.skip_spaces();
    }
    None
}

/// The value of a member or a parameter.
enum Item {
    WholeNumber(u64),
    Other,
}

/// What is left to read.
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    fn member(&mut self) -> Option<Member<'a>> {
        let name = self.name()?;
        let value = self.value()?.whole_number();
        let mut member = Member { name, value, ..Member::default() };
        while self.take(';').is_some() {
            self.skip_spaces();
            let key = self.word(is_token)?;
            let value = self.value()?.whole_number();
            match key {
                "r" => member.remaining = value,
                "t" => member.reset = value,
                _ => {}
            }
        }
        Some(member)
    }

    fn name(&mut self) -> Option<&'a str> {
        if self.0.starts_with('"') { self.string().map(|()| "") } else { self.word(is_token) }
    }

    /// What follows an equals sign. Without one the value is "true", which is no number.
    fn value(&mut self) -> Option<Item> {
        if self.take('=').is_none() {
            return Some(Item::Other);
        }
        match self.0.bytes().next()? {
            b'"' => self.string()?,
            b':' => self.bytes()?,
            b'-' | b'0'..=b'9' => return Some(self.number()?.parse().map_or(Item::Other, Item::WholeNumber)),
            b'?' => self.word(|byte| matches!(byte, b'?' | b'0' | b'1')).map(|_| ())?,
            _ => self.word(is_token).map(|_| ())?,
        }
        Some(Item::Other)
    }

    /// At most 15 digits, as the specification has it.
    fn number(&mut self) -> Option<&'a str> {
        self.word(|byte| matches!(byte, b'-' | b'.' | b'0'..=b'9')).filter(|digits| digits.len() <= 15)
    }

    fn string(&mut self) -> Option<()> {
        self.take('"')?;
        loop {
            let stop = self.0.find(['"', '\\'])?;
            let escaped = self.0[stop..].starts_with('\\');
            self.0 = &self.0[stop + 1..];
            if !escaped {
                return Some(());
            }
            self.take('"').or_else(|| self.take('\\'))?;
        }
    }

    fn bytes(&mut self) -> Option<()> {
        self.take(':')?;
        let end = self.0.find(':')?;
        self.0 = &self.0[end + 1..];
        Some(())
    }

    fn word(&mut self, belongs: impl Fn(u8) -> bool) -> Option<&'a str> {
        let end = self.0.bytes().position(|byte| !belongs(byte)).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at_checked(end).filter(|(word, _)| !word.is_empty())?;
        self.0 = rest;
        Some(word)
    }

    fn take(&mut self, character: char) -> Option<()> {
        self.0 = self.0.strip_prefix(character)?;
        Some(())
    }

    fn skip_spaces(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }
}

impl Item {
    fn whole_number(self) -> Option<u64> {
        match self {
            Self::WholeNumber(number) => Some(number),
            Self::Other => None,
        }
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.*:/!#$%&'+^`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_field_makes_it_panic_or_run_for_long(field in r#"[ -~]{0,60}|(["\\;=,:?0-9rt -]){0,60}"#) {
            let _ = members(&field);
        }

        #[test]
        fn what_is_written_as_a_list_is_read_back(
            wanted in prop::collection::vec((0_u64..1_000, 0_u64..1_000_000), 1..5),
        ) {
            let field: Vec<_> = wanted.iter().map(|(r, t)| format!("\"policy\";r={r};t={t}")).collect();
            let field = field.join(", ");
            let read = members(&field).expect("it is well-formed");
            let read: Vec<_> = read.iter().map(|member| (member.remaining, member.reset)).collect();
            let wanted: Vec<_> = wanted.iter().map(|(r, t)| (Some(*r), Some(*t))).collect();
            prop_assert_eq!(read, wanted);
        }
    }
}
