use std::io;
use std::path::Path;

use bytes::Bytes;

use super::directory::check_format;
use super::line::Line;
use super::reader::{Backwards, FailedAt as _, OwnedLine, ReadError, Segment, place_of, segments};
use super::regular;

mod facts;
mod filter;

pub use filter::{InvalidFilter, Query};

/// The most bytes of the log that are looked at for one page, unless all of them are unreadable.
const MAX_SCAN: u64 = 32 * 1024 * 1024;

/// The most bytes of records on one page, and one record more.
const MAX_PAGE: usize = 4 * 1024 * 1024;

/// Some of the records that a query asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The newest first.
    pub records: Vec<OwnedLine>,
    /// Where the next page begins: give it as `before`. None if there are no older records. A page can be empty and
    /// have a next one, if so much was looked at in vain that it was enough for one page.
    pub next: Option<u64>,
    /// How many lines were met that are not what was written; verify the log.
    pub damaged: u64,
}

impl Query {
    /// The newest records that this asks for, of those before the one with the number `before`, and at most `limit`.
    ///
    /// Reads the files from their ends, needs no lock, and looks at no more than 32 MiB of them; what a page costs
    /// does not depend on how long the log is. What a file says is taken for true as far as a record's own hash goes.
    /// It blocks: in an async program it belongs on a thread for blocking work.
    ///
    /// # Errors
    ///
    /// [`ReadError::Io`] if the directory or a file cannot be read, [`ReadError::Directory`] if it is of a later version.
    pub fn page(&self, dir: impl AsRef<Path>, before: Option<u64>, limit: usize) -> Result<Page, ReadError> {
        check_format(dir.as_ref())?;
        let mut scan =
            Scan { query: self, limit, before, page: Page::default(), seen: None, scanned: 0, bytes: 0 };
        let older =
            segments(dir.as_ref())?.into_iter().filter(|file| before.is_none_or(|seq| file.first < seq));
        let mut older: Vec<_> = older.collect();
        while let Some(segment) = older.pop() {
            let is_full = match scan.segment(&segment) {
                // Retention was quicker; what is older is gone too.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(scan.page),
                result => result.at(&segment.path)?,
            };
            if is_full {
                // What is before the oldest record of all needs no page.
                let is_oldest = older.is_empty() && scan.seen == Some(segment.first);
                scan.page.next = scan.seen.filter(|_| !is_oldest);
                return Ok(scan.page);
            }
        }
        Ok(scan.page)
    }
}

struct Scan<'a> {
    query: &'a Query,
    limit: usize,
    before: Option<u64>,
    page: Page,
    /// The number of the last record that was looked at.
    seen: Option<u64>,
    scanned: u64,
    bytes: usize,
}

impl Scan<'_> {
    /// Looks through one file; whether the page is full.
    fn segment(&mut self, segment: &Segment) -> io::Result<bool> {
        let mut file = regular::open(&segment.path)?;
        let end = match self.before.take() {
            Some(seq) => place_of(&mut file, seq)?,
            None => file.metadata()?.len(),
        };
        let mut lines = Backwards::new(file, end)?;
        while !self.is_full() {
            let Some(line) = lines.next()? else { return Ok(false) };
            self.scanned += line.len() as u64 + 1;
            self.line(&line);
        }
        Ok(true)
    }

    fn is_full(&self) -> bool {
        let is_enough = self.page.records.len() >= self.limit || self.bytes >= MAX_PAGE;
        is_enough || (self.scanned >= MAX_SCAN && self.seen.is_some())
    }

    fn line(&mut self, bytes: &[u8]) {
        let Some(parts) = Line::split(bytes) else {
            self.page.damaged += 1;
            return;
        };
        self.seen = Some(parts.seq);
        if !self.query.matches(parts.event) {
            return;
        }
        match Line::parse(bytes) {
            Ok(line) if line.is_whole() => {
                self.bytes += bytes.len();
                self.page.records.push(OwnedLine::new(&line, Bytes::copy_from_slice(bytes)));
            }
            _ => self.page.damaged += 1,
        }
    }
}

#[cfg(test)]
mod tests;
