//! What values print about themselves.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{MAX_PRINTED, TOO_LONG};

/// Stands for what a value would have said about itself.
const PANICKED: &str = "<panicked when it was printed>";
const FAILED: &str = "<could not be printed>";

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

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

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
