use super::escape::is_plain;

/// Short texts that a thread has found lately to hold nothing to hide or to escape. Most fields of a line say what they
/// said in the one before: methods, routes, outcomes, names of events.
#[derive(Debug)]
pub(crate) struct Familiar {
    texts: [Plain; 128],
    /// Those of them that are new in this line, and have not been found clean.
    new: Vec<usize>,
}

/// One of them, with quotes around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain {
    /// The log whose redactor found it clean; no log has the number 0.
    lines: usize,
    len: usize,
    quoted: [u8; 1 + LONGEST + 1],
}

/// A longer text is always looked at.
const LONGEST: usize = 40;

impl Plain {
    const NONE: Self = Self { lines: 0, len: 0, quoted: [0; 1 + LONGEST + 1] };

    /// Writes it as it stands in JSON.
    #[inline]
    pub(crate) fn write_quoted(&self, out: &mut Vec<u8>) {
        // A number of bytes that is always the same is copied faster than one that is not.
        let end = out.len() + self.len + 2;
        out.extend_from_slice(&self.quoted);
        out.truncate(end);
    }
}

impl Default for Familiar {
    fn default() -> Self {
        Self { texts: [Plain::NONE; 128], new: Vec::new() }
    }
}

impl Familiar {
    /// What is new and was not found clean may have something to hide, and must not stay here.
    pub(crate) fn clear(&mut self) {
        while let Some(place) = self.new.pop() {
            self.texts[place] = Plain::NONE;
        }
    }

    #[inline]
    pub(crate) fn get(&self, text: &[u8], lines: usize) -> Option<&Plain> {
        let known = &self.texts[place(text)];
        (known.lines == lines && known.quoted.get(1..=known.len) == Some(text)).then_some(known)
    }

    /// Takes a text that may be known the next time, and gives it back if it is one that could be.
    #[inline]
    pub(crate) fn expect(&mut self, text: &[u8]) -> Option<&Plain> {
        if text.len() > LONGEST || !is_plain(text) {
            return None;
        }
        let place = place(text);
        let known = &mut self.texts[place];
        let [quote, quoted @ ..] = &mut known.quoted;
        let (inside, behind) = quoted.split_at_mut(text.len());
        *quote = b'"';
        inside.copy_from_slice(text);
        behind[0] = b'"';
        (known.lines, known.len) = (0, text.len());
        self.new.push(place);
        Some(known)
    }

    /// All texts that were new are clean.
    pub(crate) fn confirm(&mut self, lines: usize) {
        for place in self.new.drain(..) {
            self.texts[place].lines = lines;
        }
    }
}

/// Where a text would be known, by four bytes each of its beginning, its middle and its end.
#[inline]
fn place(text: &[u8]) -> usize {
    let middle = text.get(text.len() / 2 - text.len().min(4) / 2..).and_then(<[u8]>::first_chunk);
    let words = match (text.first_chunk(), middle, text.last_chunk()) {
        (Some(first), Some(middle), Some(last)) => {
            let [first, middle, last] = [first, middle, last].map(|bytes| u32::from_le_bytes(*bytes));
            first ^ middle.rotate_left(9) ^ last.rotate_left(18)
        }
        _ => text.iter().fold(0, |word, byte| word << 8 | u32::from(*byte)),
    };
    (words.wrapping_mul(0x9e37_79b1) >> 25) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_takes_the_place_of_a_known_one_is_not_known_for_that() {
        let mut texts = (0..).map(|number| format!("text {number}"));
        let first = texts.next().expect("a text");
        let second = texts.find(|text| place(text.as_bytes()) == place(first.as_bytes())).expect("another");
        let mut familiar = Familiar::default();
        familiar.expect(first.as_bytes());
        familiar.confirm(1);
        assert!(familiar.get(first.as_bytes(), 1).is_some());
        familiar.expect(second.as_bytes());
        assert!(familiar.get(second.as_bytes(), 1).is_none() && familiar.get(first.as_bytes(), 1).is_none());
    }
}
