/// What a log turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Everything is as it was written, and an anchor covers all of it.
    Intact,
    /// Everything is as it was written, as far as anybody can tell: no anchor covers the last records, so nobody
    /// would know if there had been more, or others.
    IntactUnanchoredTail {
        /// How many records no anchor covers.
        records: u64,
    },
    /// A checkpoint covers more records than there are.
    Truncated {
        /// How many there were.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// Something is not as it was written.
    Tampered {
        /// What it is.
        kind: Kind,
        /// The number of the first record that is wrong, as it is due at that place; where a checkpoint tells, how many records
        /// it covers.
        seq: u64,
        /// The name of the file it was found in; none for an anchor.
        file: Option<String>,
        /// The line in that file, from 1.
        line: Option<u64>,
    },
    /// Behind the last record there is half a line, as a stopped machine leaves it. The next start cuts it off.
    TornTail {
        /// How many bytes.
        bytes: u64,
    },
    /// The oldest records were deleted by retention, as the log itself says; the rest is as it was written.
    Pruned {
        /// The oldest record there is.
        first_seq: u64,
        /// How many records at the end no anchor covers.
        unanchored: u64,
    },
}

impl Verdict {
    /// The verdict as one word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Intact => "intact",
            Self::IntactUnanchoredTail { .. } => "intact_unanchored_tail",
            Self::Truncated { .. } => "truncated",
            Self::Tampered { .. } => "tampered",
            Self::TornTail { .. } => "torn_tail",
            Self::Pruned { .. } => "pruned",
        }
    }

    /// How many records at the end are as they were written, but no anchor covers them.
    pub const fn unanchored(&self) -> u64 {
        match self {
            Self::IntactUnanchoredTail { records } => *records,
            Self::Pruned { unanchored, .. } => *unanchored,
            _ => 0,
        }
    }

    /// What the command exits with: 0 if everything is as it was written, 2 tampered, 3 truncated, 4 torn. A tail that
    /// no anchor covers is 0 too, unless it was asked to be 3.
    pub const fn exit_code(&self, require_anchored: bool) -> u8 {
        match self {
            Self::Tampered { .. } => 2,
            Self::Truncated { .. } => 3,
            Self::TornTail { .. } => 4,
            _ if require_anchored && self.unanchored() > 0 => 3,
            _ => 0,
        }
    }
}

/// What is wrong, in the order in which it is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Records are missing between two files, or at the beginning without the log telling of a deletion.
    MissingSegment,
    /// A line is not a record in the one form there is.
    BadLine,
    /// A record is of another log.
    ChainId,
    /// A record has another number than the one that is due.
    SeqOrder,
    /// A record names another predecessor than the one before it.
    PrevMismatch,
    /// A record is not what its hash says.
    HashMismatch,
    /// A checkpoint cannot be read, or is not signed as it should be.
    CheckpointSignature,
    /// A checkpoint covers other records than there are.
    CheckpointMismatch,
}

impl Kind {
    /// What is wrong, as one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingSegment => "missing_segment",
            Self::BadLine => "bad_line",
            Self::ChainId => "chain_id",
            Self::SeqOrder => "seq_order",
            Self::PrevMismatch => "prev_mismatch",
            Self::HashMismatch => "hash_mismatch",
            Self::CheckpointSignature => "checkpoint_signature",
            Self::CheckpointMismatch => "checkpoint_mismatch",
        }
    }
}

impl From<crate::log::Fault> for Kind {
    fn from(fault: crate::log::Fault) -> Self {
        use crate::log::Fault;
        match fault {
            Fault::ChainId => Self::ChainId,
            Fault::SeqOrder => Self::SeqOrder,
            Fault::PrevMismatch => Self::PrevMismatch,
            Fault::HashMismatch => Self::HashMismatch,
        }
    }
}
