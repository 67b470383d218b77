//! Sinks that break a law, each of which is found.

use buttress_audit::log::{Head, OwnedLine};
use buttress_audit::sink::Seen;
use buttress_audit::testing::check_sink;
use tokio::task::LocalSet;

use crate::memory::{Kept, Memory};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    LosesTheLastOfABatch,
    TurnsABatchAround,
    TakesWhatItHas,
    KeepsOneLogOnly,
    TellsOfAnotherLog,
    TellsOfTheBeginning,
    TellsNothing,
}

impl Fault {
    /// What it makes of a batch before it takes it.
    pub(crate) fn takes(self, batch: &mut Vec<OwnedLine>, kept: &Kept) {
        match self {
            Self::LosesTheLastOfABatch => drop(batch.pop()),
            Self::TurnsABatchAround => batch.reverse(),
            Self::KeepsOneLogOnly => {
                let first = kept.lock().first().map(OwnedLine::chain);
                batch.retain(|line| first.is_none_or(|first| line.chain() == first));
            }
            _ => {}
        }
    }

    /// What it says it has.
    pub(crate) fn tells(self, truth: Seen, kept: &[OwnedLine]) -> Seen {
        match self {
            Self::TellsOfAnotherLog => Seen::UpTo(kept.last().map_or(Head::START, OwnedLine::head)),
            Self::TellsOfTheBeginning => Seen::UpTo(Head::START),
            Self::TellsNothing if !kept.is_empty() => Seen::Unknown,
            _ => truth,
        }
    }
}

/// With which law a sink with this fault fails.
async fn failure(fault: Fault) -> String {
    let place = Memory { fault: Some(fault), ..Memory::default() };
    let checked = LocalSet::new();
    let check = checked.spawn_local(async move { check_sink(&place).await });
    let panic = checked.run_until(check).await.expect_err("it breaks a law").into_panic();
    *panic.downcast().expect("what broke")
}

#[tokio::test]
async fn a_sink_that_breaks_a_law_is_found() {
    for (fault, found) in [
        (Fault::LosesTheLastOfABatch, "fed at once"),
        (Fault::TurnsABatchAround, "fed at once"),
        (Fault::KeepsOneLogOnly, "fed at once"),
        (Fault::TakesWhatItHas, "fed by two at once"),
        (Fault::TellsOfAnotherLog, "is not the one that was handed on"),
        (Fault::TellsOfTheBeginning, "of a log that it has"),
        (Fault::TellsNothing, "what it has, with records"),
    ] {
        let failure = failure(fault).await;
        assert!(failure.contains(found), "{fault:?}: {failure}");
    }
}
