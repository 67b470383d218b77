//! The last letters of the names that hide something, in tables that are quick to ask.

/// How rules end, and which they are.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    /// For the last two letters of a name, a bit for each letter that may stand before them.
    before: Box<[u32; ENDS]>,
    /// The last letters of each name that hides something, in the order of the last two.
    tails: Vec<Tail>,
    /// Where those that end with two letters begin.
    starts: Box<[u16; ENDS + 1]>,
}

const ENDS: usize = 1 << 10;

/// Up to eight letters at the end of a name, the last of them in the highest byte.
#[derive(Clone, Copy, Debug)]
struct Tail {
    letters: u64,
    mask: u64,
    /// The number of the rule that asks for them.
    rule: Option<usize>,
}

/// Whose name may end at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// A telling name.
    Name,
    /// One that tells only as the parameter of a URL.
    Parameter,
}

impl Default for Ends {
    fn default() -> Self {
        Self { before: Box::new([0; ENDS]), tails: Vec::new(), starts: Box::new([0; ENDS + 1]) }
    }
}

impl Ends {
    /// Minds names that end with these letters, for the sake of a rule; without one, among the parameters of URLs only.
    pub(crate) fn insert(&mut self, letters: &[u8], rule: Option<usize>) {
        let mask = if letters.len() < 8 { !(u64::MAX >> (8 * letters.len())) } else { u64::MAX };
        let letters = last_letters(letters);
        let [.., before, second, last] = letters.to_le_bytes();
        let end = end_of(second, last);
        self.before[end] |= if before == 0 { u32::MAX } else { 1 << (before & LETTER) };
        self.tails.insert(self.starts[end].into(), Tail { letters, mask, rule });
        self.starts[end + 1..].iter_mut().for_each(|start| *start += 1);
    }

    /// Whether no name ends with these two letters and what stands before them, a letter or a digit.
    #[inline]
    pub(super) fn lacks(&self, before: u8, second: u8, last: u8) -> bool {
        self.before[end_of(second, last)] & (1 << (before & LETTER)) == 0
    }

    /// Whether the name of a rule may end at the end of a text, where a quote may stand.
    #[inline]
    pub(crate) fn may_end(&self, front: &[u8]) -> bool {
        let ([.., before, b'_' | b'-' | b'.', second, last, b'"'] | [.., before, second, last, b'"']) =
            *front
        else {
            return self.may_end_before(front);
        };
        let [before, second, last] = [before, second, last].map(|byte| LETTERS[usize::from(byte)]);
        if before | second | last < ODD {
            !self.lacks(before, second, last)
        } else {
            self.may_end_before(front)
        }
    }

    /// The same where signs and digits stand behind the name, or between its letters.
    #[inline(never)]
    fn may_end_before(&self, front: &[u8]) -> bool {
        let near = &front[front.len().saturating_sub(NEAR)..];
        let (mut last, mut found) = ([0; 3], 0);
        for byte in near.iter().rev() {
            let counts = LETTERS[usize::from(*byte)] < ODD || found > 0 && byte.is_ascii_digit();
            last[found] = *byte;
            found += usize::from(counts);
            if found == last.len() {
                return !self.lacks(last[2], last[1], last[0]);
            }
        }
        near.len() < front.len() || found == 2 && !self.lacks(0, last[1], last[0])
    }

    /// Whose name may end at the end of a text, but for signs and digits.
    pub(crate) fn ended(&self, front: &[u8]) -> Option<Ended> {
        let near = &front[front.len().saturating_sub(NEAR)..];
        let letters = last_letters(near);
        if letters.trailing_zeros() >= 8 && near.len() < front.len() {
            return Some(Ended::Name);
        }
        let mut rules = self.alike(letters).map(|tail| tail.rule);
        let first = rules.next()?;
        let name = first.is_some() || rules.any(|rule| rule.is_some());
        Some(if name { Ended::Name } else { Ended::Parameter })
    }

