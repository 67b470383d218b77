//! Values as they are written: redacted, then cut, then escaped.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use buttress_redact::Redactor;

use super::escape::escape;
use super::room::Room;
use super::{MAX_PRINTED, MAX_SLOT, MAX_TEXT, Notation, float};

/// Stands for a text that is too long to be looked at.
const TOO_LONG: &str = "***REDACTED:too_long***";
/// Stands for what a value would have said about itself.
const PANICKED: &str = "<panicked when it was printed>";
const FAILED: &str = "<could not be printed>";

/// More causes than any error has, and fewer than a chain that runs in a circle.
const DEEPEST: usize = 64;

/// A value of a field.
#[derive(Clone, Copy)]
pub(crate) enum Value<'v> {
    Text(&'v str),
    Printed(&'v dyn fmt::Debug),
    Error(&'v (dyn Error + 'static)),
    Number(Digits<'v>),
    Float(f64),
    Bool(bool),
}

/// Writes values in one notation, by one redactor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values<'a> {
    pub(crate) notation: Notation,
    pub(crate) redactor: &'a Redactor,
    pub(crate) when: When,
    /// Whose they are, to tell what the redactor has said before.
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
const SHORT: usize = 4 * 1024;

impl Values<'_> {
    /// Writes what stands under a name, in at most `most` bytes, and says whether all of it is there.
    ///
    /// Whatever a value does while it is printed, this comes back.
    pub(crate) fn write(
        self,
        name: &'static str,
        value: Value<'_>,
        most: usize,
        room: &mut Room,
        out: &mut Vec<u8>,
    ) -> bool {
        match value {
            Value::Text(text) => self.text(name, text, most, room, out),
            Value::Number(digits) => self.number(name, digits.0, room, out),
            Value::Bool(is) => {
                out.extend_from_slice(if is { b"true" } else { b"false" });
                true
            }
            Value::Printed(_) | Value::Error(_) | Value::Float(_) => {
                with_printed(value, room, |text, room| match value {
                    // JSON has no word for what is not finite.
                    Value::Float(number) if number.is_finite() => self.number(name, text, room, out),
                    _ => self.text(name, text, most, room, out),
                })
            }
        }
    }

    /// Writes the message of an event, which people read without quotes around it.
    pub(crate) fn message(self, value: Value<'_>, room: &mut Room, out: &mut Vec<u8>) -> bool {
        let mut put = |text: &str, room: &mut Room| match self.notation {
            Notation::Json => self.text("message", text, MAX_TEXT, room, out),
            Notation::Text { .. } => escape(&self.redacted("message", text, room), MAX_TEXT, out),
        };
        match value {
            Value::Text(text) => put(text, room),
            value => with_printed(value, room, put),
        }
    }

    pub(crate) fn text(
        self,
        name: &'static str,
        text: &str,
        most: usize,
        room: &mut Room,
        out: &mut Vec<u8>,
    ) -> bool {
        self.notation.text(&self.redacted(name, text, room), most, out)
    }

    /// A text without secrets, or one that will be looked at with the others.
    fn redacted<'t>(self, name: &'static str, text: &'t str, room: &mut Room) -> Cow<'t, str> {
        if self.may_wait(name, text, room) {
            room.look_later(text);
            Cow::Borrowed(text)
        } else if text.len() > MAX_PRINTED {
            Cow::Borrowed(TOO_LONG)
        } else {
            self.redactor.field(name, text)
        }
    }

    fn may_wait(self, name: &'static str, text: &str, room: &mut Room) -> bool {
        self.when == When::Together && text.len() <= SHORT && !room.hides(name, self.redactor, self.lines)
    }

    /// Of a number's digits, those of a card or a known secret are hidden, and under the name of a secret all are.
    fn number(self, name: &'static str, digits: &str, room: &mut Room, out: &mut Vec<u8>) -> bool {
        match self.redacted(name, digits, room) {
            Cow::Borrowed(digits) => {
                out.extend_from_slice(digits.as_bytes());
                true
            }
            Cow::Owned(mask) => self.notation.text(&mask, MAX_SLOT, out),
        }
    }
}

/// Does something with what a value prints.
fn with_printed<T>(value: Value<'_>, room: &mut Room, work: impl FnOnce(&str, &mut Room) -> T) -> T {
    let mut text = std::mem::take(&mut room.text);
    let done = work(printed(value, &mut text), room);
    room.text = text;
    done
}

