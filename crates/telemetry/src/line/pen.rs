//! Values are redacted, then cut, then escaped.

use std::borrow::Cow;

use buttress_redact::Redactor;

use super::escape::escape;
use super::known::Label;
use super::print::print;
use super::room::Room;
use super::value::Value;
use super::{MAX_PRINTED, MAX_SLOT, Notation, TOO_LONG};

/// By what values are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values<'a> {
    pub(crate) notation: Notation,
    pub(crate) redactor: &'a Redactor,
    pub(crate) when: When,
    /// Whether the redactor is not the default one: it may know secrets of any looks.
    pub(crate) has_own_rules: bool,
    /// Whose they are, to tell what was found out before.
    pub(crate) lines: usize,
}

/// When values are looked at for secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// Each of them before it is written.
    Each,
    /// All of them together, after they were written. If that finds something, they are written anew one by one.
    Together,
}

/// A longer text is looked at by itself.
const LONG: usize = 4 * 1024;

/// Writes one value.
#[derive(Debug)]
pub(crate) struct Pen<'a> {
    pub(crate) values: &'a Values<'a>,
    pub(crate) label: Label,
    /// The longest text, in bytes.
    pub(crate) most: usize,
    pub(crate) room: &'a mut Room,
    pub(crate) out: &'a mut Vec<u8>,
}

impl Pen<'_> {
    /// Writes a text, and says whether all of it is there.
    #[inline]
    pub(crate) fn text(&mut self, text: &str) -> bool {
        let known = if self.may_wait() { self.room.known(text, self.values.lines) } else { None };
        match known {
            Some(known) => self.values.notation.plain(text, known, self.out),
            None => self.new_text(text),
        }
    }

    fn new_text(&mut self, text: &str) -> bool {
        let notation = self.values.notation;
        if !self.may_look_later(text) {
            return notation.text(&self.looked_at(text), self.most, self.out);
        }
        match self.room.look_later(text) {
            Some(plain) => notation.plain(text, plain, self.out),
            None => notation.text(text, self.most, self.out),
        }
    }

    /// The same for a message, which people read without quotes around it.
    #[inline]
    pub(crate) fn message(&mut self, text: &str) -> bool {
        match self.values.notation {
            Notation::Json => self.text(text),
            Notation::Text { .. } => escape(&self.looked_at(text), self.most, self.out),
        }
    }

    /// A text without secrets, or one that is looked at later.
    fn looked_at<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        if self.may_look_later(text) {
            self.room.look_later(text);
            Cow::Borrowed(text)
        } else if text.len() > MAX_PRINTED {
            Cow::Borrowed(TOO_LONG)
        } else {
            self.values.redactor.field(self.label.name, text)
        }
    }

    fn may_look_later(&self, text: &str) -> bool {
        self.may_wait() && text.len() <= LONG
    }

    /// Writes what a value prints.
    pub(crate) fn printed(&mut self, value: impl Value, write: impl FnOnce(&mut Self, &str) -> bool) -> bool {
        let mut text = std::mem::take(&mut self.room.text);
        let whole = write(self, print(&mut text, |out| value.print(out)));
        self.room.text = text;
        whole
    }

    /// Of a number's digits, those of a card or a known secret are hidden, and under the name of a secret all are.
    #[inline]
    pub(crate) fn number(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let start = self.out.len();
        write(self.out);
        if !self.may_wait() {
            return self.hide_number(start);
        }
        self.room.look_at_number_later(&self.out[start..], self.values.has_own_rules);
        true
    }

    #[inline]
    fn may_wait(&self) -> bool {
        self.values.when == When::Together && !self.label.hides
    }

    /// Replaces the digits that were written last, if they are to be hidden.
    #[cold]
    fn hide_number(&mut self, start: usize) -> bool {
        let digits = String::from_utf8_lossy(&self.out[start..]);
        let Cow::Owned(mask) = self.values.redactor.field(self.label.name, &digits) else { return true };
        self.out.truncate(start);
        self.values.notation.text(&mask, MAX_SLOT, self.out)
    }
}
