use std::ops::Deref;
use std::time::Duration;

use tracing::Subscriber;
use tracing::subscriber::set_global_default;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;

use crate::builder::LogsBuilder;
use crate::error::LogsError;
use crate::filter::LogFilter;
use crate::handle::LogsHandle;
use crate::layer::LogLayer;

/// A log, in the parts that a subscriber is made of.
///
/// ```
/// use buttress_telemetry::Logs;
/// use tracing_subscriber::layer::{Layer, SubscriberExt};
///
/// let Logs { layer, filter, guard } = Logs::builder().build()?;
/// let subscriber = tracing_subscriber::registry().with(layer.with_filter(filter)); // .with(another layer)
/// # drop((subscriber, guard));
/// # Ok::<(), buttress_telemetry::LogsError>(())
/// ```
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a log is taken apart by a pattern")]
pub struct Logs {
    /// Writes what reaches it.
    pub layer: LogLayer,
    /// Chooses what reaches it.
    pub filter: LogFilter,
    /// Waits for the last lines.
    pub guard: LogsGuard,
}

impl Logs {
    /// Begins with the defaults.
    pub fn builder() -> LogsBuilder {
        LogsBuilder::new()
    }

    /// Makes a log as the [environment](crate#environment) says the log of this process.
    pub fn from_env() -> Result<LogsGuard, LogsError> {
        Self::builder().env().init()
    }

    /// Makes it the log of this process.
    pub fn init(self) -> Result<LogsGuard, LogsError> {
        let (subscriber, guard) = self.into_subscriber();
        set_global_default(subscriber).map_err(LogsError::Taken)?;
        Ok(guard)
    }

    /// A subscriber that does nothing else, for one thread or one test.
    pub fn into_subscriber(self) -> (impl Subscriber + Send + Sync, LogsGuard) {
        // The filter inside, so that both are asked once for each place in the source, and not for each event.
        (registry().with(self.filter).with(self.layer), self.guard)
    }
}

/// Waits for the last lines when it is dropped, so keep it until the end of `main`.
///
/// What is logged afterwards is still written if the process lives on. It is a [`LogsHandle`] as well.
#[derive(Debug)]
#[must_use = "what was logged last is lost if the process ends before it is written"]
pub struct LogsGuard {
    handle: LogsHandle,
    flush_within: Duration,
}

impl LogsGuard {
    pub(crate) fn new(handle: LogsHandle, flush_within: Duration) -> Self {
        Self { handle, flush_within }
    }

    /// A handle to look at the log and to change it.
    pub fn handle(&self) -> LogsHandle {
        self.handle.clone()
    }
}

impl Deref for LogsGuard {
    type Target = LogsHandle;

    fn deref(&self) -> &LogsHandle {
        &self.handle
    }
}

impl Drop for LogsGuard {
    fn drop(&mut self) {
        self.handle.flush(self.flush_within);
    }
}
