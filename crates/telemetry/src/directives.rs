use std::error::Error;
use std::fmt;
use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

/// Libraries that print headers, bodies or statements below the level `info`. They stay at it unless a filter names
/// them.
const TALKATIVE: [&str; 8] =
    ["h2", "hyper", "hyper_util", "reqwest", "rustls", "tokio_postgres", "tonic", "tower_http"];

/// A filter as it was given, and as it is asked.
#[derive(Clone, Debug)]
pub(crate) struct Directives {
    text: String,
    targets: Targets,
}

impl Directives {
    pub(crate) fn targets(&self) -> &Targets {
        &self.targets
    }
}

/// Everything that matters to whoever runs a service.
impl Default for Directives {
    fn default() -> Self {
        Self { text: "info".to_owned(), targets: quiet().with_default(LevelFilter::INFO) }
    }
}

fn quiet() -> Targets {
    Targets::new().with_targets(TALKATIVE.map(|library| (library, LevelFilter::INFO)))
}

impl FromStr for Directives {
    type Err = InvalidFilter;

    fn from_str(filter: &str) -> Result<Self, InvalidFilter> {
        let given: Vec<&str> = filter.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        if given.is_empty() {
            return Err(InvalidFilter { directive: filter.to_owned(), why: "it says nothing" });
        }
        let mut targets = quiet();
        for directive in &given {
            targets = add(targets, directive)?;
        }
        Ok(Self { text: given.join(","), targets })
    }
}

/// Adds `target=level` or `level`; of two for the same target the last counts.
///
/// A target alone is refused: else `inof` would be one, and the log would be silent without a word.
fn add(targets: Targets, directive: &str) -> Result<Targets, InvalidFilter> {
    let wrong = |why| InvalidFilter { directive: directive.to_owned(), why };
    let Some((target, level)) = directive.split_once('=') else {
        let level = directive.parse::<LevelFilter>();
        return level
            .map(|level| targets.with_default(level))
            .map_err(|_| wrong("it is no level, and a target needs one"));
    };
    let (target, level) = (target.trim(), level.trim().parse::<LevelFilter>());
    let level = level.map_err(|_| wrong("there is no such level"))?;
    let is_path =
        |text: &str| text.chars().all(|letter| letter.is_alphanumeric() || "_:-./".contains(letter));
    if target.is_empty() || !is_path(target) {
        return Err(wrong("a target is a path of modules"));
    }
    Ok(targets.with_target(target, level))
}

impl fmt::Display for Directives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A filter that cannot be read. The one before stays in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidFilter {
    pub(crate) directive: String,
    why: &'static str,
}

impl InvalidFilter {
    /// What a filter is made of.
    pub(crate) const ALLOWED: &'static str = "directives such as info or my_app=debug, separated by commas, with the \
                                              levels off, error, warn, info, debug and trace";

    /// The part that cannot be read.
    pub fn directive(&self) -> &str {
        &self.directive
    }
}

impl fmt::Display for InvalidFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "log filter directive {:?} cannot be read: {}; allowed: {}",
            self.directive,
            self.why,
            Self::ALLOWED
        )
    }
}

impl Error for InvalidFilter {}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    fn wants(filter: &str, target: &str, level: Level) -> bool {
        Directives::from_str(filter).expect("a filter").targets().would_enable(target, &level)
    }

    #[test]
    fn what_prints_headers_is_kept_quiet_unless_it_is_named() {
        for library in TALKATIVE {
            assert!(!wants("trace", library, Level::DEBUG), "{library}");
            assert!(wants("trace", library, Level::INFO), "{library}");
            assert!(wants(&format!("info,{library}=trace"), library, Level::TRACE), "{library}");
        }
        assert!(wants("trace", "my_app", Level::TRACE));
        assert!(wants("info,hyper::proto=debug", "hyper::proto::h1", Level::DEBUG));
        assert!(!wants("info,hyper::proto=debug", "hyper::client", Level::DEBUG));
    }

    #[test]
    fn the_longest_target_that_fits_decides() {
        for (target, level, wanted) in [
            ("my_app", Level::DEBUG, true),
            ("my_app::noisy", Level::INFO, false),
            ("my_app::noisy", Level::WARN, true),
            ("other", Level::WARN, false),
            ("off_target", Level::ERROR, true),
            ("silent", Level::ERROR, false),
        ] {
            let filter = "error, my_app=debug, my_app::noisy=warn,silent=off";
            assert_eq!(wants(filter, target, level), wanted, "{target} {level}");
        }
    }

    #[test]
    fn the_part_that_is_wrong_is_named() {
        for (filter, wrong) in [
            ("info,my_app=loud", "my_app=loud"),
            ("my_app=debug=info", "my_app=debug=info"),
            ("=info", "=info"),
            ("my_app[span]=debug", "my_app[span]=debug"),
            ("two words", "two words"),
            ("inof", "inof"),
            ("info,my_app", "my_app"),
            ("", ""),
            (" , ", " , "),
        ] {
            let error = Directives::from_str(filter).expect_err(filter);
            assert_eq!(error.directive(), wrong);
            assert!(error.to_string().contains("levels off, error, warn"), "{error}");
        }
    }
}
