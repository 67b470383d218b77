use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::super::anchor::{Anchor, AnchorError, Worker};
use super::super::chain::{ChainId, Head};
use super::super::directory_entry;
use super::super::key::{KeyError, VerifyingKey};
use super::super::line::Line;
use super::super::merkle::{Tree, leaf};
use super::super::note::Note;
use super::super::reader::{OwnedLine, ReadError, Reader};
use super::super::regular;
use super::file::{KEYS, NoteFile, NoteLine};
use super::{CheckpointMonitor, CheckpointStatus, Checkpointer, Checkpoints, MadeAnew, Proof, ResumeError};

/// How much is read at once.
const LINES: usize = 1000;
const BYTES: usize = 1024 * 1024;

pub(super) fn resume(
    settings: Checkpoints,
    dir: &Path,
    chain: ChainId,
    head: Head,
    now: Instant,
) -> Result<Checkpointer, ResumeError> {
    check_outside(&settings, dir)?;
    let own = settings.key.verifying_key();
    let (keys, is_published) = published(dir, own)?;
    let (file, last) = NoteFile::open(dir).map_err(|source| at(&dir.join(super::NOTES), source))?;
    let log = Log { dir, chain, head };
    let last = last.map(|line| log.last(&line, &keys, &file)).transpose()?;
    // A start that failed may have published it, so what it has signed counts for more.
    let is_known = last.as_ref().map_or(is_published, |note| note.is_signed(std::slice::from_ref(own)));
    let mut strangers = Vec::new();
    strangers.extend((!is_known).then_some(Proof::Key));
    strangers.extend(last.is_none().then_some(Proof::Checkpoints));
    let base = last.map_or(Tree::EMPTY, |note| note.checkpoint().tree().clone());
    let signed = base.size();
    let tree = log.grown(base)?;
    let mut workers = Vec::new();
    for anchor in settings.anchors {
        let (worker, is_stranger) = log.anchored(anchor)?;
        strangers.extend(is_stranger.then(|| Proof::Anchor(worker.status().name)));
        workers.push(worker);
    }
    let made_anew = log.made_anew(strangers);
    let status = CheckpointStatus { signed, made_anew, ..CheckpointStatus::default() };
    Ok(Checkpointer {
        chain,
        key: settings.key,
        every_records: settings.every_records,
        every: settings.every,
        waiting_since: (tree.size() > signed).then_some(now),
        not_before: None,
        tree,
        head,
        file,
        monitor: CheckpointMonitor { own: Arc::new(Mutex::new(status)), workers: workers.into() },
    })
}

/// Whoever can write to the directory must not thereby have the key or the anchor.
fn check_outside(settings: &Checkpoints, dir: &Path) -> Result<(), ResumeError> {
    let anchors = settings.anchors.iter().filter_map(|anchor| anchor.path());
    for path in settings.key.path().into_iter().chain(anchors) {
        if directory_entry::is_inside(path, dir).map_err(|source| at(path, source))? {
            return Err(ResumeError::Inside { path: path.to_owned() });
        }
    }
    Ok(())
}

/// The keys that this log was ever signed with, the one of now among them; and whether that was there already.
fn published(dir: &Path, key: &VerifyingKey) -> Result<(Vec<VerifyingKey>, bool), ResumeError> {
    let path = dir.join(KEYS);
    if path.exists() {
        regular::check(&path).map_err(|source| at(&path, source))?;
    }
    let mut keys = match VerifyingKey::load_all(&path) {
        Ok(keys) => keys,
        Err(KeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(KeyError::Io { source, .. }) => return Err(at(&path, source)),
        // Half written when the machine stopped, or spoilt: it is written anew below.
        Err(_) => Vec::new(),
    };
    let is_published = keys.contains(key);
    if !is_published {
        publish(&path, key).map_err(|source| at(&path, source))?;
        keys.push(key.clone());
    }
    Ok((keys, is_published))
}

fn publish(path: &Path, key: &VerifyingKey) -> io::Result<()> {
    let mut file = regular::open_to_write(File::options().create(true).append(true), path)?;
    // The line break ends what may have been left half written.
    let text = if file.metadata()?.len() == 0 { format!("{key}\n") } else { format!("\n{key}\n") };
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    directory_entry::sync(path)
}

/// The log as it was found.
struct Log<'a> {
    dir: &'a Path,
    chain: ChainId,
    head: Head,
}

