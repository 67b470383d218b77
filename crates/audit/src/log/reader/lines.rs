use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use super::super::line::{MAX_ENVELOPE, MAX_EVENT};
use super::super::regular;

/// The most bytes of one line, its line feed among them.
pub(crate) const MAX_LINE: usize = MAX_EVENT + MAX_ENVELOPE;

/// How much is read at once.
pub(super) const CHUNK: usize = 64 * 1024;

/// Whole lines of a file in order, through one buffer that never holds more than one line and a chunk.
#[derive(Debug)]
pub(crate) struct Lines {
    file: File,
    buffer: Vec<u8>,
    /// Where in the buffer the next line begins.
    start: usize,
    /// Where in the file the next line begins.
    offset: u64,
    /// Where in the file to stop, as if it ended there.
    end: u64,
}

/// What comes next in a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<'a> {
    /// A whole line, without its line feed.
    Line(&'a [u8]),
    /// More bytes without a line feed than a line may have.
    TooLong,
    /// The end, behind so many bytes that are no whole line. Asked again, the file is read again from there.
    End { partial: u64 },
}

enum Found {
    Line(Range<usize>),
    TooLong,
    End(u64),
}

impl Lines {
    /// The lines from an offset on, where a line must begin.
    pub(crate) fn open(path: &Path, offset: u64) -> io::Result<Self> {
        Self::new(regular::open(path)?, offset)
    }

    pub(super) fn new(mut file: File, offset: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(offset))?;
        Ok(Self { file, buffer: Vec::new(), start: 0, offset, end: u64::MAX })
    }

    /// Stops at this place in the file, whatever is written behind it meanwhile.
    pub(crate) fn until(mut self, end: u64) -> Self {
        self.end = end;
        self
    }

    /// Where the next line begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// How long the file is now.
    pub(super) fn file_len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    pub(crate) fn next(&mut self) -> io::Result<Next<'_>> {
        Ok(match self.find()? {
            Found::Line(range) => {
                self.start = range.end + 1;
                self.offset += range.len() as u64 + 1;
                Next::Line(&self.buffer[range])
            }
            Found::TooLong => Next::TooLong,
            Found::End(partial) => Next::End { partial },
        })
    }

    fn find(&mut self) -> io::Result<Found> {
        let mut searched = self.start;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[searched..]) {
                return Ok(Found::Line(self.start..searched + at));
            }
            if self.buffer.len() - self.start >= MAX_LINE {
                return Ok(Found::TooLong);
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            searched = self.buffer.len();
            if self.read_more()? == 0 {
                return self.forget_partial().map(Found::End);
            }
        }
    }

    fn read_more(&mut self) -> io::Result<usize> {
        let left = self.end.saturating_sub(self.offset + self.buffer.len() as u64);
        let most = left.min(CHUNK as u64);
        self.file.by_ref().take(most).read_to_end(&mut self.buffer)
    }

    /// Half a line is not kept: its writer may cut it off and write something else in its place.
    fn forget_partial(&mut self) -> io::Result<u64> {
        let partial = self.buffer.len() as u64;
        self.buffer.clear();
        self.file.seek(SeekFrom::Start(self.offset))?;
        Ok(partial)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn all(lines: &mut Lines) -> Vec<String> {
        let mut found = Vec::new();
        while let Next::Line(line) = lines.next().unwrap() {
            found.push(String::from_utf8(line.to_vec()).unwrap());
        }
        found
    }

    #[test]
    fn half_a_line_is_read_anew_when_the_rest_has_come() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"one\n\ntw").unwrap();
        let mut lines = Lines::open(file.path(), 0).unwrap();
        assert_eq!(all(&mut lines), ["one", ""]);
        assert_eq!(lines.next().unwrap(), Next::End { partial: 2 });
        // Cut off and written differently, as after a crash.
        file.as_file().set_len(5).unwrap();
        file.seek(SeekFrom::Start(5)).unwrap();
        file.write_all(b"2\nthree\n").unwrap();
        assert_eq!(all(&mut lines), ["2", "three"]);
        assert_eq!((lines.offset(), lines.next().unwrap()), (13, Next::End { partial: 0 }));
    }

    #[test]
    fn lines_longer_than_a_chunk_are_whole() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let texts = [CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 0, MAX_LINE - 1].map(|size| "x".repeat(size));
        for text in &texts {
            writeln!(file, "{text}").unwrap();
        }
        assert_eq!(all(&mut Lines::open(file.path(), 0).unwrap()), texts);
    }

    #[test]
    fn a_line_without_end_is_not_taken_into_memory() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&vec![b'x'; 3 * MAX_LINE]).unwrap();
        let mut lines = Lines::open(file.path(), 0).unwrap();
        assert_eq!(lines.next().unwrap(), Next::TooLong);
        assert_eq!(lines.next().unwrap(), Next::TooLong);
        assert!(lines.buffer.capacity() < 2 * MAX_LINE + 2 * CHUNK);
    }

    #[test]
    fn nothing_behind_the_given_end_is_read() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"one\ntwo\nthree\n").unwrap();
        let mut lines = Lines::open(file.path(), 4).unwrap().until(10);
        assert_eq!(all(&mut lines), ["two"]);
        assert_eq!(lines.next().unwrap(), Next::End { partial: 2 });
    }
}
