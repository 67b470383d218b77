use std::io::{self, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use buttress_core::WallClock;

use super::Loss;
use super::output::{Output, Progress};
use super::queue::Shared;
use crate::line::{Lines, Said, Scratch, Stamp};

/// How long the worker lets lines gather after it has written some.
const NAP: Duration = Duration::from_millis(1);

/// How long it waits after a failure, and how much longer after each further one, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Writes lines on a thread of its own.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) lines: Arc<Lines>,
    pub(crate) clock: WallClock,
}

impl Worker {
    /// Begins to write, until the last owner of the queue is gone.
    pub(crate) fn start(self, output: Box<dyn Write + Send>) -> io::Result<()> {
        let run = move || self.run(Output::new(output));
        thread::Builder::new().name("buttress-log".to_owned()).spawn(run).map(drop)
    }

    fn run(&self, mut output: Output) {
        while let Some(block) = self.shared.next(NAP) {
            let written = self.put(&mut output, &block.bytes);
            self.tell_loss(&mut output, block.loss);
            self.shared.done(block, written);
        }
    }

    /// Writes bytes however often it takes; says whether they are written.
    fn put(&self, output: &mut Output, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        let mut wait = FIRST_WAIT;
        let mut failures = 0;
        loop {
            match output.put(rest) {
                Progress::Done => break,
                Progress::Stuck { left } => {
                    rest = &rest[rest.len() - left..];
                    failures += 1;
                    if !self.shared.failed(wait) {
                        return false;
                    }
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
        if failures > 0 {
            self.tell_recovery(output, failures);
        }
        true
    }

    /// Says in the log itself that lines are missing.
    fn tell_loss(&self, output: &mut Output, loss: Loss) {
        if let Some((first, last)) = loss.span() {
            let fields =
                [("count", Said::Count(loss.count)), ("first", Said::At(first)), ("last", Said::At(last))];
            // One that did not find its way out would leave a gap that nobody sees.
            self.put(output, &self.notice("log_lines_dropped", &fields));
        }
    }

    /// Says in the log itself that it could not be written for a while. No line is missing because of it, so it is not
    /// tried again.
    fn tell_recovery(&self, output: &mut Output, failures: u64) {
        let error = output.last_error();
        let fields = [("count", Said::Count(failures)), ("error", Said::Word(&error))];
        output.put_or_leave(&self.notice("log_output_recovered", &fields));
    }

    /// A line of the log about itself.
    fn notice(&self, event: &'static str, fields: &[(&'static str, Said<'_>)]) -> Vec<u8> {
        let at = Stamp::of(self.clock.now());
        let line = Scratch::lend(|scratch| {
            self.lines.notice(at, event, fields, scratch);
            scratch.line.clone()
        });
        line.unwrap_or_default()
    }
}
