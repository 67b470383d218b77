use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use buttress_telemetry::{LogFormat, Logs, LogsBuilder, LogsGuard};
use serde_json::{Map, Value};
use tracing::subscriber::DefaultGuard;

/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Where a log's lines are to be seen.
#[derive(Clone, Default)]
pub(crate) struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(chunk);
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

/// The log of one thread, from the moment this is made until it is dropped.
pub(crate) struct Seen {
    sink: Sink,
    pub(crate) guard: LogsGuard,
    _default: DefaultGuard,
}

pub(crate) fn builder() -> LogsBuilder {
    Logs::builder().format(LogFormat::Json).filter("trace")
}

impl Seen {
    pub(crate) fn json() -> Self {
        Self::by(builder())
    }

    pub(crate) fn by(builder: LogsBuilder) -> Self {
        let sink = Sink::default();
        let (subscriber, guard) = builder.to_writer(sink.clone()).build().unwrap().into_subscriber();
        Self { sink, guard, _default: tracing::subscriber::set_default(subscriber) }
    }

    /// All that was written, after it was written.
    pub(crate) fn text(&self) -> String {
        assert!(self.guard.flush(LONG));
        String::from_utf8(self.sink.bytes()).expect("lines in UTF-8")
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let text = self.text();
        assert!(text.is_empty() || text.ends_with('\n'), "{text}");
        text.lines().map(str::to_owned).collect()
    }

    /// Every line, read as JSON.
    pub(crate) fn objects(&self) -> Vec<Map<String, Value>> {
        self.lines().iter().map(|line| object(line)).collect()
    }

    /// The one line that was written.
    pub(crate) fn one(&self) -> Map<String, Value> {
        let objects = self.objects();
        assert_eq!(objects.len(), 1, "{objects:?}");
        objects.into_iter().next().unwrap()
    }
}

/// The names of an object in the order in which they stand in its line; each stands there once.
pub(crate) fn names(line: &str) -> Vec<String> {
    let mut names: Vec<_> = object(line).into_iter().map(|(name, _)| name).collect();
    names.sort_by_key(|name| line.find(&format!("{}:", serde_json::to_string(name).unwrap())));
    names
}

/// A line as JSON, in which no name may stand twice.
pub(crate) fn object(line: &str) -> Map<String, Value> {
    let object: Map<String, Value> =
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    for name in object.keys() {
        let quoted = format!("{}:", serde_json::to_string(name).unwrap());
        assert_eq!(line.matches(&quoted).count(), 1, "{name} in {line}");
    }
    object
}

/// Runs one test in a process of its own, where [`is_alone`] says so, and returns what it wrote to standard error.
pub(crate) fn alone(test: &str) -> String {
    let program = std::env::current_exe().unwrap();
    let output =
        std::process::Command::new(program).args(["--exact", test, "--nocapture"]).env(ALONE, "1").output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

pub(crate) fn is_alone() -> bool {
    std::env::var_os(ALONE).is_some()
}

const ALONE: &str = "BUTTRESS_TEST_ALONE";