    /// The numbers of the rules that may be about the end of a name.
    #[inline(never)]
    pub(super) fn rules(&self, name: &[u8]) -> impl Iterator<Item = usize> {
        self.alike(last_letters(name)).filter_map(|tail| tail.rule)
    }

    fn alike(&self, letters: u64) -> impl Iterator<Item = &Tail> {
        let [.., second, last] = letters.to_le_bytes();
        let end = end_of(second, last);
        let same = &self.tails[self.starts[end].into()..self.starts[end + 1].into()];
        same.iter().filter(move |tail| (tail.letters ^ letters) & tail.mask == 0)
    }
}

/// Where letters are further apart, it is not known what a name ends with.
const NEAR: usize = 64;
/// The bits in which letters differ, but for their case. Some signs share them: they may cause a second look, and never
/// prevent one.
pub(super) const LETTER: u8 = 0b1_1111;
/// What is no letter.
const ODD: u8 = 1 << 5;

/// For each byte the bits in which it differs from other letters, if it is one.
static LETTERS: [u8; 256] = letters();

const fn letters() -> [u8; 256] {
    let mut letters = [ODD; 256];
    let mut letter = b'a';
    while letter <= b'z' {
        letters[letter as usize] = letter & LETTER;
        letters[letter.to_ascii_uppercase() as usize] = letter & LETTER;
        letter += 1;
    }
    letters
}

/// For each byte the letter in lower case or the digit that it is, and zero for all others.
static FOLDED: [u8; 256] = folded();

#[expect(clippy::cast_possible_truncation, reason = "a byte counts to 255")]
const fn folded() -> [u8; 256] {
    let mut folded = [0; 256];
    let mut byte = 0;
    while byte < folded.len() {
        if (byte as u8).is_ascii_alphanumeric() {
            folded[byte] = (byte as u8).to_ascii_lowercase();
        }
        byte += 1;
    }
    folded
}

/// The last eight letters and digits in lower case, the last one in the highest byte, and zeros for those that are missing.
/// Digits and signs behind the last letter do not count.
fn last_letters(name: &[u8]) -> u64 {
    let (mut letters, mut place) = (0, u64::BITS);
    let end = name.iter().rposition(|byte| LETTERS[usize::from(*byte)] < ODD).map_or(0, |last| last + 1);
    for byte in name[..end].iter().rev() {
        let letter = FOLDED[usize::from(*byte)];
        if letter != 0 {
            place -= 8;
            letters |= u64::from(letter) << place;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ends() -> Ends {
        let mut ends = Ends::default();
        for (rule, letters) in [
            (Some(0), "accesstoken"),
            (Some(1), "jwt"),
            (None, "code"),
            (Some(2), "mfacode"),
            (Some(3), "pw"),
        ] {
            ends.insert(letters.as_bytes(), rule);
        }
        ends
    }

    #[test]
    fn the_end_of_a_name_is_seen_through_signs_and_digits() {
        let far = format!("t o k e n{}", " ".repeat(100));
        for (front, ended) in [
            ("{\"access_token\"", Some(Ended::Name)),
            ("access-to.ken_2[0] ", Some(Ended::Name)),
            ("MYJWT", Some(Ended::Name)),
            ("pw\"", Some(Ended::Name)),
            ("{\"p-w\"", Some(Ended::Name)),
            ("status_code\"", Some(Ended::Parameter)),
            ("mfaCode\"", Some(Ended::Name)),
            ("token\"", None),
            ("\"w\",\"t\"", None),
            ("", None),
            ("42", None),
            (&far, Some(Ended::Name)),
        ] {
            assert_eq!(ends().ended(front.as_bytes()), ended, "{front}");
            assert!(ended.is_none() || ends().may_end(front.as_bytes()), "{front}");
        }
        for front in ["\"path\"", "10:", "pa th ", "", "en"] {
            assert!(!ends().may_end(front.as_bytes()), "{front}");
        }
    }
}
