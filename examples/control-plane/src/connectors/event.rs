//! One line in the log for each thing that a connector was asked to do, and one record in the audit log.

use std::error::Error;
use std::fmt;
use std::future::Future;

use buttress::audit::{Action, ConnectorOutcome, Event, EventBuilder, Reservation as _};
use tokio::time::Instant;

use crate::audit::{Audit, Room};
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
    let begun = Begun::begin(audit, connector, operation).await;
    let result = work.await;
    let elapsed_ms = begun.elapsed_ms();
    let event = match &result {
        Ok(_) => {
            tracing::info!(%connector, operation, outcome = "success", elapsed_ms, "connector event");
            begun.event(ConnectorOutcome::Success)
        }
        Err(error) => {
            let (told, chain) = (outcome(error), Chain(error));
            let outcome = told.as_str().to_ascii_lowercase();
            tracing::warn!(%connector, operation, outcome, elapsed_ms, error = %chain, "connector event");
            begun.event(told).detail("error", chain.to_string())
        }
    };
    begun.end(event.build()).await;
    result
}

/// An operation that was begun. Whoever asked for it may leave before its end; then it notes that nobody knows how it
/// ended, in the room that was taken before.
struct Begun {
    connector: Connector,
    operation: &'static str,
    at: Instant,
    /// None where there was none, which has been told; what is done goes on.
    room: Option<Room>,
}

impl Begun {
    async fn begin(audit: &Audit, connector: Connector, operation: &'static str) -> Self {
        let room = audit.room(&Action::CONNECTOR_CALL).await.ok();
        Self { connector, operation, at: Instant::now(), room }
    }

    fn elapsed_ms(&self) -> u64 {
        millis(self.at.elapsed())
    }

    fn event(&self, outcome: ConnectorOutcome) -> EventBuilder {
        let event = Event::connector(self.connector.as_str(), self.operation, outcome);
        event.detail("elapsed_ms", self.elapsed_ms())
    }

    async fn end(mut self, event: Event) {
        if let Some(room) = self.room.take() {
            // The call was made, whether it can be recorded or not.
            let _ = Audit::record(room, event).await;
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let Some(room) = self.room.take() else { return };
        let (connector, operation, elapsed_ms) = (self.connector, self.operation, self.elapsed_ms());
        tracing::info!(%connector, operation, outcome = "cancelled", elapsed_ms, "connector event");
        // It is handed over at once, and nobody is left who could wait for the receipt.
        drop(room.record(self.event(ConnectorOutcome::Start).reason("cancelled").build()));
    }
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
