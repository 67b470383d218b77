use super::treatment::Treatment;

const PLACES: usize = 64;

/// What was said about the names of a text before. Long lists have the same few names again and again.
#[derive(Debug)]
pub(crate) struct Memo {
    said: [Option<Said>; PLACES],
}

#[derive(Clone, Copy, Debug)]
struct Said {
    name: Short,
    told: Option<Treatment>,
}

/// A name of 8 to 16 bytes: its front and its back, which may overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Short {
    front: u64,
    back: u64,
    len: usize,
}

impl Memo {
    pub(crate) fn new() -> Self {
        Self { said: [None; PLACES] }
    }

    /// What was said about a name, or what is said now.
    #[inline]
    pub(crate) fn of(&mut self, name: &[u8], say: impl FnOnce() -> Option<Treatment>) -> Option<Treatment> {
        let Some(name) = Short::of(name) else { return say() };
        let said = &mut self.said[name.place()];
        match said {
            Some(said) if said.name == name => said.told,
            _ => said.insert(Said { name, told: say() }).told,
        }
    }
}

impl Short {
    #[inline]
    fn of(name: &[u8]) -> Option<Self> {
        let (front, back) = (name.first_chunk()?, name.last_chunk()?);
        let (front, back) = (u64::from_le_bytes(*front), u64::from_le_bytes(*back));
        (name.len() <= 16).then_some(Self { front, back, len: name.len() })
    }

    fn place(self) -> usize {
        let mixed = (self.front ^ self.back.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as usize % PLACES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_asked_about_once_and_never_taken_for_another() {
        let mut memo = Memo::new();
        let names =
            ["password_1", "password_2", "assword_1p", "password", "passwordpassword", "password_password"];
        for name in names {
            let told = Some(if name.len() == 8 { Treatment::Code } else { Treatment::Hide });
            assert_eq!(memo.of(name.as_bytes(), || told), told, "{name}");
            assert_eq!(memo.of(name.as_bytes(), || told), told, "{name} again");
        }
        assert_eq!(memo.of(b"harmless", || None), None);
        assert_eq!(memo.of(b"harmless", || Some(Treatment::Hide)), None);
        assert_eq!(memo.of(b"a name that is long", || None), None);
        assert_eq!(memo.of(b"a name that is long", || Some(Treatment::Hide)), Some(Treatment::Hide));
    }
}
