use serde::Serialize;

use super::Verdict;
use crate::log::{ChainId, Head, MadeAnew};

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// What the log turned out to be.
    pub verdict: Verdict,
    /// Which log it is; none if there is no record and no anchor.
    pub chain: Option<ChainId>,
    /// The oldest record there is; 1 where nothing was deleted.
    pub first_seq: u64,
    /// How many records were found to be as they were written.
    pub records: u64,
    /// The last of them.
    pub head: Head,
    /// How many checkpoints agree with them.
    pub checkpoints: u64,
    /// How many records the last of these covers that is in the directory.
    pub signed_to: u64,
    /// How many records the last of these covers that an anchor has.
    pub anchored_to: u64,
    /// What the signatures were checked with.
    pub keys: Keys,
    /// Of which keys, checkpoints and anchors the log itself says that they knew nothing of the records before: the
    /// latest ones, [`Report::MOST_MADE_ANEW`] at most.
    pub made_anew: Vec<MadeAnew>,
    /// Half a line was passed over because the log is being written.
    pub in_use: bool,
}

/// What signatures were checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keys {
    /// With keys that were given.
    Given,
    /// With those in the log's own directory: whoever can change the log can change them.
    Directory,
    /// With none: nobody knows who made them.
    None,
}

impl Keys {
    /// The answer as one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Directory => "directory",
            Self::None => "none",
        }
    }
}

impl Report {
    /// How many of what was made anew are told.
    pub const MOST_MADE_ANEW: usize = 16;

    /// The report as one JSON object, in one line.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&Shown::from(self)).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    torn_bytes: Option<u64>,
    chain: Option<String>,
    first_seq: u64,
    records: u64,
    head: ShownHead,
    checkpoints: u64,
    signed_to: u64,
    anchored_to: u64,
    unanchored: u64,
    keys: &'static str,
    made_anew: Vec<ShownMadeAnew<'a>>,
    in_use: bool,
}

#[derive(Serialize)]
struct ShownMadeAnew<'a> {
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    anchor: Option<&'a str>,
    records: u64,
}

impl<'a> From<&'a MadeAnew> for ShownMadeAnew<'a> {
    fn from(made: &'a MadeAnew) -> Self {
        Self { what: made.what.as_str(), anchor: made.what.anchor(), records: made.records }
    }
}

#[derive(Serialize)]
struct ShownHead {
    seq: u64,
    hash: String,
}

impl<'a> From<&'a Report> for Shown<'a> {
    fn from(report: &'a Report) -> Self {
        let mut shown = Self {
            verdict: report.verdict.as_str(),
            kind: None,
            seq: None,
            file: None,
            line: None,
            expected: None,
            found: None,
            torn_bytes: None,
            chain: report.chain.map(|chain| chain.to_string()),
            first_seq: report.first_seq,
            records: report.records,
            head: ShownHead { seq: report.head.seq, hash: report.head.hash_text() },
            checkpoints: report.checkpoints,
            signed_to: report.signed_to,
            anchored_to: report.anchored_to,
            unanchored: report.head.seq.saturating_sub(report.anchored_to),
            keys: report.keys.as_str(),
            made_anew: report.made_anew.iter().map(ShownMadeAnew::from).collect(),
            in_use: report.in_use,
        };
        match &report.verdict {
            Verdict::Tampered { kind, seq, file, line } => {
                (shown.kind, shown.seq) = (Some(kind.as_str()), Some(*seq));
                (shown.file, shown.line) = (file.as_deref(), *line);
            }
            Verdict::Truncated { expected, found } => {
                (shown.expected, shown.found) = (Some(*expected), Some(*found));
            }
            Verdict::TornTail { bytes } => shown.torn_bytes = Some(*bytes),
            _ => {}
        }
        shown
    }
}
