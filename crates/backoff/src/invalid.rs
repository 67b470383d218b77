use std::error::Error;
use std::fmt;

/// Everything that is wrong with the settings of a backoff, told at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidBackoff {
    problems: Vec<Problem>,
}

/// One setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    field: &'static str,
    value: String,
    allowed: String,
}

impl InvalidBackoff {
    pub(crate) fn of(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// The problems, in the order base, multiplier, cap, jitter.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl Problem {
    pub(crate) fn new(field: &'static str, value: String, allowed: String) -> Self {
        Self { field, value, allowed }
    }

    /// The setting: `base`, `multiplier`, `cap` or `jitter`.
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// The value that was given.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What would have been allowed.
    pub fn allowed(&self) -> &str {
        &self.allowed
    }
}

impl fmt::Display for InvalidBackoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.problems.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, allowed: {}", self.field, self.value, self.allowed)
    }
}

impl Error for InvalidBackoff {}
