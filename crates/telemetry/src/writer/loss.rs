use crate::line::Stamp;

/// Lines that found no room, until the log itself can say so.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Loss {
    pub(crate) count: u64,
    span: Option<(Stamp, Stamp)>,
}

impl Loss {
    pub(crate) fn add(&mut self, at: Stamp) {
        self.count += 1;
        let first = self.span.map_or(at, |(first, _)| first);
        self.span = Some((first, at));
    }

    /// When the first and the last were lost.
    pub(crate) fn span(&self) -> Option<(Stamp, Stamp)> {
        self.span
    }
}

/// What became of the lines so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogCounts {
    /// Lines that were taken to be written.
    pub accepted: u64,
    /// Lines that were handed to the operating system, or to the writer that was given.
    pub written: u64,
    /// Lines that found no room because the reader was too slow; told in the log by `log_lines_dropped`.
    pub dropped_full: u64,
    /// Lines that were accepted and given up, because the output failed until the end.
    pub dropped_failed: u64,
    /// Events that were logged while a value of another line was printed, deeper than one level.
    pub dropped_nested: u64,
    /// How often the output failed; each time the same bytes are tried again.
    pub errors: u64,
    /// Bytes that wait to be written.
    pub waiting_bytes: usize,
}

impl LogCounts {
    /// Lines that nobody will read, for whatever reason.
    pub fn dropped(&self) -> u64 {
        self.dropped_full + self.dropped_failed + self.dropped_nested
    }
}