/// What a value prints; an error with its causes.
fn printed<'r>(value: Value<'_>, room: &'r mut String) -> &'r str {
    if let Value::Float(number) = value {
        return float::digits(number, room);
    }
    print(room, |out| match value {
        Value::Text(text) => out.write_str(text),
        Value::Printed(value) => write!(out, "{value:?}"),
        Value::Number(digits) => out.write_str(digits.0),
        Value::Float(number) => write!(out, "{number:?}"),
        Value::Bool(is) => write!(out, "{is}"),
        Value::Error(error) => {
            write!(out, "{error}")?;
            let mut cause = error.source();
            for _ in 0..DEEPEST {
                let Some(error) = cause else { break };
                write!(out, ": {error}")?;
                cause = error.source();
            }
            Ok(())
        }
    })
}

/// What is printed into `room`, or what stands for it.
pub(crate) fn print(room: &mut String, write: impl FnOnce(&mut Bounded<'_>) -> fmt::Result) -> &str {
    room.clear();
    let mut bounded = Bounded { room, is_full: false };
    // What is half written when it panics is not looked at any more.
    let printed = catch_unwind(AssertUnwindSafe(|| write(&mut bounded)));
    let is_full = bounded.is_full;
    match printed {
        Err(_) => PANICKED,
        Ok(_) if is_full => TOO_LONG,
        Ok(Err(_)) => FAILED,
        Ok(Ok(())) => room,
    }
}

/// As much as will be looked at, and not more.
pub(crate) struct Bounded<'a> {
    room: &'a mut String,
    is_full: bool,
}

impl fmt::Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.is_full || self.room.len() + text.len() > MAX_PRINTED {
            self.is_full = true;
            return Err(fmt::Error);
        }
        self.room.push_str(text);
        Ok(())
    }
}

/// A whole number in digits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digits<'a>(&'a str);

/// Room for the longest whole number: 39 digits and a sign.
pub(crate) type DigitRoom = [u8; 40];

impl<'a> Digits<'a> {
    pub(crate) fn of(mut number: u64, is_negative: bool, room: &'a mut DigitRoom) -> Self {
        let mut start = room.len();
        loop {
            start -= 1;
            room[start] = b'0' + u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
            if number == 0 {
                break;
            }
        }
        if is_negative {
            start -= 1;
            room[start] = b'-';
        }
        Self(str::from_utf8(&room[start..]).unwrap_or("0"))
    }

    /// The same for numbers that are rarely as long as they may be.
    pub(crate) fn of_wide(number: impl fmt::Display, room: &'a mut DigitRoom) -> Self {
        let mut rest = &mut room[..];
        let _ = write!(rest, "{number}");
        let left = rest.len();
        let written = room.len() - left;
        Self(str::from_utf8(&room[..written]).unwrap_or("0"))
    }

    pub(crate) fn as_str(self) -> &'a str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_numbers_keep_all_their_digits() {
        let mut room = [0; 40];
        assert_eq!(Digits::of_wide(i128::MIN, &mut room).0, i128::MIN.to_string());
        for number in [0, 7, 10, 1_234_567_890, i64::MAX, i64::MIN, -1] {
            let written = Digits::of(number.unsigned_abs(), number < 0, &mut room).0;
            assert_eq!(written, number.to_string());
        }
        assert_eq!(Digits::of(u64::MAX, false, &mut room).0, u64::MAX.to_string());
    }

    #[test]
    fn what_prints_too_much_or_fails_or_panics_is_named() {
        let mut room = String::new();
        assert_eq!(print(&mut room, |out| out.write_str("fine")), "fine");
        assert_eq!(print(&mut room, |_| Err(fmt::Error)), FAILED);
        assert_eq!(print(&mut room, |_| panic!("on purpose")), PANICKED);
        let endless = |out: &mut Bounded<'_>| loop {
            out.write_str("endless ")?;
        };
        assert_eq!(print(&mut room, endless), TOO_LONG);
        // One that goes on after it was told to stop is stopped all the same.
        let stubborn = |out: &mut Bounded<'_>| {
            for _ in 0..100_000 {
                let _ = out.write_str("stubborn ");
            }
            Ok(())
        };
        assert_eq!(print(&mut room, stubborn), TOO_LONG);
    }
}
