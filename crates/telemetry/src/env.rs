//! What the environment says about the log.

use std::time::Duration;

use buttress_core::Checks;

use crate::builder::LogsBuilder;
use crate::options::{LevelCase, LogColours, LogFormat, LogOutput};

/// Looks up variables. An empty one counts as not set.
pub(crate) struct Environment<F>(pub(crate) F);

impl<F: Fn(&str) -> Option<String>> Environment<F> {
    /// Follows all variables that are set, and notes what is wrong with them.
    pub(crate) fn apply(&self, mut to: LogsBuilder) -> LogsBuilder {
        if let Some(filter) = self.text("RUST_LOG") {
            to = to.filter_named("RUST_LOG", &filter);
        }
        let formats = [("json", LogFormat::Json), ("text", LogFormat::Text), ("auto", LogFormat::Auto)];
        to.format = self.word("BUTTRESS_LOG_FORMAT", &formats, &mut to.checks).unwrap_or(to.format);
        let cases = [("lower", LevelCase::Lower), ("upper", LevelCase::Upper)];
        to.level_case = self.word("BUTTRESS_LOG_LEVELS", &cases, &mut to.checks).unwrap_or(to.level_case);
        let colours =
            [("auto", LogColours::Auto), ("always", LogColours::Always), ("never", LogColours::Never)];
        to.colours = self.word("BUTTRESS_LOG_COLOR", &colours, &mut to.checks).unwrap_or(to.colours);
        to.no_color |= self.text("NO_COLOR").is_some();
        match self.word("BUTTRESS_LOG_OUTPUT", &[("stdout", true), ("stderr", false)], &mut to.checks) {
            Some(true) => to.output = LogOutput::Stdout,
            Some(false) => to.output = LogOutput::Stderr,
            None => {}
        }
        if let Some(bytes) = self.number("BUTTRESS_LOG_BUFFER_BYTES", "65536 to 1073741824", &mut to.checks) {
            to.buffer_bytes = bytes;
        }
        if let Some(millis) = self.number("BUTTRESS_LOG_FLUSH_MS", "0 to 60000", &mut to.checks) {
            to.flush_within = Duration::from_millis(millis as u64);
        }
        self.service(to)
    }

    fn service(&self, mut to: LogsBuilder) -> LogsBuilder {
        let name = self.text("BUTTRESS_SERVICE_NAME").or_else(|| self.text("OTEL_SERVICE_NAME"));
        to.service.name = name.or(to.service.name);
        to.service.version = self.text("BUTTRESS_SERVICE_VERSION").or(to.service.version);
        to.service.environment = self.text("BUTTRESS_ENVIRONMENT").or(to.service.environment);
        to
    }

    fn text(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn word<T: Copy>(&self, name: &'static str, allowed: &[(&str, T)], checks: &mut Checks) -> Option<T> {
        let value = self.text(name)?;
        let found = allowed.iter().find(|(word, _)| value.eq_ignore_ascii_case(word));
        let words: Vec<&str> = allowed.iter().map(|(word, _)| *word).collect();
        checks.require(found.is_some(), name, format!("{value:?}"), words.join(", "));
        found.map(|(_, meaning)| *meaning)
    }

    fn number(&self, name: &'static str, allowed: &'static str, checks: &mut Checks) -> Option<usize> {
        let value = self.text(name)?;
        let number = value.parse().ok();
        checks.require(number.is_some(), name, format!("{value:?}"), allowed);
        number
    }
}
