use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use buttress_audit::sink::{Feeder, FeederState, WriterSink};
use buttress_testkit::patience::PATIENCE;
use parking_lot::Mutex;

use super::bench::{Until, WrittenLog};

/// A writer that writes by script, and all there is when the script is over.
#[derive(Clone, Default)]
struct Paper {
    text: Arc<Mutex<Vec<u8>>>,
    script: Arc<Mutex<VecDeque<io::Result<usize>>>>,
    flushed: Arc<Mutex<usize>>,
}

impl Paper {
    fn scripted(script: impl IntoIterator<Item = io::Result<usize>>) -> Self {
        let script = Arc::new(Mutex::new(script.into_iter().collect()));
        Self { script, ..Self::default() }
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.script.lock().pop_front().unwrap_or(Ok(bytes.len()))?.min(bytes.len());
        self.text.lock().extend_from_slice(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        *self.flushed.lock() = self.text.lock().len();
        Ok(())
    }
}

fn written(log: &WrittenLog) -> String {
    std::fs::read_to_string(log.path().join("segment-00000000000000000001.jsonl")).unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_record_is_one_line_as_in_the_log_and_flushed() {
    let log = WrittenLog::of(700);
    let paper = Paper::default();
    let handle = Feeder::new(WriterSink::new("paper", paper.clone())).start_on(log.path()).await.unwrap();
    assert_eq!(handle.stop(PATIENCE).await.confirmed, 700);
    assert_eq!(String::from_utf8(paper.text.lock().clone()).unwrap(), written(&log));
    assert_eq!(*paper.flushed.lock(), paper.text.lock().len());
}

#[tokio::test(start_paused = true)]
async fn lines_stay_whole_and_single_where_writes_fail_in_the_middle_of_them() {
    let log = WrittenLog::of(40);
    let full = || Err(io::ErrorKind::StorageFull.into());
    let interrupted = Err(io::ErrorKind::Interrupted.into());
    let paper = Paper::scripted([Ok(17), full(), Ok(500), interrupted, Ok(3), full(), full(), Ok(1), Ok(0)]);
    let handle = Feeder::new(WriterSink::new("paper", paper.clone())).start_on(log.path()).await.unwrap();
    let status = handle.until_confirmed(40).await;
    assert_eq!(status.failures, 4);
    assert_eq!(String::from_utf8(paper.text.lock().clone()).unwrap(), written(&log));
}

#[tokio::test(start_paused = true)]
async fn a_broken_pipe_ends_the_feeder_and_says_so() {
    let log = WrittenLog::of(3);
    let paper = Paper::scripted([Err(io::ErrorKind::BrokenPipe.into())]);
    let handle = Feeder::new(WriterSink::new("paper", paper)).start_on(log.path()).await.unwrap();
    let status = handle.until_confirmed(3).await;
    assert_eq!((status.state, status.confirmed), (FeederState::Failed, 0));
    assert!(status.last_error.unwrap().ends_with("any more: broken pipe"));
}

/// A writer that is stuck until it is let go.
struct Stuck(Paper, mpsc::Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.1.recv();
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_was_given_up_on_is_not_made_again_when_it_comes_to_its_end() {
    let log = WrittenLog::of(12);
    let paper = Paper::default();
    let (let_go, stuck) = mpsc::channel();
    let feeder = Feeder::builder(WriterSink::new("paper", Stuck(paper.clone(), stuck)));
    let handle =
        feeder.patience(Duration::from_millis(20)).build().unwrap().start_on(log.path()).await.unwrap();
    let status = handle.until("it has failed three times", |status| status.failures > 2).await;
    assert_eq!((status.state, paper.text.lock().len()), (FeederState::Failing, 0));
    drop(let_go);
    handle.until_confirmed(12).await;
    assert_eq!(String::from_utf8(paper.text.lock().clone()).unwrap(), written(&log));
}
