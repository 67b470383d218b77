use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::directives::InvalidFilter;
use crate::filter::{Loan, LogFilter};
use crate::writer::{LogCounts, Shared};

/// Looks at a log that runs, and changes what reaches it. Clones share.
#[derive(Clone)]
pub struct LogsHandle {
    filter: LogFilter,
    shared: Arc<Shared>,
}

impl LogsHandle {
    pub(crate) fn new(filter: LogFilter, shared: Arc<Shared>) -> Self {
        Self { filter, shared }
    }

    /// The filter in force, as it was given.
    pub fn filter(&self) -> String {
        self.filter.text()
    }

    /// Whether the filter in force ends by itself.
    pub fn is_temporary(&self) -> bool {
        self.filter.is_temporary()
    }

    /// Puts another filter in force; if it cannot be read, the one before stays.
    pub fn set_filter(&self, filter: &str) -> Result<(), InvalidFilter> {
        self.filter.set(filter)
    }

    /// Puts a filter in force for a while, and the one before it again afterwards; at most for a day.
    ///
    /// One that is set in the meantime stays. Of two that overlap, the second lasts for its own time, and what was in
    /// force before the first comes back. A thread waits for the end, or for another filter to be set.
    pub fn set_filter_for(&self, filter: &str, time: Duration) -> Result<(), InvalidFilter> {
        let Loan { change, ended } = self.filter.lend(filter)?;
        let (lent, time) = (self.filter.clone(), time.min(LONGEST));
        let wait = move || {
            // It ends early where another filter is set.
            let _ = ended.recv_timeout(time);
            lent.give_back(change);
        };
        if thread::Builder::new().name("buttress-log-filter".to_owned()).spawn(wait).is_err() {
            // Better the old filter at once than the new one for ever.
            self.filter.give_back(change);
        }
        Ok(())
    }

    /// What became of the lines so far.
    pub fn counts(&self) -> LogCounts {
        self.shared.counts()
    }

    /// Waits until all lines so far are written, at most so long, and says whether they are. It blocks the thread.
    pub fn flush(&self, at_most: Duration) -> bool {
        self.shared.flush(at_most)
    }
}

const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl fmt::Debug for LogsHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogsHandle").field("filter", &self.filter()).field("counts", &self.counts()).finish()
    }
}
