//! The words that tell wherever they stand in a name, seen by their first letters.

/// How all words begin.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Words {
    /// The first letter, if it is the same in all; otherwise zero.
    first: u8,
    /// For each letter the words that have it in second place, in third and in fourth, a bit for each.
    next: [[u32; 32]; 3],
    /// The words that are at their end before each of these places.
    ended: [u32; 3],
}

/// The bits in which letters differ, but for their case. Digits share them, which may cause a doubt and prevents none.
const LETTER: u8 = 0b1_1111;
/// Longer gaps between two letters of a word are not looked at.
const LONGEST_GAP: usize = 8;

impl Words {
    pub(super) fn of<'w>(words: impl Iterator<Item = &'w [u8]> + Clone) -> Self {
        let mut firsts = words.clone().filter_map(|word| word.first().copied());
        let Some(first) = firsts.next().filter(u8::is_ascii_alphabetic) else { return Self::default() };
        if firsts.any(|other| other != first) {
            return Self::default();
        }
        let mut all = Self { first, ..Self::default() };
        for (number, word) in words.enumerate() {
            all.add(word, 1 << (number % 32));
        }
        all
    }

    fn add(&mut self, word: &[u8], bit: u32) {
        for (place, (next, ended)) in self.next.iter_mut().zip(&mut self.ended).enumerate() {
            if let Some(letter) = word.get(place + 1) {
                next[usize::from(letter & LETTER)] |= bit;
            } else {
                for words in next.iter_mut() {
                    *words |= bit;
                }
                *ended |= bit;
            }
        }
    }

    /// The letter that all words begin with, or zero if there is none.
    #[inline]
    pub(super) fn first(&self) -> u8 {
        self.first
    }

    /// Whether a word may go on behind its first letter. Between its letters there may be anything
    /// that is none, but for a quote.
    #[inline]
    pub(super) fn may_begin(&self, behind: &[u8]) -> bool {
        let (mut rest, mut gap, mut words) = (behind, 0, u32::MAX);
        for (next, ended) in self.next.iter().zip(self.ended) {
            let letter = loop {
                let [byte, tail @ ..] = rest else { return words & ended != 0 };
                rest = tail;
                if byte.is_ascii_alphanumeric() {
                    break byte & LETTER;
                }
                gap += 1;
                if *byte == b'"' || gap > LONGEST_GAP {
                    return *byte != b'"' || words & ended != 0;
                }
            };
            words &= next[usize::from(letter)];
            if words == 0 {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&'static str]) -> Words {
        Words::of(words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>().into_iter())
    }

    #[test]
    fn a_word_is_seen_in_any_case_and_with_anything_between_its_letters() {
        let words = words(&["password", "pwd"]);
        for text in ["password", "PaSsWord", "p_a-s.s", "p w d", "pwd", "pwd\"", "p\u{200b}wd", "p         x"]
        {
            assert!(words.may_begin(&text.as_bytes()[1..]), "{text}");
        }
        for text in ["path", "page", "p", "pa", "pw", "p\"wd", "past", "port", "ps"] {
            assert!(!words.may_begin(&text.as_bytes()[1..]), "{text}");
        }
    }

    #[test]
    fn words_with_different_first_letters_have_none_in_common() {
        assert_eq!(words(&["password", "zeta"]).first(), 0);
        assert_eq!(words(&["2fa"]).first(), 0);
        assert_eq!(words(&[]).first(), 0);
    }
}
