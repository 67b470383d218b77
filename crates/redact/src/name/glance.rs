//! Tells nearly all harmless names from the rest without folding them: most names in a log hide nothing.

/// What names that hide something have in common, in tables that are quick to ask.
#[derive(Clone, Debug)]
pub(crate) struct Glance {
    /// A bit for each three letters that some name ends with.
    ends: Box<[u64; ENDS / 64]>,
    /// The last letters of each such name, in the order of the three.
    tails: Vec<Tail>,
    /// Which bytes begin a word that counts anywhere in a name, or are not ASCII.
    marks: Box<[u8; 256]>,
    /// The first three letters of the words that count anywhere.
    fronts: Vec<[u8; 3]>,
}

const ENDS: usize = 1 << 15;

/// Up to eight letters at the end of a name, the last of them in the lowest byte.
#[derive(Clone, Copy, Debug)]
struct Tail {
    end: usize,
    letters: u64,
    mask: u64,
}

impl Default for Glance {
    fn default() -> Self {
        let mut marks = Box::new([0; 256]);
        marks[0x80..].fill(1);
        Self { ends: Box::new([0; ENDS / 64]), tails: Vec::new(), marks, fronts: Vec::new() }
    }
}

impl Glance {
    /// Minds names that end with these letters.
    pub(crate) fn look_at_end(&mut self, letters: &[u8]) {
        let end = end_of(letters);
        self.ends[end / 64] |= 1 << (end % 64);
        let mask = if letters.len() < 8 { (1 << (8 * letters.len())) - 1 } else { u64::MAX };
        let place = self.tails.partition_point(|tail| tail.end < end);
        self.tails.insert(place, Tail { end, letters: tail_of(letters), mask });
    }

    /// Minds names that have these letters in them.
    pub(crate) fn look_within(&mut self, letters: &[u8]) {
        if let [first, second, third, ..] = letters {
            self.marks[*first as usize] = 1;
            self.marks[first.to_ascii_uppercase() as usize] = 1;
            let front = [*first, *second, *third];
            if !self.fronts.contains(&front) {
                self.fronts.push(front);
            }
        }
    }

    /// Whether no rule can be about a name.
    #[inline]
    pub(crate) fn is_harmless(&self, name: &[u8]) -> bool {
        let end = end_of(name);
        let marked = name.iter().fold(0, |marked, byte| marked | self.marks[*byte as usize]);
        (marked == 0 || self.has_none_within(name))
            && (self.ends[end / 64] & (1 << (end % 64)) == 0 || self.has_none_at_end(end, name))
    }

    #[cold]
    fn has_none_within(&self, name: &[u8]) -> bool {
        let marked =
            |(place, byte): (usize, &u8)| self.marks[*byte as usize] != 0 && self.begins(&name[place..]);
        name.is_ascii() && !name.iter().enumerate().any(marked)
    }

    fn begins(&self, name: &[u8]) -> bool {
        let mut front = [0; 3];
        let letters = name.iter().filter(|byte| byte.is_ascii_alphanumeric());
        front.iter_mut().zip(letters).for_each(|(to, letter)| *to = letter.to_ascii_lowercase());
        self.fronts.contains(&front)
    }

    fn has_none_at_end(&self, end: usize, name: &[u8]) -> bool {
        let letters = tail_of(name);
        let start = self.tails.partition_point(|tail| tail.end < end);
        let same = self.tails[start..].iter().take_while(|tail| tail.end == end);
        !same.into_iter().any(|tail| (tail.letters ^ letters) & tail.mask == 0)
    }
}

/// A number of 15 bits for the last three letters and digits; digits and signs behind the last letter do not count.
/// Different ends may share a number.
#[inline]
fn end_of(name: &[u8]) -> usize {
    let (mut end, mut left) = (0, 3);
    for byte in up_to_last_letter(name).iter().rev() {
        if byte.is_ascii_alphanumeric() {
            end = end << 5 | usize::from(byte & 31);
            left -= 1;
            if left == 0 {
                break;
            }
        }
    }
    end
}

fn tail_of(name: &[u8]) -> u64 {
    let letters = up_to_last_letter(name).iter().rev().filter(|byte| byte.is_ascii_alphanumeric()).take(8);
    letters
        .enumerate()
        .fold(0, |tail, (place, byte)| tail | u64::from(byte.to_ascii_lowercase()) << (8 * place))
}

#[inline]
fn up_to_last_letter(name: &[u8]) -> &[u8] {
    let mut name = name;
    while let [front @ .., last] = name {
        if last.is_ascii_alphabetic() {
            break;
        }
        name = front;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glance() -> Glance {
        let mut glance = Glance::default();
        glance.look_at_end(b"accesstoken");
        glance.look_at_end(b"jwt");
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
            "Pas",
            "é",
            "pas",
        ] {
            assert!(!glance().is_harmless(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn all_else_is() {
        for name in ["", "_", "42", "token", "broken", "xjw", "wt", "path", "pa", "p", "stop", "accesstokens"]
        {
            assert!(glance().is_harmless(name.as_bytes()), "{name}");
        }
    }
}
