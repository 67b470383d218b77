use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::facts::{Facts, Named};
use crate::{Category, Outcome, Severity};

/// Which records are asked for: those to which all of this applies.
///
/// ```
/// use buttress_audit::log::Query;
///
/// let query = Query::new().with("outcome", "denied")?.with("since", "2026-11-21T00:00:00Z")?;
/// assert!(query.matches(br#"{"ts":"2026-11-21T09:26:19.000001Z","outcome":"denied"}"#));
/// assert!(!query.matches(br#"{"ts":"2026-11-21T09:26:19.000001Z","outcome":"success"}"#));
///
/// let wrong = Query::new().with("outcome", "maybe").unwrap_err();
/// let text = "the filter outcome is \"maybe\", allowed: success, failure, denied, partial, unknown";
/// assert_eq!(wrong.to_string(), text);
/// # Ok::<(), buttress_audit::log::InvalidFilter>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Query {
    actor: Option<String>,
    action: Option<String>,
    category: Option<String>,
    resource: Option<String>,
    outcome: Option<String>,
    severity: Option<String>,
    correlation_id: Option<String>,
    /// As events write it, so that both compare as texts.
    since: Option<String>,
    until: Option<String>,
}

const SEVERITIES: [Severity; 5] =
    [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

impl Query {
    /// The names of the filters.
    pub const FILTERS: [&str; 9] = [
        "actor",
        "action",
        "category",
        "resource",
        "outcome",
        "severity",
        "correlation_id",
        "since",
        "until",
    ];

    /// All records.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for less, by one filter given as texts: the parameters of a URL, the options of a command.
    ///
    /// | Filter | Applies to records |
    /// | --- | --- |
    /// | `actor` | of who has this ID |
    /// | `action`, `category`, `outcome`, `severity` | with this word, in upper or lower case |
    /// | `resource` | about what has this ID, is of this type, or both, as `type/id` |
    /// | `correlation_id` | with this ID |
    /// | `since`, `until` | not before, and before, this moment: a date, or a date and a time with its offset |
    ///
    /// Given twice, the later one counts.
    ///
    /// # Errors
    ///
    /// [`InvalidFilter`] if there is no such filter, or it cannot have this value.
    pub fn with(mut self, filter: &str, value: &str) -> Result<Self, InvalidFilter> {
        let text = || text(value).ok_or_else(|| InvalidFilter::new(filter, value, "1 to 1024 characters"));
        let moment = || {
            let allowed = "2026-11-21, or 2026-11-21T09:00:00Z";
            moment(value).ok_or_else(|| InvalidFilter::new(filter, value, allowed))
        };
        match filter {
            "actor" => self.actor = Some(text()?),
            "action" => self.action = Some(text()?),
            "resource" => self.resource = Some(text()?),
            "correlation_id" => self.correlation_id = Some(text()?),
            "category" => self.category = Some(word(filter, value, &Category::ALL.map(Category::as_str))?),
            "outcome" => self.outcome = Some(word(filter, value, &Outcome::ALL.map(Outcome::as_str))?),
            "severity" => self.severity = Some(word(filter, value, &SEVERITIES.map(Severity::as_str))?),
            "since" => self.since = Some(written(moment()?)),
            "until" => self.until = Some(written(moment()?)),
            _ => return Err(InvalidFilter::unknown(filter, value)),
        }
        Ok(self)
    }

    /// Asks for what is not older than this, at a moment; in place of a `since` that was given.
    pub fn within(self, age: std::time::Duration, now: std::time::SystemTime) -> Self {
        let since = Timestamp::try_from(now).ok().and_then(|now| {
            let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
            now.checked_sub(age).ok()
        });
        Self { since: Some(written(since.unwrap_or(Timestamp::MIN))), ..self }
    }

    /// Whether this asks for an event.
    pub fn matches(&self, event: &[u8]) -> bool {
        *self == Self::default() || serde_json::from_slice(event).is_ok_and(|facts| self.fits(&facts))
    }

    fn fits(&self, facts: &Facts<'_>) -> bool {
        let word = |asked: &Option<String>, is: &str| {
            asked.as_ref().is_none_or(|asked| asked.eq_ignore_ascii_case(is))
        };
        let text = |asked: &Option<String>, is: &str| asked.as_ref().is_none_or(|asked| asked == is);
        let moment = facts.ts.as_str();
        word(&self.action, facts.action.as_str())
            && word(&self.category, facts.category.as_str())
            && word(&self.outcome, facts.outcome.as_str())
            && word(&self.severity, facts.severity.as_str())
            && text(&self.correlation_id, facts.correlation_id.as_str())
            && text(&self.actor, facts.actor.id.as_str())
            && self.resource.as_ref().is_none_or(|asked| is_about(asked, &facts.resource))
            && self.since.as_ref().is_none_or(|since| moment >= since.as_str())
            && self.until.as_ref().is_none_or(|until| moment < until.as_str())
    }
}

fn is_about(asked: &str, resource: &Named<'_>) -> bool {
    let (kind, id) = (resource.kind.as_str(), resource.id.as_str());
    asked == id
        || asked == kind
        || asked.strip_prefix(kind).and_then(|rest| rest.strip_prefix('/')).is_some_and(|asked| asked == id)
}

fn text(value: &str) -> Option<String> {
    (1..=1024).contains(&value.len()).then(|| value.to_owned())
}

fn word(filter: &str, value: &str, allowed: &[&'static str]) -> Result<String, InvalidFilter> {
    let found = allowed.iter().find(|allowed| allowed.eq_ignore_ascii_case(value));
    found.map(|word| (*word).to_owned()).ok_or_else(|| InvalidFilter::new(filter, value, &allowed.join(", ")))
}

fn moment(value: &str) -> Option<Timestamp> {
    let midnight = || format!("{value}T00:00:00Z").parse();
    value.parse().or_else(|_| midnight()).ok()
}

/// As events write it.
fn written(moment: Timestamp) -> String {
    format!("{moment:.6}")
}

/// That a query cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidFilter {
    filter: String,
    value: String,
    allowed: String,
}

impl InvalidFilter {
    fn new(filter: &str, value: &str, allowed: &str) -> Self {
        let value = value.chars().take(80).collect();
        Self { filter: filter.to_owned(), value, allowed: allowed.to_owned() }
    }

    fn unknown(filter: &str, value: &str) -> Self {
        let filter: String = filter.chars().take(80).collect();
        Self {
            allowed: format!("filters named {}", Query::FILTERS.join(", ")),
            ..Self::new(&filter, value, "")
        }
    }

    /// The filter.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// The value it was given, the beginning of it.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What it may be.
    pub fn allowed(&self) -> &str {
        &self.allowed
    }
}

impl fmt::Display for InvalidFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the filter {} is {:?}, allowed: {}", self.filter, self.value, self.allowed)
    }
}

impl std::error::Error for InvalidFilter {}
