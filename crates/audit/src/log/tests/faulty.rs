//! A disk that does what a test says, in front of the real one.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::log::Line;
use crate::log::disk::{Disk, DiskFile, RealDisk, Space};

/// What becomes of one write, sync or cut, in the order in which they come; afterwards everything works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Works,
    /// A write takes no more than so many bytes, and the next one goes on.
    Takes(usize),
    /// It fails, after so many bytes were written all the same.
    Fails(usize),
    /// There is no room, after so many bytes.
    IsFull(usize),
}

const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, Default)]
pub(super) struct FaultyDisk(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    script: Mutex<Script>,
    opened: Condvar,
}

#[derive(Debug, Default)]
struct Script {
    writes: VecDeque<Fate>,
    syncs: VecDeque<Fate>,
    cuts: VecDeque<Fate>,
    removals: VecDeque<Fate>,
    directory_syncs: VecDeque<Fate>,
    is_held: bool,
    held: usize,
    space: Option<Space>,
    /// How many bytes more there is room for, where that is bounded.
    room: Option<u64>,
    /// What of each file would be there after a loss of power.
    synced: BTreeMap<PathBuf, u64>,
    /// What was removed and would be there again, because its directory was not synced since.
    removed: BTreeMap<PathBuf, Vec<u8>>,
    count_of_syncs: usize,
    count_of_directory_syncs: usize,
}

impl FaultyDisk {
    pub(super) fn writes(&self, fates: impl IntoIterator<Item = Fate>) {
        self.0.script.lock().writes.extend(fates);
    }

    pub(super) fn syncs(&self, fates: impl IntoIterator<Item = Fate>) {
        self.0.script.lock().syncs.extend(fates);
    }

    pub(super) fn cuts(&self, fates: impl IntoIterator<Item = Fate>) {
        self.0.script.lock().cuts.extend(fates);
    }

    pub(super) fn removals(&self, fates: impl IntoIterator<Item = Fate>) {
        self.0.script.lock().removals.extend(fates);
    }

    pub(super) fn directory_syncs(&self, fates: impl IntoIterator<Item = Fate>) {
        self.0.script.lock().directory_syncs.extend(fates);
    }

    /// From now on everything works.
    pub(super) fn heal(&self) {
        let mut script = self.0.script.lock();
        script.writes.clear();
        script.syncs.clear();
        script.cuts.clear();
        script.removals.clear();
        script.directory_syncs.clear();
        script.room = None;
    }

    pub(super) fn has_space(&self, free: u64, total: u64) {
        self.0.script.lock().space = Some(Space { free, total });
    }

    /// From now on there is room for so many bytes more, and for what is cut or removed meanwhile.
    pub(super) fn has_room(&self, bytes: u64) {
        self.0.script.lock().room = Some(bytes);
    }

    /// Writes wait until the disk is let go.
    pub(super) fn hold(&self) {
        self.0.script.lock().is_held = true;
    }

    pub(super) fn let_go(&self) {
        self.0.script.lock().is_held = false;
        self.0.opened.notify_all();
    }

    /// Waits until somebody writes to a disk that is held.
    pub(super) fn until_held(&self) {
        let mut script = self.0.script.lock();
        while script.held == 0 {
            assert!(!self.0.opened.wait_for(&mut script, PATIENCE).timed_out(), "nobody writes");
        }
    }

    pub(super) fn count_of_syncs(&self) -> usize {
        self.0.script.lock().count_of_syncs
    }

    pub(super) fn count_of_directory_syncs(&self) -> usize {
        self.0.script.lock().count_of_directory_syncs
    }

    /// What a loss of power would leave of each file.
    pub(super) fn synced(&self) -> BTreeMap<PathBuf, u64> {
        self.0.script.lock().synced.clone()
    }

    /// As a loss of power does.
    pub(super) fn bring_back_what_was_removed(&self) {
        for (path, content) in std::mem::take(&mut self.0.script.lock().removed) {
            if !path.exists() {
                std::fs::write(path, content).unwrap();
            }
        }
    }

    /// Takes room for as many of these bytes as there is.
    fn as_far_as_there_is_room<'a>(&self, bytes: &'a [u8]) -> io::Result<&'a [u8]> {
        let mut script = self.0.script.lock();
        let Some(room) = &mut script.room else { return Ok(bytes) };
        let most = usize::try_from(*room).map_or(bytes.len(), |room| room.min(bytes.len()));
        if most == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        *room -= most as u64;
        Ok(bytes.get(..most).unwrap_or(bytes))
    }

    /// Gives back the room of what is not there any more afterwards.
    fn refunding<T>(&self, path: &Path, deed: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let length = || path.metadata().map_or(0, |found| found.len());
        let before = length();
        let done = deed()?;
        if let Some(room) = &mut self.0.script.lock().room {
            *room += before.saturating_sub(length());
        }
        Ok(done)
    }

    fn fate(&self, of: impl Fn(&mut Script) -> &mut VecDeque<Fate>) -> Fate {
        of(&mut self.0.script.lock()).pop_front().unwrap_or(Fate::Works)
    }
}

