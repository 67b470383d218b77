use std::borrow::Cow;

use buttress_redact::Redactor;

use super::known::KnownNames;

/// Where values are collected on their way into a line, used again for the next one.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// What a value prints.
    pub(crate) text: String,
    /// What was written as it is, on condition that nothing is found in it.
    unseen: Vec<u8>,
    pub(crate) names: KnownNames,
}

/// Stands between two values. No detector reads across it, as it is neither a blank nor a part of any word or number.
const BETWEEN: &[u8; 3] = b"\n\x01\n";

/// In fewer bytes there is nothing that is known by its looks: the shortest is `pw=!`.
const SHORTEST_TEXT: usize = 4;

/// Of numbers, that is a known secret of six digits.
const SHORTEST_NUMBER: usize = 6;

impl Room {
    pub(crate) fn clear(&mut self) {
        self.unseen.clear();
    }

    /// Notes a text that is written as it is.
    #[inline]
    pub(crate) fn look_later(&mut self, text: &str) {
        if text.len() >= SHORTEST_TEXT {
            self.unseen.extend_from_slice(text.as_bytes());
            self.unseen.extend_from_slice(BETWEEN);
        }
    }

    /// The same for the digits of a number.
    #[inline]
    pub(crate) fn look_at_number_later(&mut self, digits: &[u8]) {
        if digits.len() >= SHORTEST_NUMBER {
            self.unseen.extend_from_slice(digits);
            self.unseen.extend_from_slice(BETWEEN);
        }
    }

    /// Looks at all that was written as it is, in one pass: it costs less than one for each value.
    pub(crate) fn is_clean(&self, redactor: &Redactor) -> bool {
        matches!(redactor.bytes(&self.unseen), Cow::Borrowed(_))
    }

    pub(crate) fn capacity(&self) -> usize {
        self.text.capacity() + self.unseen.capacity()
    }
}

#[cfg(test)]
mod tests {
    use buttress_redact::Detector;
    use proptest::prelude::*;

    use super::*;

    fn hides_nothing_in(redactor: &Redactor, alphabet: &str, len: usize) {
        let mut texts = vec![String::new()];
        for _ in 0..len {
            texts = texts
                .iter()
                .flat_map(|text| alphabet.chars().map(move |sign| format!("{text}{sign}")))
                .collect();
            for text in &texts {
                assert!(redactor.is_clean(text), "{text:?}");
            }
        }
    }

    #[test]
    fn what_is_too_short_to_be_looked_at_has_nothing_to_hide() {
        let redactor = Redactor::builder()
            .detect(Detector::Phone)
            .detect(Detector::Entropy)
            .hide_name("abp")
            .secret("111111")
            .token("own", "111", 4)
            .build()
            .expect("a redactor");
        hides_nothing_in(&redactor, "pwPWab=:@>.-_1\"\n {&\u{1}", SHORTEST_TEXT - 1);
        hides_nothing_in(&redactor, "0149.-", SHORTEST_NUMBER - 1);
        assert!(!redactor.is_clean("pw=!") && !redactor.is_clean("111111"));
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
