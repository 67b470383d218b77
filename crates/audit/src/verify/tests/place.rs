use std::fs::{self, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use crate::log::{ChainId, Checkpointer, Checkpoints, FileAnchor, Head, SigningKey, seal, segment_name};
use crate::verify::{Evidence, Report, Verdict, verify};

pub(super) const CHAIN: ChainId = ChainId::from_bytes([7; 16]);
pub(super) const OTHER: ChainId = ChainId::from_bytes([8; 16]);

/// The lines of a log, with their line feeds.
pub(super) type Lines = Vec<Vec<u8>>;

/// Lines of a chain with these events.
pub(super) fn sealed<E: AsRef<str>>(chain: ChainId, events: impl IntoIterator<Item = E>) -> Lines {
    let mut head = Head::START;
    let line = |event: E| {
        let mut line = Vec::new();
        head = seal(chain, head, event.as_ref().as_bytes(), &mut line);
        line
    };
    events.into_iter().map(line).collect()
}

/// A small log with something of everything in its events.
pub(super) fn small(chain: ChainId, records: usize) -> Lines {
    let event = |n: usize| match n % 4 {
        0 => format!("{{\"action\":\"LOGIN\",\"n\":{n},\"ok\":true}}"),
        1 => format!("{{\"text\":\"Gr\u{fc}\u{df}e \\\"\\\\ \u{1f980}\",\"n\":[{n},null,{{}}]}}"),
        2 => format!("{{\"deep\":{{\"n\":{{\"n\":-{n}.5e3}}}}}}"),
        _ => format!("{{\"long\":\"{}\"}}", "x".repeat(3 * n)),
    };
    sealed(chain, (1..=records).map(event))
}

/// A directory with a log in it, and what was kept elsewhere when it was whole.
pub(super) struct Place {
    root: tempfile::TempDir,
}

impl Place {
    /// Writes lines into segments that begin with these records.
    pub(super) fn new(lines: &[Vec<u8>], firsts: &[usize]) -> Self {
        let place = Self { root: tempfile::tempdir().unwrap() };
        fs::create_dir(place.dir()).unwrap();
        fs::write(place.dir().join("format"), "buttress-audit-log 1\n").unwrap();
        for (n, first) in firsts.iter().enumerate() {
            let end = firsts.get(n + 1).map_or(lines.len(), |next| next - 1);
            fs::write(place.segment(*first), lines[first - 1..end].concat()).unwrap();
        }
        place
    }

    /// One with a checkpoint after every so many records, of which an anchor has the last.
    pub(super) fn signed(lines: &[Vec<u8>], firsts: &[usize], every: u64) -> Self {
        let place = Self::new(lines, firsts);
        place.sign(lines, every);
        place
    }

    pub(super) fn sign(&self, lines: &[Vec<u8>], every: u64) {
        let key = SigningKey::load_or_create(self.beside("signing.key")).unwrap();
        fs::write(self.beside("key.pub"), key.verifying_key().to_string()).unwrap();
        let checkpoints = Checkpoints::signed_by(key)
            .anchor(FileAnchor::new(self.beside("anchor")))
            .every_records(NonZeroU64::new(every).unwrap());
        let now = tokio::time::Instant::now().into_std();
        let mut signing = Checkpointer::resume(checkpoints, &self.dir(), CHAIN, Head::START, now).unwrap();
        for line in lines {
            let head = crate::log::Line::parse(line.strip_suffix(b"\n").unwrap()).unwrap().head();
            signing.record(line, head, now);
            if signing.due(now) {
                signing.write(now);
            }
        }
        signing.close(now, Duration::from_secs(20));
    }

    pub(super) fn dir(&self) -> PathBuf {
        self.root.path().join("log")
    }

    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(super) fn segment(&self, first: usize) -> PathBuf {
        self.dir().join(segment_name(first as u64))
    }

    pub(super) fn bytes(&self, first: usize) -> Vec<u8> {
        fs::read(self.segment(first)).unwrap()
    }

    pub(super) fn write(&self, first: usize, bytes: impl AsRef<[u8]>) {
        fs::write(self.segment(first), bytes).unwrap();
    }

    /// Changes one byte of a segment in its place.
    pub(super) fn poke(&self, first: usize, at: usize, byte: u8) {
        let mut file = OpenOptions::new().write(true).open(self.segment(first)).unwrap();
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        file.write_all(&[byte]).unwrap();
    }

    /// What was kept elsewhere.
    pub(super) fn evidence(&self) -> Evidence {
        Evidence::new().keys_from(self.beside("key.pub")).unwrap().anchor_from(self.beside("anchor")).unwrap()
    }

    /// The key that was kept elsewhere, and nothing else.
    pub(super) fn key(&self) -> Evidence {
        Evidence::new().keys_from(self.beside("key.pub")).unwrap()
    }

    pub(super) fn report(&self, evidence: &Evidence) -> Report {
        verify(self.dir(), evidence, |_| {}).unwrap()
    }

    pub(super) fn verdict(&self, evidence: &Evidence) -> Verdict {
        self.report(evidence).verdict
    }

    /// The verdict on the chain alone.
    pub(super) fn bare(&self) -> Verdict {
        self.verdict(&Evidence::new())
    }
}