fn failure(fate: Fate) -> io::Result<()> {
    match fate {
        Fate::Works | Fate::Takes(_) => Ok(()),
        Fate::Fails(_) => Err(io::Error::other("the disk is broken")),
        Fate::IsFull(_) => Err(io::ErrorKind::StorageFull.into()),
    }
}

impl Disk for FaultyDisk {
    type File = FaultyFile;

    fn create(&self, path: &Path) -> io::Result<FaultyFile> {
        let file = self.refunding(path, || RealDisk.create(path))?;
        self.0.script.lock().synced.insert(path.to_owned(), 0);
        Ok(FaultyFile { disk: self.clone(), path: path.to_owned(), file })
    }

    fn open(&self, path: &Path) -> io::Result<FaultyFile> {
        Ok(FaultyFile { disk: self.clone(), path: path.to_owned(), file: RealDisk.open(path)? })
    }

    fn cut(&self, path: &Path, bytes: u64) -> io::Result<()> {
        failure(self.fate(|script| &mut script.cuts))?;
        self.refunding(path, || RealDisk.cut(path, bytes))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        failure(self.fate(|script| &mut script.removals))?;
        if let Ok(content) = std::fs::read(path) {
            self.0.script.lock().removed.insert(path.to_owned(), content);
        }
        self.refunding(path, || RealDisk.remove(path))
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.0.script.lock().count_of_directory_syncs += 1;
        failure(self.fate(|script| &mut script.directory_syncs))?;
        RealDisk.sync_directory(path)?;
        self.0.script.lock().removed.clear();
        Ok(())
    }

    fn space(&self, _path: &Path) -> Option<Space> {
        self.0.script.lock().space
    }
}

#[derive(Debug)]
pub(super) struct FaultyFile {
    disk: FaultyDisk,
    path: PathBuf,
    file: File,
}

impl DiskFile for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut script = self.disk.0.script.lock();
        if script.is_held {
            script.held += 1;
            self.disk.0.opened.notify_all();
            // A test that has failed must not wait for ever for the log to end.
            while script.is_held && !self.disk.0.opened.wait_for(&mut script, PATIENCE).timed_out() {}
            script.held -= 1;
        }
        drop(script);
        let fate = self.disk.fate(|script| &mut script.writes);
        let most = match fate {
            Fate::Works => bytes.len(),
            Fate::Takes(most) | Fate::Fails(most) | Fate::IsFull(most) => most.min(bytes.len()),
        };
        // Of what fails, something may be there all the same.
        let some = bytes.get(..most.max(usize::from(matches!(fate, Fate::Takes(_))))).unwrap_or(bytes);
        let some = self.disk.as_far_as_there_is_room(some)?;
        let written = DiskFile::write(&mut self.file, some)?;
        failure(fate).map(|()| written)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.0.script.lock().count_of_syncs += 1;
        failure(self.disk.fate(|script| &mut script.syncs))?;
        let bytes = self.file.metadata()?.len();
        self.disk.0.script.lock().synced.insert(self.path.clone(), bytes);
        Ok(())
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        failure(self.disk.fate(|script| &mut script.cuts))?;
        self.disk.clone().refunding(&self.path.clone(), || DiskFile::cut(&mut self.file, bytes))
    }

    fn is_in_place(&self, path: &Path, bytes: u64) -> bool {
        self.file.is_in_place(path, bytes)
    }
}

/// A record as it is found in a log.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) seq: u64,
    pub(super) hash: [u8; 32],
    pub(super) event: serde_json::Value,
}

impl Found {
    pub(super) fn action(&self) -> &str {
        self.event["action"].as_str().unwrap()
    }

    pub(super) fn number(&self) -> Option<u64> {
        self.event["details"]["number"].as_u64()
    }
}

pub(super) fn segments(directory: &Path) -> Vec<PathBuf> {
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> =
        names.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
    segments.sort();
    segments
}

/// Everything in a log, after every line was checked to continue the one before it.
pub(super) fn records(directory: &Path) -> Vec<Found> {
    let (mut found, mut before) = (Vec::new(), None);
    for segment in segments(directory) {
        let text = std::fs::read(&segment).unwrap();
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        for line in lines {
            let line =
                line.strip_suffix(b"\n").unwrap_or_else(|| panic!("half a line in {}", segment.display()));
            let line = Line::parse(line).unwrap_or_else(|error| panic!("{}: {error}", segment.display()));
            let (chain, after) =
                before.unwrap_or((line.chain, crate::log::Head { seq: line.seq - 1, hash: line.prev }));
            let head =
                line.follows(&after, chain).unwrap_or_else(|fault| panic!("{fault:?} at {}", line.seq));
            before = Some((chain, head));
            let event = serde_json::from_slice(line.event).unwrap();
            found.push(Found { seq: head.seq, hash: head.hash, event });
        }
    }
    found
}

pub(super) fn numbers(directory: &Path) -> Vec<u64> {
    records(directory).iter().filter_map(Found::number).collect()
}

pub(super) fn actions(directory: &Path) -> Vec<String> {
    records(directory).iter().map(|found| found.action().to_owned()).collect()
}
