//! What fields hold, and how each kind of it is written.

use std::error::Error;
use std::fmt::{self, Write as _};

use super::digits;
use super::pen::Pen;
use super::print::Bounded;

/// A value of a field. Each kind has code of its own: most values are short, and asking each what it is would cost more
/// than writing it.
pub(crate) trait Value: Copy {
    /// Says what it is in words.
    fn print(self, out: &mut Bounded<'_>) -> fmt::Result;

    /// Writes itself, and says whether all of it is there. Whatever it does while it is printed, this comes back.
    #[inline]
    fn write(self, pen: &mut Pen<'_>) -> bool {
        pen.printed(self, Pen::text)
    }

    /// Writes itself as the message of an event.
    #[inline]
    fn write_message(self, pen: &mut Pen<'_>) -> bool {
        pen.printed(self, Pen::message)
    }

    fn is_true(self) -> bool {
        false
    }
}

impl Value for &str {
    fn print(self, out: &mut Bounded<'_>) -> fmt::Result {
        out.write_str(self)
    }

    #[inline]
    fn write(self, pen: &mut Pen<'_>) -> bool {
        pen.text(self)
    }

    #[inline]
    fn write_message(self, pen: &mut Pen<'_>) -> bool {
        pen.message(self)
    }
}

impl Value for bool {
    fn print(self, out: &mut Bounded<'_>) -> fmt::Result {
        write!(out, "{self}")
    }

    #[inline]
    fn write(self, pen: &mut Pen<'_>) -> bool {
        pen.out.extend_from_slice(if self { b"true" } else { b"false" });
        true
    }

    #[inline]
    fn is_true(self) -> bool {
        self
    }
}

impl Value for u64 {
    fn print(self, out: &mut Bounded<'_>) -> fmt::Result {
        write!(out, "{self}")
    }

    #[inline]
    fn write(self, pen: &mut Pen<'_>) -> bool {
        pen.number(|out| digits::whole(self, out))
    }
}

impl Value for i64 {
    fn print(self, out: &mut Bounded<'_>) -> fmt::Result {
        write!(out, "{self}")
    }

    #[inline]
    fn write(self, pen: &mut Pen<'_>) -> bool {
        pen.number(|out| digits::signed(self, out))
    }
}

/// A whole number that is rarely as wide as it may be.
#[derive(Clone, Copy)]
pub(crate) struct Wide<T>(pub(crate) T);

impl<T: Copy + fmt::Display> Value for Wide<T> {
    fn print(self, out: &mut Bounded<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }

    fn write(self, pen: &mut Pen<'_>) -> bool {
        pen.number(|out| digits::printed(self.0, out))
    }
}

impl Value for f64 {
    fn print(self, out: &mut Bounded<'_>) -> fmt::Result {
        write!(out, "{self:?}")
    }

    #[inline]
    fn write(self, pen: &mut Pen<'_>) -> bool {
        // JSON has no word for what is not finite.
        if self.is_finite() {
            pen.number(|out| digits::fraction(self, out))
        } else {
            pen.printed(self, Pen::text)
        }
    }
}

impl Value for &dyn fmt::Debug {
    fn print(self, out: &mut Bounded<'_>) -> fmt::Result {
        write!(out, "{self:?}")
    }
}

/// More causes than any error has, and fewer than a chain that runs in a circle.
const DEEPEST: usize = 64;

/// An error is written with its causes.
impl Value for &(dyn Error + 'static) {
    fn print(self, out: &mut Bounded<'_>) -> fmt::Result {
        write!(out, "{self}")?;
        let mut cause = self.source();
        for _ in 0..DEEPEST {
            let Some(error) = cause else { break };
            write!(out, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
