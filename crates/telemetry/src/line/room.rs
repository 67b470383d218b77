use buttress_redact::Redactor;

/// Where values are collected on their way into a line, used again for the next one.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// What a value prints.
    pub(crate) text: String,
    /// What was written as it is, on condition that nothing is found in it.
    unseen: String,
    names: KnownNames,
}

/// Stands between two values. No detector reads across it, as it is neither a blank nor a part of any word or number.
const BETWEEN: &str = "\n\u{1}\n";

impl Room {
    pub(crate) fn clear(&mut self) {
        self.unseen.clear();
    }

    /// Whether values of this name are hidden whatever they look like.
    pub(crate) fn hides(&mut self, name: &'static str, redactor: &Redactor, lines: usize) -> bool {
        self.names.hides(name, redactor, lines)
    }

    /// Notes a value that is written as it is.
    pub(crate) fn look_later(&mut self, value: &str) {
        self.unseen.push_str(value);
        self.unseen.push_str(BETWEEN);
    }

    /// Looks at all that was written as it is, in one pass: it costs less than one for each value.
    pub(crate) fn is_clean(&self, redactor: &Redactor) -> bool {
        redactor.is_clean(&self.unseen)
    }

    pub(crate) fn capacity(&self) -> usize {
        self.text.capacity() + self.unseen.capacity()
    }
}

/// What a redactor has said about names. They stand in the program's text, so an address means one name for ever.
#[derive(Debug)]
struct KnownNames {
    /// Whose redactor it was.
    lines: usize,
    answers: [Answer; 128],
}

#[derive(Clone, Copy, Debug, Default)]
struct Answer {
    address: usize,
    len: usize,
    hides: bool,
}

impl Default for KnownNames {
    fn default() -> Self {
        Self { lines: 0, answers: [Answer::default(); 128] }
    }
}

impl KnownNames {
    fn hides(&mut self, name: &'static str, redactor: &Redactor, lines: usize) -> bool {
        if self.lines != lines {
            *self = Self { lines, ..Self::default() };
        }
        let (address, len) = (name.as_ptr().addr(), name.len());
        let answer = &mut self.answers[(address / 2 + len) % 128];
        if (answer.address, answer.len) != (address, len) {
            *answer = Answer { address, len, hides: redactor.hides_name(name) };
        }
        answer.hides
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answer_is_that_of_the_redactor_that_is_asked() {
        let strict = Redactor::builder().hide_name("cave").build().expect("a redactor");
        let mut names = KnownNames::default();
        for _ in 0..2 {
            assert!(!names.hides("cave", &Redactor::default(), 1));
            assert!(names.hides("cave", &strict, 2));
            assert!(names.hides("password", &strict, 2));
        }
    }

    /// Pieces of secrets, and what may stand around them and change what they are taken for.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "password",
            "next page",
            "token",
            "=",
            ": ",
            "hunter2",
            "abc123def456ghi7",
            "Bearer",
            " ",
            "\n",
            "\\",
            "\"",
            "'",
            "4111 1111 1111 1111",
            "4111",
            "1111111111111111",
            "219-09-9999",
            "12",
            "john",
            "@",
            "example.com",
            ".png",
            "-",
            "_",
            "{",
            "[",
            "}",
            "]",
            ",",
            "&",
            ">",
            "</",
            "DE89370400440532013000",
            "DE89 3704 0044",
            "https://",
            "user:pw",
            "/",
            "-----BEGIN RSA PRIVATE KEY-----",
            "***REDACTED***",
            "ghp_",
            "sk_live_",
        ]);
        prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn values_that_are_clean_together_are_clean_alone(values in prop::collection::vec(pieces(), 1..6)) {
            let redactor = Redactor::default();
            let mut room = Room::default();
            for value in &values {
                room.look_later(value);
            }
            if room.is_clean(&redactor) {
                for value in &values {
                    prop_assert!(redactor.is_clean(value), "{value:?} among {values:?}");
                }
            }
        }
    }
}
