use std::fmt::{self, Write};

use crate::redactor::Redactor;

/// A value that is redacted whenever it is printed, and, with the feature `serde`, serialised.
///
/// ```
/// use buttress_redact::Redacted;
///
/// #[derive(Debug)]
/// # #[allow(dead_code)]
/// struct Login { user: &'static str, password: &'static str }
///
/// let login = Login { user: "ann", password: "hunter2" };
/// assert_eq!(format!("{:?}", Redacted::new(&login)), r#"Login { user: "ann", password: "***REDACTED***" }"#);
/// ```
///
/// What is printed is taken for text, which shows less than a structure does: serialise where you can.
#[derive(Clone)]
pub struct Redacted<T> {
    value: T,
    redactor: Redactor,
}

impl<T> Redacted<T> {
    /// Wraps a value, for the default redactor.
    pub fn new(value: T) -> Self {
        Self { value, redactor: Redactor::default() }
    }

    /// Wraps a value, for a redactor.
    pub fn by(redactor: &Redactor, value: T) -> Self {
        Self { value, redactor: redactor.clone() }
    }

    /// The value as it is.
    pub fn get_ref(&self) -> &T {
        &self.value
    }

    /// The value as it is.
    pub fn into_inner(self) -> T {
        self.value
    }

    #[cfg(feature = "serde")]
    pub(crate) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    fn print(&self, f: &mut fmt::Formatter<'_>, printed: fmt::Arguments<'_>) -> fmt::Result {
        let mut text = Capped { text: String::new(), max: self.redactor.max_bytes() };
        // A text that is cut off is longer than the limit, and a mask will stand for it.
        if text.write_fmt(printed).is_err() && text.text.len() <= text.max {
            return Err(fmt::Error);
        }
        f.write_str(&self.redactor.text(&text.text))
    }
}

/// Text that stops growing soon after a limit.
struct Capped {
    text: String,
    max: usize,
}

impl Write for Capped {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let left = (self.max + 1).saturating_sub(self.text.len());
        let end = (left..part.len()).find(|place| part.is_char_boundary(*place));
        self.text.push_str(&part[..end.unwrap_or(part.len())]);
        if self.text.len() > self.max { Err(fmt::Error) } else { Ok(()) }
    }
}

impl<T: fmt::Display> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(f, format_args!("{}", self.value))
    }
}

impl<T: fmt::Debug> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            self.print(f, format_args!("{:#?}", self.value))
        } else {
            self.print(f, format_args!("{:?}", self.value))
        }
    }
}
