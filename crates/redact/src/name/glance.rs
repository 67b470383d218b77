//! Tells nearly all harmless names from the rest without folding them: most names in a log hide nothing.

/// What names that hide something have in common, in tables that are quick to ask.
#[derive(Clone, Debug)]
pub(crate) struct Glance {
    /// For the last two letters of a name, a bit for each letter that may stand before them.
    ends: Box<[u32; ENDS]>,
    /// The last letters of each name that hides something, in the order of the last three.
    tails: Vec<Tail>,
    /// A bit for each letter of the words that count anywhere in a name.
    within: Vec<u32>,
    /// What all of these words begin with, if it is the same letter.
    first: Option<u8>,
}

const ENDS: usize = 1 << 10;

/// Up to eight letters at the end of a name, the last of them in the highest byte.
#[derive(Clone, Copy, Debug)]
struct Tail {
    letters: u64,
    mask: u64,
    /// The number of the rule that asks for them.
    rule: usize,
}

impl Default for Glance {
    fn default() -> Self {
        Self { ends: Box::new([0; ENDS]), tails: Vec::new(), within: Vec::new(), first: None }
    }
}

impl Glance {
    /// Minds names that end with these letters, for the sake of a rule.
    pub(crate) fn look_at_end(&mut self, letters: &[u8], rule: usize) {
        let mask = if letters.len() < 8 { !(u64::MAX >> (8 * letters.len())) } else { u64::MAX };
        let letters = last_letters(letters);
        let [.., before, second, last] = letters.to_le_bytes();
        self.ends[end_of(second, last)] |= 1 << (before & LETTER);
        let place = self.tails.partition_point(|tail| tail.letters & LAST < letters & LAST);
        self.tails.insert(place, Tail { letters, mask, rule });
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
            let before = self.ends[end_of(*second, *last)];
            let letter = rest.iter().rev().find(|byte| byte.is_ascii_alphanumeric());
            if before & (1 << (letter.unwrap_or(&0) & LETTER)) == 0 {
                return true;
            }
        }
        self.rules_at_end(name).next().is_none()
    }

    /// The numbers of the rules that may be about the end of a name.
    #[inline(never)]
    pub(crate) fn rules_at_end(&self, name: &[u8]) -> impl Iterator<Item = usize> {
        let letters = last_letters(name);
        let start = self.tails.partition_point(|tail| tail.letters & LAST < letters & LAST);
        let same = self.tails[start..].iter().take_while(move |tail| tail.letters & LAST <= letters & LAST);
        same.filter(move |tail| (tail.letters ^ letters) & tail.mask == 0).map(|tail| tail.rule)
    }
}

const HIGH: u8 = 0x80;
/// The bits in which letters differ, but for their case. Some signs share them: they may cause a second look, and never
/// prevent one.
const LETTER: u8 = 0b1_1111;
/// The last three bytes of a word.
const LAST: u64 = 0xff_ffff << 40;

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

/// The last eight letters and digits in lower case, the last one in the highest byte, and zeros for those that are missing.
/// Digits and signs behind the last letter do not count.
fn last_letters(name: &[u8]) -> u64 {
    let (mut letters, mut place) = (0, u64::BITS);
    for byte in name.iter().rev() {
        if byte.is_ascii_alphabetic() || byte.is_ascii_digit() && place < u64::BITS {
            place -= 8;
            // Digits have the bit that makes a letter lower case.
            letters |= u64::from(byte | 0x20) << place;
            if place == 0 {
                break;
            }
        }
    }
    letters
}

/// The place of the last two letters in the table.
#[inline]
fn end_of(second: u8, last: u8) -> usize {
    usize::from(second & LETTER) << 5 | usize::from(last & LETTER)
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
