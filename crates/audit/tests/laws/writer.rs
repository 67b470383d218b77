//! The sink that writes lines, which cannot say what it has.

use std::io::{self, Write};
use std::sync::Arc;

use buttress_audit::log::{ChainId, Line};
use buttress_audit::sink::WriterSink;
use buttress_audit::testing::{Place, check_sink};
use parking_lot::Mutex;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Place for Paper {
    type Sink = WriterSink<Self>;
    const TELLS: bool = false;

    fn sink(&self, name: &str) -> Self::Sink {
        WriterSink::new(name, self.clone())
    }

    async fn lines(&self, chain: ChainId) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().clone()).unwrap();
        let is_of_it = |line: &&str| Line::parse(line.as_bytes()).unwrap().chain == chain;
        text.lines().filter(is_of_it).map(str::to_owned).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_that_cannot_tell_keeps_the_laws() {
    check_sink(&Paper::default()).await;
}
