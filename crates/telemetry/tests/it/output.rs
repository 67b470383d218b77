//! What becomes of lines when whoever reads them is slow, broken or gone.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::sink::{LONG, Seen, Sink, builder, object};

const SOON: Duration = Duration::from_millis(20);

fn objects(bytes: &[u8]) -> Vec<Map<String, Value>> {
    str::from_utf8(bytes).unwrap().lines().map(object).collect()
}

#[test]
fn a_pipe_that_nobody_reads_stops_no_one_and_the_log_tells_what_is_missing() {
    let (mut reader, writer) = io::pipe().unwrap();
    let parts = builder().buffer_bytes(64 * 1024).to_writer(writer).build().unwrap();
    let (subscriber, guard) = parts.into_subscriber();
    let text = "x".repeat(1000);
    tracing::subscriber::with_default(subscriber, || {
        for number in 0..1000 {
            tracing::info!(number, text, "into the void");
        }
    });
    // Everything above came back although nobody has read a byte.
    assert!(!guard.flush(SOON));
    let counts = guard.counts();
    assert!(counts.dropped_full > 500 && counts.accepted + counts.dropped_full == 1000, "{counts:?}");
    assert!(counts.waiting_bytes <= 64 * 1024);
    let read = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        bytes
    });
    assert!(guard.flush(LONG));
    drop(guard);
    // Every number is there, or in a notice that stands where it would be.
    let mut next = 0;
    let mut before = String::new();
    for line in objects(&read.join().unwrap()) {
        if let Some(number) = line.get("number") {
            assert_eq!(number.as_u64(), Some(next));
            next += 1;
            line["timestamp"].as_str().unwrap().clone_into(&mut before);
        } else {
            assert_eq!((&line["event"], &line["level"]), (&"log_lines_dropped".into(), &"warning".into()));
            next += line["count"].as_u64().unwrap();
            let [first, last] = ["first", "last"].map(|name| line[name].as_str().unwrap().to_owned());
            assert!(before <= first && first <= last, "{line:?}");
        }
    }
    assert_eq!(next, 1000);
}

/// Fails as often as it is told to, after a few bytes each time.
struct Flaky {
    sink: Sink,
    failures: Arc<AtomicUsize>,
}

impl Write for Flaky {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let some = &bytes[..bytes.len().min(7)];
        let fails =
            self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if fails.is_ok_and(|left| left % 2 == 0) {
            return Err(io::Error::other("no space, password=hunter2"));
        }
        self.sink.write(some)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_output_that_fails_and_recovers_has_every_line_whole_and_says_that_it_failed() {
    let sink = Sink::default();
    let failures = Arc::new(AtomicUsize::new(6));
    let flaky = Flaky { sink: sink.clone(), failures };
    let (subscriber, guard) = builder().to_writer(flaky).build().unwrap().into_subscriber();
    let _default = tracing::subscriber::set_default(subscriber);
    for number in 0..5 {
        tracing::info!(number, "kept");
    }
    assert!(guard.flush(LONG));
    let is_told =
        |bytes: &Vec<u8>| bytes.windows(9).any(|part| part == b"recovered") && bytes.ends_with(b"\n");
    let lines = objects(&until(|| Some(sink.bytes()).filter(is_told)));
    let numbers: Vec<u64> = lines.iter().filter_map(|line| line.get("number")?.as_u64()).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
    let notice = lines
        .iter()
        .find(|line| line.get("event").is_some_and(|event| event == "log_output_recovered"))
        .unwrap();
    assert_eq!(notice["error"], "no space, password=***REDACTED***");
}

/// Refuses everything until it is opened, and then the first line about lost ones.
struct Refuses {
    sink: Sink,
    is_open: Arc<AtomicBool>,
    has_refused: bool,
}

impl Write for Refuses {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let of_loss = bytes.windows(17).any(|part| part == b"log_lines_dropped");
        if !self.is_open.load(Ordering::SeqCst) || of_loss && !std::mem::replace(&mut self.has_refused, true)
        {
            return Err(io::Error::other("no space"));
        }
        self.sink.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_gap_is_told_also_where_the_output_fails_again_right_at_it() {
    let (sink, is_open) = (Sink::default(), Arc::new(AtomicBool::new(false)));
    let refuses = Refuses { sink: sink.clone(), is_open: Arc::clone(&is_open), has_refused: false };
    let parts = builder().buffer_bytes(64 * 1024).to_writer(refuses).build().unwrap();
    let (subscriber, guard) = parts.into_subscriber();
    let _default = tracing::subscriber::set_default(subscriber);
    for _ in 0..100 {
        tracing::info!(text = "x".repeat(1000), "said");
    }
    assert!(guard.counts().dropped_full > 0);
    is_open.store(true, Ordering::SeqCst);
    assert!(guard.flush(LONG));
    tracing::info!("behind the gap");
    assert!(guard.flush(LONG));
    let lines = objects(&sink.bytes());
    let told =
        lines.iter().filter(|line| line.get("event").is_some_and(|event| event == "log_lines_dropped"));
    assert_eq!(told.filter_map(|line| line["count"].as_u64()).sum::<u64>(), guard.counts().dropped_full);
}

/// Looks until something is there; what is looked for comes about without us.
fn until<T>(look: impl Fn() -> Option<T>) -> T {
    for _ in 0..10_000_000 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::yield_now();
    }
    panic!("it never came about");
}

struct Broken(Arc<Mutex<bool>>);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        *self.0.lock().unwrap() = true;
    }
}

