//! Events that many services log, each in one form.

use std::fmt;
use std::time::Duration;

use crate::millis::millis;

/// How one operation of a connector went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectorOutcome {
    /// It has begun.
    Start,
    /// It did what it was to do.
    Success,
    /// It did not.
    Failure,
    /// It did not, and is tried again.
    Retry,
    /// It was not tried, because the circuit is open.
    CircuitOpen,
}

impl ConnectorOutcome {
    /// The outcome as one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Retry => "retry",
            Self::CircuitOpen => "circuit_open",
        }
    }
}

/// An operation of a connector to another system, as a line `connector_event`.
///
/// A failure is an error, a retry and an open circuit are warnings, the rest is information. The line bears the IDs of
/// the request, as every line does.
///
/// ```
/// use std::time::Duration;
/// use buttress_telemetry::{ConnectorEvent, ConnectorOutcome};
///
/// ConnectorEvent::new("intune", "create_app", ConnectorOutcome::Success)
///     .elapsed(Duration::from_millis(523))
///     .detail("app_id", &"abc-123")
///     .log();
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is written by `log`"]
pub struct ConnectorEvent<'a> {
    connector: &'a str,
    operation: &'a str,
    outcome: ConnectorOutcome,
    elapsed: Option<Duration>,
    error: Option<&'a (dyn std::error::Error + 'static)>,
    details: Pairs<'a>,
}

impl<'a> ConnectorEvent<'a> {
    /// An operation of the connector of this name.
    pub fn new(connector: &'a str, operation: &'a str, outcome: ConnectorOutcome) -> Self {
        Self { connector, operation, outcome, elapsed: None, error: None, details: Pairs::default() }
    }

    /// How long it took.
    pub fn elapsed(self, elapsed: Duration) -> Self {
        Self { elapsed: Some(elapsed), ..self }
    }

    /// What went wrong; its causes are written too.
    pub fn error(self, error: &'a (dyn std::error::Error + 'static)) -> Self {
        Self { error: Some(error), ..self }
    }

    /// More of it. At most 32 details are kept.
    pub fn detail(mut self, name: &'a str, value: &'a dyn fmt::Display) -> Self {
        self.details.push(name, value);
        self
    }

    /// Writes the line.
    pub fn log(&self) {
        let Self { connector, operation, error, .. } = *self;
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    event = "connector_event",
                    connector,
                    operation,
                    outcome = self.outcome.as_str(),
                    elapsed_ms = self.elapsed.map(millis),
                    error,
                    details = self.details.shown(),
                )
            };
        }
        match self.outcome {
            ConnectorOutcome::Start | ConnectorOutcome::Success => line!(info),
            ConnectorOutcome::Retry | ConnectorOutcome::CircuitOpen => line!(warn),
            ConnectorOutcome::Failure => line!(error),
        }
    }
}

/// A measured value, as a line `performance_metric`, for what is too rare or too detailed for a metric.
///
/// ```
/// use buttress_telemetry::PerformanceMetric;
///
/// PerformanceMetric::new("import.rows_per_second", 1234.5, "1/s").tag("job", &"nightly").log();
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is written by `log`"]
pub struct PerformanceMetric<'a> {
    metric: &'a str,
    value: f64,
    unit: &'a str,
    tags: Pairs<'a>,
}

impl<'a> PerformanceMetric<'a> {
    /// A value of a metric in a unit, such as `ms` or `bytes`.
    pub fn new(metric: &'a str, value: f64, unit: &'a str) -> Self {
        Self { metric, value, unit, tags: Pairs::default() }
    }

    /// Of what it was measured. At most 32 tags are kept.
    pub fn tag(mut self, name: &'a str, value: &'a dyn fmt::Display) -> Self {
        self.tags.push(name, value);
        self
    }

    /// Writes the line.
    pub fn log(&self) {
        let Self { metric, value, unit, .. } = *self;
        tracing::info!(event = "performance_metric", metric, value, unit, tags = self.tags.shown());
    }
}

/// How many details or tags an event keeps.
const MAX_PAIRS: usize = 32;

/// Names that are not known before the program runs. tracing has no fields for them, so they share one.
#[derive(Clone, Default)]
struct Pairs<'a>(Vec<(&'a str, &'a dyn fmt::Display)>);

impl<'a> Pairs<'a> {
    fn push(&mut self, name: &'a str, value: &'a dyn fmt::Display) {
        if self.0.len() < MAX_PAIRS {
            self.0.push((name, value));
        }
    }

    /// Nothing where there is nothing to show.
    fn shown(&self) -> Option<tracing::field::DisplayValue<&Self>> {
        (!self.0.is_empty()).then(|| tracing::field::display(self))
    }
}

/// `name="value"`, with a space between two, so that the redactor sees what belongs together.
impl fmt::Display for Pairs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, value)) in self.0.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(f, "{space}{name}={:?}", value.to_string())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Pairs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
