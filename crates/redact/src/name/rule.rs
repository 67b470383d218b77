use super::fold::Folded;
use super::table::HARMLESS_ENDS;
use super::treatment::Treatment;

/// Where in a name the word of a rule must stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// It is the whole name.
    Whole,
    /// At the end, as a word or several: `otp` in `user_otp`, not in `laptop`.
    Word,
    /// At the end, also glued to what stands before it: `token` in `csrftoken`.
    Ending,
    /// Anywhere, unless the last word says that the value is only about it: `password_policy`.
    Anywhere,
}

/// One name, or the word in it that tells.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) anchor: Anchor,
    pub(crate) letters: Box<[u8]>,
    pub(crate) treatment: Treatment,
}

impl Rule {
    /// Whether the rule is about a name.
    pub(crate) fn fits(&self, name: &Folded) -> bool {
        match self.anchor {
            Anchor::Whole => name.letters() == &*self.letters,
            Anchor::Ending => name.letters().ends_with(&self.letters),
            Anchor::Word => self.fits_words(name),
            Anchor::Anywhere => self.fits_anywhere(name),
        }
    }

    fn fits_words(&self, name: &Folded) -> bool {
        let start = name.letters().len().checked_sub(self.letters.len());
        start.is_some_and(|start| name.begins_word(start)) && name.letters().ends_with(&self.letters)
    }

    fn fits_anywhere(&self, name: &Folded) -> bool {
        let letters = name.letters();
        let found = letters.windows(self.letters.len()).rposition(|window| window == &*self.letters);
        found.is_some_and(|start| {
            let behind = &letters[start + self.letters.len()..];
            let harmless = |end: &&str| behind == end.as_bytes() || last_word_is(name, end);
            behind.is_empty() || !HARMLESS_ENDS.iter().any(harmless)
        })
    }
}

fn last_word_is(name: &Folded, end: &str) -> bool {
    name.last_word() == end.as_bytes()
}
