//! Tells nearly all harmless names from the rest without folding them: most names in a log hide nothing.

use super::ends::{Ends, LETTER};

/// What names that hide something have in common, in tables that are quick to ask.
#[derive(Clone, Debug, Default)]
pub(crate) struct Glance {
    pub(super) ends: Ends,
    /// A bit for each letter of the words that count anywhere in a name.
    within: Vec<u32>,
    /// What all of these words begin with, if it is the same letter.
    first: Option<u8>,
}

impl Glance {
    /// Minds names that end with these letters, for the sake of a rule.
    pub(crate) fn look_at_end(&mut self, letters: &[u8], rule: usize) {
        self.ends.insert(letters, Some(rule));
    }

    /// Minds names that have these letters in them.
    pub(crate) fn look_within(&mut self, letters: &[u8]) {
        let first = letters.first().copied();
        self.first = first.filter(|_| self.within.is_empty() || self.first == first);
        self.within.push(all_letters(letters));
    }

    /// Whether no rule can be about a name.
    #[inline]
    pub(crate) fn is_harmless(&self, name: &[u8]) -> bool {
        (self.is_plain(name) || self.has_no_word(name)) && self.has_none_at_end(name)
    }

    /// Whether a name is too short to have a mask in it, in ASCII and without the letter that all words begin with.
    #[inline]
    fn is_plain(&self, name: &[u8]) -> bool {
        let Some(first) = self.first else { return false };
        let marks = |word: u64| word | zeros((word | all(0x20)) ^ all(first));
        let marks = match (name.first_chunk(), name.last_chunk()) {
            (Some(front), Some(back)) => marks(u64::from_le_bytes(*front)) | marks(u64::from_le_bytes(*back)),
            _ => marks(short(name)),
        };
        name.len() <= 16 && marks & all(HIGH) == 0
    }

    /// Whether a name of ASCII without asterisks has too few letters for each word that counts anywhere.
    #[inline(never)]
    pub(crate) fn has_no_word(&self, name: &[u8]) -> bool {
        let (mut letters, mut odd) = (0, false);
        for byte in name {
            letters |= 1 << (byte & LETTER);
            odd |= *byte == b'*' || *byte >= HIGH;
        }
        !odd && !self.within.iter().any(|word| word & letters == *word)
    }

    #[inline]
    fn has_none_at_end(&self, name: &[u8]) -> bool {
        if let [rest @ .., second, last] = name
            && second.is_ascii_alphabetic()
            && last.is_ascii_alphabetic()
        {
            let letter = rest.iter().rev().find(|byte| byte.is_ascii_alphanumeric());
            if self.ends.lacks(*letter.unwrap_or(&0), *second, *last) {
                return true;
            }
        }
        self.ends.rules(name).next().is_none()
    }
}

const HIGH: u8 = 0x80;

fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The high bits of the bytes that are zero, if any is; perhaps of more of them then.
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(all(1)) & !word
}

/// Eight bytes or fewer in a word, in any order and perhaps twice.
#[inline]
fn short(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(front), Some(back)) => {
            u64::from(u32::from_le_bytes(*front)) << 32 | u64::from(u32::from_le_bytes(*back))
        }
        _ => bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// A bit for each letter.
fn all_letters(name: &[u8]) -> u32 {
    name.iter().fold(0, |letters, byte| letters | 1 << (byte & LETTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glance() -> Glance {
        let mut glance = Glance::default();
        glance.look_at_end(b"accesstoken", 0);
        glance.look_at_end(b"jwt", 1);
        glance.look_within(b"password");
        glance
    }

    #[test]
    fn what_a_rule_may_be_about_is_not_harmless() {
        for name in [
            "access_token",
            "ACCESS-TOKEN",
            "myAccessToken2",
            "jwt",
            "x.j_w-t[]",
            "db_pass_word",
            "password_of_the_database",
            "é",
            "broken***REDACTED***",
        ] {
            assert!(!glance().is_harmless(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn all_else_is() {
        for name in
            ["", "_", "42", "token", "broken", "xjw", "wt", "path", "pa", "p", "stop", "pass", "accesstokens"]
        {
            assert!(glance().is_harmless(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn words_that_begin_with_different_letters_are_all_minded() {
        let mut glance = glance();
        glance.look_within(b"zeta");
        for name in ["the_zeta_one", "my-password-is", "PASSWORD2"] {
            assert!(!glance.is_harmless(name.as_bytes()), "{name}");
        }
        assert!(glance.is_harmless(b"path"));
    }
}
