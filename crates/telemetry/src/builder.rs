use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Checks, WallClock};
use buttress_redact::Redactor;

use crate::directives::{Directives, InvalidFilter};
use crate::env::Environment;
use crate::error::LogsError;
use crate::filter::LogFilter;
use crate::handle::LogsHandle;
use crate::layer::LogLayer;
use crate::line::{Lines, Service};
use crate::logs::{Logs, LogsGuard};
use crate::options::{LevelCase, LogColours, LogFormat, LogOutput};
use crate::writer::{Queue, Worker};

const BUFFER_BYTES: usize = 16 * 1024 * 1024;
const FLUSH_WITHIN: Duration = Duration::from_secs(2);

/// Settings of a log; see the [table](crate#options). What is set later counts.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct LogsBuilder {
    pub(crate) checks: Checks,
    filter: Directives,
    redactor: Option<Redactor>,
    clock: WallClock,
    pub(crate) format: LogFormat,
    pub(crate) level_case: LevelCase,
    pub(crate) colours: LogColours,
    pub(crate) no_color: bool,
    pub(crate) output: LogOutput,
    pub(crate) buffer_bytes: usize,
    pub(crate) flush_within: Duration,
    pub(crate) service: Service,
}

impl LogsBuilder {
    pub(crate) fn new() -> Self {
        Self {
            checks: Checks::of("logs"),
            filter: Directives::default(),
            redactor: None,
            clock: WallClock::system(),
            format: LogFormat::default(),
            level_case: LevelCase::default(),
            colours: LogColours::default(),
            no_color: false,
            output: LogOutput::Stderr,
            buffer_bytes: BUFFER_BYTES,
            flush_within: FLUSH_WITHIN,
            service: Service::default(),
        }
    }

    /// Follows the [environment variables](crate#environment) that are set.
    pub fn env(self) -> Self {
        let look_up = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        self.env_with(look_up)
    }

    /// Follows what a function says about the [environment variables](crate#environment).
    pub fn env_with(self, look_up: impl Fn(&str) -> Option<String>) -> Self {
        Environment(look_up).apply(self)
    }

    /// What reaches the log. Default `info`.
    ///
    /// Directives separated by commas: `level` or `target=level`; the longest target that fits decides.
    /// Libraries that print headers and statements at `debug` and `trace` stay at `info` unless they are named.
    pub fn filter(self, filter: impl fmt::Display) -> Self {
        self.filter_named("filter", &filter.to_string())
    }

    pub(crate) fn filter_named(mut self, field: &'static str, filter: &str) -> Self {
        match filter.parse() {
            Ok(directives) => self.filter = directives,
            Err(error) => {
                let InvalidFilter { directive, .. } = &error;
                let allowed = format!("{}; {directive:?} is none", InvalidFilter::ALLOWED);
                self.checks.require(false, field, format!("{filter:?}"), allowed);
            }
        }
        self
    }

    /// JSON, text, or whatever fits the output. Default [`LogFormat::Auto`].
    pub fn format(self, format: LogFormat) -> Self {
        Self { format, ..self }
    }

    /// How levels are written in JSON. Default [`LevelCase::Lower`].
    pub fn level_case(self, level_case: LevelCase) -> Self {
        Self { level_case, ..self }
    }

    /// Whether text has colours. Default [`LogColours::Auto`].
    pub fn colours(self, colours: LogColours) -> Self {
        Self { colours, ..self }
    }

    /// Writes to standard output.
    pub fn to_stdout(self) -> Self {
        Self { output: LogOutput::Stdout, ..self }
    }

    /// Writes to standard error. The default.
    pub fn to_stderr(self) -> Self {
        Self { output: LogOutput::Stderr, ..self }
    }

    /// Writes to anything else, on a thread of the log's own: it may block.
    pub fn to_writer(self, writer: impl Write + Send + 'static) -> Self {
        Self { output: LogOutput::Writer(Box::new(writer)), ..self }
    }

    /// What hides secrets. Default [`Redactor::default`]; a log without one is not to be had.
    pub fn redactor(self, redactor: Redactor) -> Self {
        Self { redactor: Some(redactor), ..self }
    }

    /// The name of this service, written as `service.name`. At most 128 bytes.
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.service.name = Some(name.into());
        self
    }

    /// Its version, written as `service.version`. At most 128 bytes.
    pub fn service_version(mut self, version: impl Into<String>) -> Self {
        self.service.version = Some(version.into());
        self
    }

    /// Where it runs, such as `production`, written as `deployment.environment`. At most 128 bytes.
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.service.environment = Some(environment.into());
        self
    }

    /// How many bytes of lines may wait for a slow reader: 64 KiB to 1 GiB. Default 16 MiB.
    pub fn buffer_bytes(self, buffer_bytes: usize) -> Self {
        Self { buffer_bytes, ..self }
    }

    /// How long the guard waits, when it is dropped, for lines that are not written yet: up to 60 s. Default 2 s.
    pub fn flush_within(self, flush_within: Duration) -> Self {
        Self { flush_within, ..self }
    }

    /// The clock of the timestamps. Default the machine's.
    pub fn clock(self, clock: WallClock) -> Self {
        Self { clock, ..self }
    }

    /// The log in parts, for a subscriber of one's own. Lines that are logged are written from now on.
    pub fn build(mut self) -> Result<Logs, LogsError> {
        self.check();
        self.checks.finish()?;
        let notation = self.output.notation(self.format, self.colours, self.no_color);
        let upper = self.level_case == LevelCase::Upper;
        let lines = Arc::new(Lines::new(notation, upper, self.redactor, &self.service));
        let queue = Queue::new(self.buffer_bytes);
        let worker = Worker { shared: queue.shared(), lines: Arc::clone(&lines), clock: self.clock.clone() };
        worker.start(self.output.into_writer()).map_err(LogsError::Thread)?;
        let filter = LogFilter::new(self.filter);
        let handle = LogsHandle::new(filter.clone(), queue.shared());
        Ok(Logs {
            layer: LogLayer::new(lines, self.clock, queue, filter.clone()),
            filter,
            guard: LogsGuard::new(handle, self.flush_within),
        })
    }

    /// Makes it the log of this process.
    pub fn init(self) -> Result<LogsGuard, LogsError> {
        self.build()?.init()
    }

    fn check(&mut self) {
        let Self { checks, service, buffer_bytes, flush_within, .. } = self;
        for (field, text) in [
            ("service_name", &service.name),
            ("service_version", &service.version),
            ("environment", &service.environment),
        ] {
            let short =
                text.as_ref().is_none_or(|text| text.len() <= 128 && !text.contains(char::is_control));
            let len = text.as_ref().map_or(0, String::len);
            checks.require(
                short,
                field,
                format!("{len} bytes"),
                "up to 128 bytes without control characters",
            );
        }
        let fits = (64 * 1024..=1 << 30).contains(buffer_bytes);
        checks.require(fits, "buffer_bytes", format!("{buffer_bytes} bytes"), "65536 to 1073741824 bytes");
        let soon = *flush_within <= Duration::from_secs(60);
        checks.require(soon, "flush_within", format!("{flush_within:?}"), "0 to 60 s");
    }
}
