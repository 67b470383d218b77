//! One line in the log for each thing that a connector was asked to do.

use std::error::Error;
use std::fmt;
use std::future::Future;

use buttress::audit::{ConnectorOutcome, Event};

use crate::audit::Audit;
use crate::connectors::ConnectorError;
use crate::domain::{Connector, Word};
use crate::problem::millis;

/// Waits for an operation, and notes how it ended, in the log and in the audit log. The calls that it makes are noted by
/// their client.
pub(super) async fn noted<T>(
    audit: &Audit,
    connector: Connector,
    operation: &'static str,
    work: impl Future<Output = Result<T, ConnectorError>>,
) -> Result<T, ConnectorError> {
    let started = tokio::time::Instant::now();
    let result = work.await;
    let elapsed_ms = millis(started.elapsed());
    let event = |outcome: ConnectorOutcome| {
        Event::connector(connector.as_str(), operation, outcome).detail("elapsed_ms", elapsed_ms)
    };
    let event = match &result {
        Ok(_) => {
            tracing::info!(%connector, operation, outcome = "success", elapsed_ms, "connector event");
            event(ConnectorOutcome::Success)
        }
        Err(error) => {
            let (told, chain) = (outcome(error), Chain(error));
            let outcome = told.as_str().to_ascii_lowercase();
            tracing::warn!(%connector, operation, outcome, elapsed_ms, error = %chain, "connector event");
            event(told).detail("error", chain.to_string())
        }
    };
    // The call was made, whether it can be recorded or not.
    let _ = audit.record(event.build()).await;
    result
}

fn outcome(error: &ConnectorError) -> ConnectorOutcome {
    match error {
        ConnectorError::Call(error) if error.is_circuit_open() => ConnectorOutcome::CircuitOpen,
        ConnectorError::Call(_) | ConnectorError::Vanished => ConnectorOutcome::Failure,
    }
}

/// An error with its causes, on one line.
struct Chain<'a>(&'a ConnectorError);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, f)?;
        std::iter::successors(self.0.source(), |&cause| cause.source())
            .try_for_each(|cause| write!(f, ": {cause}"))
    }
}
