use super::{Kind, Verdict, VerifyError};
use crate::log::ReadError;

/// What is wrong first.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) kind: Kind,
    pub(super) seq: u64,
    pub(super) place: Option<(String, u64)>,
}

impl Finding {
    pub(super) fn new(kind: Kind, seq: u64, place: Option<(String, u64)>) -> Self {
        Self { kind, seq, place }
    }

    pub(super) fn verdict(self) -> Verdict {
        let (file, line) = self.place.unzip();
        Verdict::Tampered { kind: self.kind, seq: self.seq, file, line }
    }
}

/// Why it goes no further.
pub(super) enum Stop {
    Found(Finding),
    Failed(VerifyError),
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Self::Found(finding)
    }
}

/// Half a line behind the last record of a file.
pub(super) struct Torn {
    pub(super) name: String,
    pub(super) line: u64,
    pub(super) bytes: u64,
}