#[test]
fn an_output_that_is_broken_for_good_keeps_nobody_and_its_thread_ends() {
    let gone = Arc::new(Mutex::new(false));
    let parts = builder().flush_within(SOON).to_writer(Broken(Arc::clone(&gone))).build().unwrap();
    let (subscriber, guard) = parts.into_subscriber();
    let handle = guard.handle();
    tracing::subscriber::with_default(subscriber, || tracing::info!("nobody reads this"));
    drop(guard);
    until(|| gone.lock().unwrap().then_some(()));
    let counts = handle.counts();
    assert_eq!((counts.dropped_failed, counts.dropped(), counts.written), (1, 1, 0));
    assert!(counts.errors >= 1 && counts.waiting_bytes == 0, "{counts:?}");
}

#[test]
fn lines_after_the_guard_are_written_and_the_last_owner_ends_the_thread() {
    let sink = Sink::default();
    let (subscriber, guard) = builder().to_writer(sink.clone()).build().unwrap().into_subscriber();
    let handle = guard.handle();
    tracing::subscriber::with_default(subscriber, || {
        drop(guard);
        tracing::info!("late");
    });
    assert!(handle.flush(LONG));
    assert_eq!(objects(&sink.bytes())[0]["message"], "late");
}

#[test]
fn lines_of_many_threads_are_whole_and_in_the_order_of_each() {
    let sink = Sink::default();
    let (subscriber, guard) = builder().to_writer(sink.clone()).build().unwrap().into_subscriber();
    let dispatch = tracing::Dispatch::new(subscriber);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let dispatch = dispatch.clone();
            scope.spawn(move || {
                tracing::dispatcher::with_default(&dispatch, || {
                    for number in 0..500 {
                        tracing::info!(thread, number, "counted");
                    }
                });
            });
        }
    });
    assert!(guard.flush(LONG));
    let counts = guard.counts();
    assert_eq!((counts.accepted, counts.written, counts.dropped()), (2000, 2000, 0));
    let lines = objects(&sink.bytes());
    for thread in 0..4 {
        let numbers =
            lines.iter().filter(|line| line["thread"] == thread).map(|line| line["number"].as_u64().unwrap());
        assert!(numbers.eq(0..500));
    }
}

#[test]
fn a_thread_that_panics_with_the_log_in_use_leaves_it_usable() {
    let seen = Seen::json();
    let panicked = std::panic::catch_unwind(|| {
        let _span = tracing::info_span!("s", a = 1).entered();
        panic!("on purpose");
    });
    assert!(panicked.is_err());
    tracing::info!("alive");
    assert_eq!(seen.one()["message"], "alive");
}

/// Panics as often as it is told to, in its writes and in its flushes.
struct Panics {
    sink: Sink,
    panics: usize,
}

impl Panics {
    fn maybe(&mut self) {
        self.panics = self.panics.saturating_sub(1);
        assert!(self.panics.is_multiple_of(2), "on purpose");
    }
}

impl Write for Panics {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.maybe();
        self.sink.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.maybe();
        Ok(())
    }
}

#[test]
fn an_output_that_panics_has_failed_and_no_line_is_lost() {
    let sink = Sink::default();
    let (subscriber, guard) =
        builder().to_writer(Panics { sink: sink.clone(), panics: 6 }).build().unwrap().into_subscriber();
    tracing::subscriber::with_default(subscriber, || {
        for number in 0..3 {
            tracing::info!(number, "still here");
            assert!(guard.flush(LONG));
        }
    });
    assert!(guard.counts().errors > 0, "{:?}", guard.counts());
    let numbers: Vec<_> =
        objects(&sink.bytes()).iter().filter_map(|line| line.get("number")?.as_u64()).collect();
    assert_eq!(numbers, [0, 1, 2]);
    let told = objects(&sink.bytes())
        .into_iter()
        .find(|line| line.get("event").is_some_and(|event| event == "log_output_recovered"))
        .unwrap();
    assert_eq!(told["error"], "the output panicked");
}
