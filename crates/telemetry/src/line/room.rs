use std::borrow::Cow;

use buttress_redact::Redactor;

use super::familiar::{Familiar, Plain};
use super::known::KnownNames;

/// Where values are collected on their way into a line, used again for the next one.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// What a value prints.
    pub(crate) text: String,
    /// What was written as it is, on condition that nothing is found in it.
    unseen: Vec<u8>,
    familiar: Familiar,
    pub(crate) names: KnownNames,
}

/// Stands between two values. No detector reads across it, as it is neither a blank nor a part of any word or number.
const BETWEEN: &[u8; 3] = b"\n\x01\n";

/// In fewer bytes there is nothing that is known by its looks: the shortest is `pw=!`.
const SHORTEST_TEXT: usize = 4;

/// Of numbers, that is a secret of six digits that was made known.
const SHORTEST_NUMBER: usize = 6;

/// Where nobody made any known, that is a card.
const SHORTEST_CARD: usize = 14;

impl Room {
    pub(crate) fn clear(&mut self) {
        self.unseen.clear();
        self.familiar.clear();
    }

    /// A text that is known to have nothing to hide and nothing to escape.
    #[inline]
    pub(crate) fn known(&self, text: &str, lines: usize) -> Option<&Plain> {
        self.familiar.get(text.as_bytes(), lines)
    }

    /// Notes a text that is written as it is; gives it back if it is short and has nothing to escape.
    pub(crate) fn look_later(&mut self, text: &str) -> Option<&Plain> {
        if text.len() >= SHORTEST_TEXT {
            self.unseen.extend_from_slice(text.as_bytes());
            self.unseen.extend_from_slice(BETWEEN);
        }
        self.familiar.expect(text.as_bytes())
    }

    /// The same for the digits of a number.
    #[inline]
    pub(crate) fn look_at_number_later(&mut self, digits: &[u8], has_own_rules: bool) {
        if digits.len() >= if has_own_rules { SHORTEST_NUMBER } else { SHORTEST_CARD } {
            self.unseen.extend_from_slice(digits);
            self.unseen.extend_from_slice(BETWEEN);
        }
    }

    /// Looks at all that was written as it is, in one pass: it costs less than one for each value.
    pub(crate) fn is_clean(&mut self, redactor: &Redactor, lines: usize) -> bool {
        let is_clean = self.unseen.is_empty() || matches!(redactor.bytes(&self.unseen), Cow::Borrowed(_));
        if is_clean {
            self.familiar.confirm(lines);
        }
        is_clean
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
    fn a_text_is_looked_at_once_by_each_redactor() {
        let [lax, strict] =
            [Redactor::default(), Redactor::builder().secret("treasure").build().expect("a redactor")];
        let mut room = Room::default();
        for (redactor, lines, text, unseen, is_clean) in [
            (&lax, 1, "treasure", 11, true),
            (&lax, 1, "treasure", 0, true),
            (&strict, 2, "treasure", 11, false),
            (&strict, 2, "treasure", 11, false),
            (&strict, 2, "trea----sure", 15, true),
            (&strict, 2, "trea----sure", 0, true),
            (&strict, 2, "trea---sure", 14, true),
        ] {
            room.clear();
            if room.known(text, lines).is_none() {
                room.look_later(text);
            }
            assert_eq!(room.unseen.len(), unseen, "{text} {lines}");
            assert_eq!(room.is_clean(redactor, lines), is_clean, "{text} {lines}");
        }
    }

    #[test]
    fn a_text_with_something_to_hide_is_not_remembered() {
        let (mut room, redactor) = (Room::default(), Redactor::default());
        let nothing = format!("{:?}", room.familiar);
        for text in ["token=hunter2", "quiet"] {
            room.look_later(text);
        }
        assert!(!room.is_clean(&redactor, 1));
        room.clear();
        assert_eq!(format!("{:?}", room.familiar), nothing);
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
        #[test]
        fn a_number_shorter_than_a_card_is_nothing_to_hide(number in "-?[0-9]{1,13}([.][0-9]{1,11})?(e-?[0-9]{1,3})?") {
            let number = &number[..number.len().min(SHORTEST_CARD - 1)];
            prop_assert!(Redactor::default().is_clean(number), "{number}");
        }
    }

    #[test]
    fn a_card_is_no_shorter() {
        assert!(!Redactor::default().is_clean("36006666333344"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn values_that_are_clean_together_are_clean_alone(
            lines in prop::collection::vec(prop::collection::vec(pieces(), 1..6), 1..4),
        ) {
            let redactor = Redactor::default();
            let mut room = Room::default();
            for values in lines.iter().chain(&lines) {
                room.clear();
                for value in values {
                    if room.known(value, 1).is_none() {
                        room.look_later(value);
                    }
                }
                if room.is_clean(&redactor, 1) {
                    for value in values {
                        prop_assert!(redactor.is_clean(value), "{value:?} among {values:?}");
                    }
                }
            }
        }
    }
}
