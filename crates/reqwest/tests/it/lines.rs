//! What would stand in a log.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, Once};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

/// The lines that this thread logs while it lives.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Begins to listen.
    pub(crate) fn listen() -> (Self, DefaultGuard) {
        everything_is_heard();
        let lines = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .without_time()
            .with_writer(lines.clone());
        (lines, tracing::subscriber::set_default(subscriber.finish()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The events of this crate; hyper and reqwest log as well.
    pub(crate) fn events(&self) -> Vec<String> {
        let text = self.text();
        text.lines().filter(|line| line.contains(" buttress_reqwest::events: ")).map(str::to_owned).collect()
    }
}

/// Installs a subscriber that hears everything and keeps nothing.
///
/// `tracing` remembers of each event whether anybody wants it, and may remember wrongly if the event is first met
/// while another thread begins to listen. So every test that causes events of this crate calls this before.
pub(crate) fn everything_is_heard() {
    static HEARD: Once = Once::new();
    HEARD.call_once(|| tracing::subscriber::set_global_default(tracing_subscriber::registry()).unwrap());
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Everything that a log could show of an error: its text and its debug form, and those of its causes.
pub(crate) fn shown(error: &(dyn Error + 'static)) -> String {
    let mut shown = String::new();
    for error in std::iter::successors(Some(error), |&error| error.source()) {
        writeln!(shown, "{error} {error:?} {error:#?}").unwrap();
    }
    shown
}
