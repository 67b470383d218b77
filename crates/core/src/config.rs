use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// Everything that is wrong with a layer's settings, told at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

/// One setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    layer: &'static str,
    field: Cow<'static, str>,
    value: String,
    allowed: Cow<'static, str>,
}

impl Problem {
    /// The layer whose setting it is.
    pub fn layer(&self) -> &'static str {
        self.layer
    }

    /// The setting.
    pub fn field(&self) -> &str {
        &self.field
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

impl ConfigError {
    /// The problems, in the order of the settings.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.problems.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            let Problem { layer, field, value, allowed } = problem;
            write!(f, "{separator}{layer}: {field} is {value}, allowed: {allowed}")?;
        }
        Ok(())
    }
}

impl Error for ConfigError {}

/// Checks a layer's settings one by one and fails once, with all that was found.
///
/// ```
/// use buttress_core::Checks;
///
/// let mut checks = Checks::of("retry");
/// checks.require(0 >= 1, "max_attempts", 0, "1 to 100");
/// checks.require(250 <= 100, "ratio", "250 %", "0 to 100 %");
/// let error = checks.finish().expect_err("two settings are wrong");
/// assert_eq!(error.problems().len(), 2);
/// assert_eq!(
///     error.to_string(),
///     "retry: max_attempts is 0, allowed: 1 to 100; retry: ratio is 250 %, allowed: 0 to 100 %",
/// );
/// ```
#[derive(Debug)]
pub struct Checks {
    layer: &'static str,
    problems: Vec<Problem>,
}

impl Checks {
    /// Begins to check the settings of a layer.
    pub fn of(layer: &'static str) -> Self {
        Self { layer, problems: Vec::new() }
    }

    /// Notes a problem unless `holds`.
    pub fn require(
        &mut self,
        holds: bool,
        field: impl Into<Cow<'static, str>>,
        value: impl fmt::Display,
        allowed: impl Into<Cow<'static, str>>,
    ) {
        if !holds {
            let (field, value, allowed) = (field.into(), value.to_string(), allowed.into());
            self.problems.push(Problem { layer: self.layer, field, value, allowed });
        }
    }

    /// Takes over the problems of a part whose settings were checked elsewhere.
    pub fn absorb<T>(&mut self, part: Result<T, ConfigError>) -> Option<T> {
        match part {
            Ok(part) => Some(part),
            Err(error) => {
                self.problems.extend(error.problems);
                None
            }
        }
    }

    /// Hands over what was built from the settings, if nothing was noted.
    ///
    /// Whatever could not be built should have been noted as a problem; if nothing was, that itself is noted.
    pub fn finish_with<T>(mut self, built: Option<T>) -> Result<T, ConfigError> {
        let nothing_noted = self.problems.is_empty();
        match built {
            Some(built) if nothing_noted => Ok(built),
            _ => {
                self.require(!nothing_noted, "settings", "unusable", "settings that can be built");
                Err(ConfigError { problems: self.problems })
            }
        }
    }

    /// Succeeds if nothing was noted.
    pub fn finish(self) -> Result<(), ConfigError> {
        if self.problems.is_empty() { Ok(()) } else { Err(ConfigError { problems: self.problems }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_hands_on_its_problems_under_its_own_name() {
        let mut part = Checks::of("backoff");
        part.require(false, "cap", "0ns", "1 ms to 1 day");
        let mut whole = Checks::of("retry");
        whole.require(true, "max_attempts", 3, "1 to 100");
        assert_eq!(whole.absorb(part.finish()), None);
        assert_eq!(whole.absorb(Ok(7)), Some(7));
        let error = whole.finish().expect_err("the part is wrong");
        assert_eq!(error.to_string(), "backoff: cap is 0ns, allowed: 1 ms to 1 day");
    }

    #[test]
    fn a_failure_is_never_without_a_problem() {
        let error = Checks::of("retry").finish_with(None::<u8>).expect_err("nothing was built");
        assert_eq!(error.to_string(), "retry: settings is unusable, allowed: settings that can be built");
        assert_eq!(Checks::of("retry").finish_with(Some(7)), Ok(7));
    }
}
