use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Where lines go in the end.
pub(super) struct Output {
    writer: Box<dyn Write + Send>,
    last_error: String,
    /// What is left of a line of our own that could not be written as a whole.
    begun: Vec<u8>,
}

/// How far a write got.
#[derive(Debug)]
pub(super) enum Progress {
    Done,
    /// It failed with so many bytes left.
    Stuck {
        left: usize,
    },
}

impl Output {
    pub(super) fn new(writer: Box<dyn Write + Send>) -> Self {
        Self { writer, last_error: String::new(), begun: Vec::new() }
    }

    /// What the output said when it failed last.
    pub(super) fn last_error(&self) -> String {
        self.last_error.clone()
    }

    /// Writes bytes behind those that were written before.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Progress {
        let begun = std::mem::take(&mut self.begun);
        let left = self.write(&begun);
        if left > 0 {
            self.begun = begun[begun.len() - left..].to_vec();
            return Progress::Stuck { left: bytes.len() };
        }
        match self.write(bytes) {
            0 => Progress::Done,
            left => Progress::Stuck { left },
        }
    }

    /// Writes a line that is not worth waiting for; one that is begun is finished before the next.
    pub(super) fn put_or_leave(&mut self, line: &[u8]) {
        let left = if self.begun.is_empty() { self.write(line) } else { line.len() };
        if left < line.len() {
            self.begun = line[line.len() - left..].to_vec();
        }
    }

    /// Writes until it is done or fails; says how many bytes are left.
    fn write(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() {
            match guarded(|| self.writer.write(rest)) {
                Ok(0) => return self.fail(&ErrorKind::WriteZero.into(), rest),
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return self.fail(&error, rest),
            }
        }
        // What a writer keeps to itself is tried again with the next bytes.
        let _ = guarded(|| self.writer.flush());
        0
    }

    fn fail(&mut self, error: &io::Error, rest: &[u8]) -> usize {
        self.last_error = error.to_string();
        rest.len()
    }
}

/// An output that panics has failed, and must not take along the thread that writes.
fn guarded<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(io::Error::other("the output panicked")))
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("last_error", &self.last_error).finish_non_exhaustive()
    }
}
