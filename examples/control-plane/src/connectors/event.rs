//! One line in the log for each thing that a connector was asked to do, and in the audit log one record of its end, one of
//! each retry, and one of its start if it changes something.

use std::error::Error;
use std::fmt;
use std::future::Future;

use buttress::audit::{Action, ConnectorOutcome, Event, EventBuilder, Reservation as _};
use buttress::core::{Left, Signal, Verdict};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use crate::audit::{Audit, Room};
use crate::connectors::ConnectorError;
use crate::domain::{Connector, Word};
use crate::problem::millis;

/// What a connector is asked to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    pub(super) connector: Connector,
    pub(super) name: &'static str,
    pub(super) effect: Effect,
}

/// Whether an operation changes something there. If it does, its start is recorded too: should this process die in the
/// middle, the record says what may have been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Reads,
    Changes,
}

/// A call that went wrong and is sent again.
struct Retry {
    cause: String,
    attempts_left: Option<u64>,
}

tokio::task_local! {
    /// Where the retry layer tells of what it does for the operation at hand.
    static RETRIES: UnboundedSender<Retry>;
}

/// Hears of retries, for the operation whose call it is.
pub(super) fn hear(signal: &Signal<'_>) {
    if signal.verdict != Verdict::Retried {
        return;
    }
    let attempts_left = match signal.left {
        Some(Left::Calls(left)) => Some(left),
        _ => None,
    };
    // Without an operation, or after its end, there is nobody who would want to know.
    let _ = RETRIES.try_with(|retries| retries.send(Retry { cause: signal.code.to_owned(), attempts_left }));
}

/// Waits for an operation, and notes how it ended, in the log and in the audit log, where its retries are told too. The
/// calls that it makes are noted in the log by their client.
pub(super) async fn noted<T>(
    audit: &Audit,
    operation: Operation,
    work: impl Future<Output = Result<T, ConnectorError>>,
) -> Result<T, ConnectorError> {
    let begun = Begun::begin(audit, operation).await;
    let (retries, mut heard) = unbounded_channel();
    // Boxed, because it is large, and would be held twice.
    let mut work = Box::pin(RETRIES.scope(retries, work));
    let result = loop {
        tokio::select! {
            biased;
            Some(retry) = heard.recv() => begun.retried(audit, retry).await,
            result = &mut work => break result,
        }
    };
    // The last one may have ended at once.
    while let Ok(retry) = heard.try_recv() {
        begun.retried(audit, retry).await;
    }
    let elapsed_ms = begun.elapsed_ms();
    let Operation { connector, name: operation, .. } = operation;
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
    operation: Operation,
    at: Instant,
    /// None where there was none, which has been told; what is done goes on.
    room: Option<Room>,
}

impl Begun {
    async fn begin(audit: &Audit, operation: Operation) -> Self {
        let room = audit.room(&Action::CONNECTOR_CALL).await.ok();
        let begun = Self { operation, at: Instant::now(), room };
        if operation.effect == Effect::Changes {
            // The call is made, whether that can be recorded or not.
            let _ = audit.note(begun.named(ConnectorOutcome::Start).build()).await;
        }
        begun
    }

    /// Records that a call is sent again, and lets that wait for no receipt.
    async fn retried(&self, audit: &Audit, Retry { cause, attempts_left }: Retry) {
        let Ok(room) = audit.room(&Action::CONNECTOR_CALL).await else { return };
        let event = self.event(ConnectorOutcome::Retry).detail("cause", cause);
        drop(room.record(event.detail("attempts_left", attempts_left).build()));
    }

    fn elapsed_ms(&self) -> u64 {
        millis(self.at.elapsed())
    }

    fn event(&self, outcome: ConnectorOutcome) -> EventBuilder {
        self.named(outcome).detail("elapsed_ms", self.elapsed_ms())
    }

    fn named(&self, outcome: ConnectorOutcome) -> EventBuilder {
        Event::connector(self.operation.connector.as_str(), self.operation.name, outcome)
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
        let (Operation { connector, name: operation, .. }, elapsed_ms) = (self.operation, self.elapsed_ms());
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
