//! One line in the log for each thing that a connector was asked to do.

use std::error::Error;
use std::fmt;
use std::future::Future;

use crate::connectors::ConnectorError;
use crate::domain::Connector;
use crate::problem::millis;

/// Waits for an operation, and notes how it ended. The calls that it makes are noted by their client.
pub(super) async fn noted<T>(
    connector: Connector,
    operation: &'static str,
    work: impl Future<Output = Result<T, ConnectorError>>,
) -> Result<T, ConnectorError> {
    let started = tokio::time::Instant::now();
    let result = work.await;
    let elapsed_ms = millis(started.elapsed());
    match &result {
        Ok(_) => {
            tracing::info!(%connector, operation, outcome = "success", elapsed_ms, "connector event");
        }
        Err(error) => {
            let (outcome, error) = (outcome(error), Chain(error));
            tracing::warn!(%connector, operation, outcome, elapsed_ms, %error, "connector event");
        }
    }
    result
}

fn outcome(error: &ConnectorError) -> &'static str {
    match error {
        ConnectorError::Call(error) if error.is_circuit_open() => "circuit_open",
        ConnectorError::Call(_) | ConnectorError::Vanished => "failure",
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
