//! A sink that keeps records in memory, and can say what it has.

use std::sync::Arc;

use buttress_audit::log::{ChainId, Head, OwnedLine};
use buttress_audit::sink::{Seen, Sink, SinkError};
use buttress_audit::testing::{Place, check_sink};
use parking_lot::Mutex;

use crate::broken::Fault;

pub(crate) type Kept = Arc<Mutex<Vec<OwnedLine>>>;

#[derive(Clone, Default)]
pub(crate) struct Memory {
    pub(crate) kept: Kept,
    pub(crate) fault: Option<Fault>,
}

pub(crate) struct MemorySink {
    name: String,
    memory: Memory,
}

impl Place for Memory {
    type Sink = MemorySink;
    const TELLS: bool = true;

    fn sink(&self, name: &str) -> MemorySink {
        MemorySink { name: name.to_owned(), memory: self.clone() }
    }

    async fn lines(&self, chain: ChainId) -> Vec<String> {
        let kept = self.kept.lock();
        let of_it = kept.iter().filter(|line| line.chain() == chain);
        of_it.map(|line| String::from_utf8(line.as_bytes().to_vec()).unwrap()).collect()
    }
}

impl Sink for MemorySink {
    fn name(&self) -> &str {
        &self.name
    }

    async fn seen(&mut self, chain: ChainId) -> Result<Seen, SinkError> {
        let kept = self.memory.kept.lock();
        let last = kept.iter().rfind(|line| line.chain() == chain);
        let truth = Seen::UpTo(last.map_or(Head::START, OwnedLine::head));
        Ok(self.memory.fault.map_or(truth, |fault| fault.tells(truth, &kept)))
    }

    async fn deliver(&mut self, batch: &[OwnedLine]) -> Result<(), SinkError> {
        let mut batch = batch.to_vec();
        if let Some(fault) = self.memory.fault {
            fault.takes(&mut batch, &self.memory.kept);
        }
        // As over a network: it has some, and then it has the others.
        for line in batch {
            let has = |kept: &[OwnedLine]| {
                kept.iter().any(|other| other.chain() == line.chain() && other.seq() == line.seq())
            };
            let keeps_twice = self.memory.fault == Some(Fault::TakesWhatItHas);
            {
                let mut kept = self.memory.kept.lock();
                if keeps_twice || !has(&kept) {
                    kept.push(line);
                }
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_sink_that_tells_what_it_has_keeps_the_laws() {
    check_sink(&Memory::default()).await;
}
