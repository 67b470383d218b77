use std::borrow::Cow;

use crate::report::Report;
use crate::scan::Span;

/// Collects what is written: stretches of the input as they were, and masks between them.
///
/// Nothing is copied, and nothing allocated, until the first mask.
#[derive(Debug)]
pub(crate) struct Sink<'a> {
    source: &'a [u8],
    out: Vec<u8>,
    /// How much had been written before.
    base: usize,
    /// How much of the source is settled.
    copied: usize,
    pub(crate) report: Report,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(source: &'a [u8]) -> Self {
        Self::onto(source, Vec::new())
    }

    /// Writes behind what is there already.
    pub(crate) fn onto(source: &'a [u8], out: Vec<u8>) -> Self {
        Self { source, base: out.len(), out, copied: 0, report: Report::default() }
    }

    /// Takes back everything, to begin anew.
    pub(crate) fn restart(&mut self) {
        self.out.truncate(self.base);
        self.copied = 0;
        self.report = Report::default();
    }

    pub(crate) fn replace(&mut self, span: &Span<'_>) {
        self.report.count(span.named);
        self.copy_to(span.range.start);
        span.mask.write(&mut self.out);
        self.copied = span.range.end;
    }

    /// The same where the mask has to be a JSON string of its own.
    pub(crate) fn replace_quoted(&mut self, span: &Span<'_>) {
        self.report.count(span.named);
        self.copy_to(span.range.start);
        span.mask.write_quoted(&mut self.out);
        self.copied = span.range.end;
    }

    /// Replaces a stretch by something that was redacted apart, and counts what was found there.
    pub(crate) fn put(&mut self, start: usize, end: usize, report: Report, write: impl FnOnce(&mut Vec<u8>)) {
        self.report.add(report);
        self.copy_to(start);
        write(&mut self.out);
        self.copied = end;
    }

    /// Replaces everything, because of a limit.
    pub(crate) fn give_up(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.restart();
        self.report.limit();
        write(&mut self.out);
        self.copied = self.source.len();
    }

    fn copy_to(&mut self, place: usize) {
        self.out.extend_from_slice(&self.source[self.copied..place]);
    }

    /// Whether anything was replaced.
    pub(crate) fn changed(&self) -> bool {
        self.report.is_touched()
    }

    /// What was written, or the source if nothing was replaced.
    pub(crate) fn into_cow(mut self) -> (Cow<'a, [u8]>, Report) {
        if !self.changed() {
            return (Cow::Borrowed(self.source), self.report);
        }
        self.copy_to(self.source.len());
        (Cow::Owned(self.out), self.report)
    }

    /// What was written, behind what had been there.
    pub(crate) fn finish(mut self) -> (Vec<u8>, Report) {
        self.copy_to(self.source.len());
        (self.out, self.report)
    }
}
