use std::fmt;
use std::io::{self, Stdout, Write};

use tokio::task::JoinHandle;

use super::{Sink, SinkError};
use crate::log::OwnedLine;

/// Writes each record as one line, exactly as it is in the log: to standard output, or to whatever can be written to.
///
/// Lines are whole: what a failed write has left of one is written first when it goes on. A record is not written again
/// while this lives, also if nobody knows for a time what became of it. When the reader of a pipe has gone there is
/// nobody to write to, and the feeder ends.
pub struct WriterSink<W> {
    name: String,
    state: State<W>,
}

enum State<W> {
    Free(Work<W>),
    Writing(JoinHandle<(Work<W>, io::Result<()>)>),
    /// The thread that wrote panicked, and took the writer with it.
    Gone,
}

/// What a thread takes with it to write.
struct Work<W> {
    out: W,
    text: Vec<u8>,
    /// How much of the text is written.
    written: usize,
    /// The last record whose line is in the text, or was.
    last: Option<u64>,
}

impl WriterSink<Stdout> {
    /// To standard output; its name is `stdout`.
    pub fn stdout() -> Self {
        Self::new("stdout", io::stdout())
    }
}

impl<W: Write + Send + 'static> WriterSink<W> {
    /// To a writer, which is flushed after each batch. It may block: it is written to from a thread for that.
    pub fn new(name: impl Into<String>, out: W) -> Self {
        let work = Work { out, text: Vec::new(), written: 0, last: None };
        Self { name: name.into(), state: State::Free(work) }
    }

    /// Waits for a write that an earlier call began and did not see the end of.
    async fn settle(&mut self) -> Result<Work<W>, SinkError> {
        if let State::Writing(writing) = &mut self.state {
            // To be dropped here loses nothing: the handle stays.
            let done = writing.await;
            self.state = State::Gone;
            let (work, result) = done.map_err(SinkError::fatal)?;
            if let Err(error) = result {
                self.state = State::Free(work);
                return Err(failure(error));
            }
            return Ok(work);
        }
        match std::mem::replace(&mut self.state, State::Gone) {
            State::Free(work) => Ok(work),
            _ => Err(SinkError::fatal("the writer was lost in a panic")),
        }
    }
}

impl<W: Write + Send + 'static> Sink for WriterSink<W> {
    fn name(&self) -> &str {
        &self.name
    }

    async fn deliver(&mut self, batch: &[OwnedLine]) -> Result<(), SinkError> {
        let mut work = self.settle().await?;
        work.add(batch);
        self.state = State::Writing(tokio::task::spawn_blocking(move || {
            let result = work.write();
            (work, result)
        }));
        let work = self.settle().await?;
        self.state = State::Free(work);
        Ok(())
    }
}

impl<W: Write> Work<W> {
    /// Adds the lines that were not added before.
    fn add(&mut self, batch: &[OwnedLine]) {
        for line in batch.iter().filter(|line| self.last.is_none_or(|last| line.seq() > last)) {
            self.text.extend_from_slice(line.as_bytes());
            self.text.push(b'\n');
        }
        self.last = self.last.max(batch.last().map(OwnedLine::seq));
    }

    fn write(&mut self) -> io::Result<()> {
        while let Some(rest) = self.text.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.out.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => self.written += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.text.clear();
        self.written = 0;
        self.out.flush()
    }
}

fn failure(error: io::Error) -> SinkError {
    if error.kind() == io::ErrorKind::BrokenPipe { SinkError::fatal(error) } else { SinkError::retry(error) }
}

impl<W> fmt::Debug for WriterSink<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriterSink").field("name", &self.name).finish_non_exhaustive()
    }
}