impl Log<'_> {
    /// What knew nothing of a log that has records.
    fn made_anew(&self, strangers: Vec<Proof>) -> Vec<MadeAnew> {
        let records = self.head.seq;
        let strangers = strangers.into_iter().filter(|_| records > 0);
        strangers.map(|what| MadeAnew { what, records }).collect()
    }

    /// The last checkpoint in the directory, with the tree to go on with.
    fn last(&self, line: &[u8], keys: &[VerifyingKey], file: &NoteFile) -> Result<Note, ResumeError> {
        let note = NoteLine::parse(line)
            .filter(|note| note.checkpoint().chain() == self.chain && note.is_signed(keys))
            .ok_or_else(|| ResumeError::Signature { path: file.path().to_owned() })?;
        self.check(&note, "the last checkpoint")?;
        Ok(note)
    }

    /// Whether the records that a note is about are still the ones it is about.
    fn check(&self, note: &Note, by: &str) -> Result<(), ResumeError> {
        let noted = note.checkpoint().head();
        if noted.seq > self.head.seq {
            return Err(ResumeError::Truncated {
                by: by.to_owned(),
                expected: noted.seq,
                found: self.head.seq,
            });
        }
        match self.hash_of(noted.seq)? {
            Some(hash) if hash != noted.hash => {
                Err(ResumeError::Changed { by: by.to_owned(), seq: noted.seq })
            }
            _ => Ok(()),
        }
    }

    /// The hash of a record, by itself or by the one after it; none if both are no longer kept.
    fn hash_of(&self, seq: u64) -> Result<Option<[u8; 32]>, ResumeError> {
        match self.read_one(seq) {
            Ok(line) => Ok(line.map(|line| line.head().hash)),
            Err(ReadError::Pruned { first, .. }) if first == seq + 1 => {
                let line = self.read_one(first).map_err(ResumeError::Unreadable)?;
                Ok(line.and_then(|line| Line::parse(line.as_bytes()).ok().map(|line| line.prev)))
            }
            Err(ReadError::Pruned { .. }) => Ok(None),
            Err(error) => Err(ResumeError::Unreadable(error)),
        }
    }

    fn read_one(&self, seq: u64) -> Result<Option<OwnedLine>, ReadError> {
        Ok(Reader::open(self.dir)?.from_seq(seq).next_batch(1, 1)?.pop())
    }

    /// A tree over all records, from one over the first of them.
    fn grown(&self, mut tree: Tree) -> Result<Tree, ResumeError> {
        let mut reader = Reader::open(self.dir).map_err(ResumeError::Unreadable)?.from_seq(tree.size() + 1);
        reader.set_limit(self.head.seq);
        while tree.size() < self.head.seq {
            let lines = reader.next_batch(LINES, BYTES).map_err(|error| match error {
                ReadError::Pruned { first, .. } => ResumeError::Pruned { first },
                other => ResumeError::Unreadable(other),
            })?;
            if lines.is_empty() {
                let missing = ReadError::Missing { wanted: tree.size() + 1, next: self.head.seq + 1 };
                return Err(ResumeError::Unreadable(missing));
            }
            for line in &lines {
                tree.push(leaf(line.as_bytes()));
            }
        }
        Ok(tree)
    }

    /// Sets an anchor to work, unless it knows of a longer or of another log. One that gives no answer does not hold
    /// up the log: what it has it will not let go of. Says too whether it knows of none.
    fn anchored(&self, mut anchor: Box<dyn Anchor>) -> Result<(Worker, bool), ResumeError> {
        let had = anchor.latest(self.chain);
        if let Ok(Some(note)) = &had {
            let name = anchor.name().to_owned();
            let chain = note.checkpoint().chain();
            if chain != self.chain {
                return Err(ResumeError::OtherLog { name, chain });
            }
            self.check(note, &format!("the anchor {name}"))?;
        }
        let is_stranger = matches!(had, Ok(None));
        let had: Result<u64, AnchorError> = had.map(|note| note.map_or(0, |note| note.checkpoint().size()));
        if let Err(error) = &had {
            tracing::warn!(
                anchor = anchor.name(),
                error = &**error,
                "the anchor of an audit log gave no answer"
            );
        }
        let name = PathBuf::from(anchor.name());
        let worker = Worker::start(anchor, &had).map_err(|source| at(&name, source))?;
        Ok((worker, is_stranger))
    }
}

fn at(path: &Path, source: io::Error) -> ResumeError {
    ResumeError::Io { path: path.to_owned(), source }
}
