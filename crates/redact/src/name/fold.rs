//! A name without its case and its separators, with the places where its words begin.

use crate::mask::unmasked;

/// The most letters and digits of a name that are looked at; of a longer name it is the last ones.
pub(crate) const MAX_LETTERS: usize = 128;

/// A name as rules see it: `X-Api-Key`, `xApiKey` and `x api key` are all `xapikey` with words at 0, 1 and 4.
#[derive(Debug)]
pub(crate) struct Folded {
    letters: [u8; MAX_LETTERS],
    len: usize,
    /// A bit for each letter that begins a word.
    starts: u128,
}

impl Folded {
    /// Folds a name. Bytes that are not ASCII go through the folding of Unicode forms.
    pub(crate) fn of(name: &[u8]) -> Self {
        let mut folded = Self { letters: [0; MAX_LETTERS], len: 0, starts: 0 };
        for part in unmasked(name) {
            if part.is_ascii() {
                folded.words(part);
            } else {
                folded.words(narrow(part).as_bytes());
            }
        }
        folded.drop_trailing_digits();
        folded
    }

    fn words(&mut self, name: &[u8]) {
        // A letter may stand for more than one byte of the name, never the other way round.
        let name = &name[name.len() - name.len().min(4 * MAX_LETTERS)..];
        let mut before = b' ';
        for (place, byte) in name.iter().copied().enumerate() {
            if byte.is_ascii_alphanumeric() {
                let after = name.get(place + 1).copied().unwrap_or(b' ');
                self.push(byte.to_ascii_lowercase(), begins_word(before, byte, after));
            }
            before = byte;
        }
    }

    fn push(&mut self, letter: u8, begins: bool) {
        if self.len == MAX_LETTERS {
            self.letters.copy_within(1.., 0);
            self.starts >>= 1;
            self.len -= 1;
        }
        self.letters[self.len] = letter;
        self.starts |= u128::from(begins) << self.len;
        self.len += 1;
    }

    fn drop_trailing_digits(&mut self) {
        while self.len > 1 && self.letters[self.len - 1].is_ascii_digit() {
            self.len -= 1;
        }
    }

    /// The letters and digits, in lower case.
    pub(crate) fn letters(&self) -> &[u8] {
        &self.letters[..self.len]
    }

    /// Whether a word begins at this letter.
    pub(crate) fn begins_word(&self, letter: usize) -> bool {
        self.starts & (1 << letter) != 0
    }

    /// The last word.
    pub(crate) fn last_word(&self) -> &[u8] {
        let start = (0..self.len).rev().find(|letter| self.begins_word(*letter)).unwrap_or(0);
        &self.letters()[start..]
    }
}

fn begins_word(before: u8, byte: u8, after: u8) -> bool {
    let hump = byte.is_ascii_uppercase() && !before.is_ascii_uppercase();
    // In `APIKey` the last capital belongs to the next word.
    let after_capitals = byte.is_ascii_uppercase() && after.is_ascii_lowercase();
    !before.is_ascii_alphanumeric() || hump || after_capitals
}

/// Full-width letters and digits become plain ones, and what has no width goes, so that neither hides a name.
fn narrow(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    text.chars().filter(|letter| !has_no_width(*letter)).map(plain).collect()
}

fn has_no_width(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

fn plain(letter: char) -> char {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(name: &str) -> String {
        let folded = Folded::of(name.as_bytes());
        let mut words = String::new();
        for (place, letter) in folded.letters().iter().enumerate() {
            if place > 0 && folded.begins_word(place) {
                words.push(' ');
            }
            words.push(char::from(*letter));
        }
        words
    }

    #[test]
    fn names_fall_into_words() {
        for (name, words) in [
            ("api_key", "api key"),
            ("apiKey", "api key"),
            ("API-KEY", "api key"),
            ("APIKey", "api key"),
            ("x.api key", "x api key"),
            ("apikey", "apikey"),
            ("api_key_2", "api key"),
            ("cvv2", "cvv"),
            ("oauth2Token", "oauth2 token"),
            ("user[password]", "user password"),
            ("\u{ff50}\u{ff41}ss\u{200b}word", "password"),
            ("password=***REDACTED:jwt***", "password"),
            ("a***REDACTED***b ***REDACTED:x", "a b redacted x"),
            ("42", "4"),
            ("", ""),
        ] {
            assert_eq!(folded(name), words, "{name}");
        }
    }

    #[test]
    fn of_a_long_name_the_end_counts() {
        let name = format!("{}_password", "x".repeat(1_000));
        assert_eq!(Folded::of(name.as_bytes()).last_word(), b"password");
    }
}
