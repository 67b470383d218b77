use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{PlaceFault, StartError};
use crate::log::{ChainId, Head};

/// Larger than any cursor.
const LARGEST: u64 = 4_096;

/// The file in which the place of a sink is noted, held against other feeders for as long as this lives.
#[derive(Debug)]
pub(super) struct Cursor {
    folder: PathBuf,
    path: PathBuf,
    new: PathBuf,
    chain: ChainId,
    _lock: File,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Note {
    chain: String,
    seq: u64,
    hash: String,
}

impl Cursor {
    /// Opens the cursor of a sink and reads the place in it: the start if there is none yet.
    pub(super) fn open(log: &Path, sink: &str, chain: ChainId) -> Result<(Self, Head), StartError> {
        let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if !(1..=64).contains(&sink.len()) || !sink.bytes().all(is_plain) {
            return Err(StartError::Name(sink.to_owned()));
        }
        let folder = log.join("cursors");
        fs::create_dir_all(&folder).map_err(|source| StartError::Io { path: folder.clone(), source })?;
        let lock = lock(folder.join(format!("{sink}.lock")))?;
        let path = folder.join(format!("{sink}.json"));
        let place = read(&path, chain)?;
        let new = folder.join(format!("{sink}.new"));
        Ok((Self { folder, path, new, chain, _lock: lock }, place))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Notes a place, so that after a loss of power either it or the one before it is found.
    pub(super) fn save(&self, place: Head) -> io::Result<()> {
        let note = Note { chain: self.chain.to_string(), seq: place.seq, hash: hex(&place.hash) };
        let mut text = serde_json::to_vec(&note)?;
        text.push(b'\n');
        let mut file = File::create(&self.new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&self.new, &self.path)?;
        File::open(&self.folder)?.sync_all()
    }
}

fn lock(path: PathBuf) -> Result<File, StartError> {
    let opened = File::options().create(true).truncate(false).write(true).open(&path);
    let file = opened.map_err(|source| StartError::Io { path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::Taken(path)),
        Err(TryLockError::Error(source)) => Err(StartError::Io { path, source }),
    }
}

fn read(path: &Path, chain: ChainId) -> Result<Head, StartError> {
    let fault = |fault| StartError::Cursor { path: path.to_owned(), fault };
    let text = match fs::metadata(path).and_then(|found| match found.len() {
        ..=LARGEST => fs::read(path),
        _ => Ok(Vec::new()),
    }) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Head::START),
        Err(source) => return Err(StartError::Io { path: path.to_owned(), source }),
    };
    let note: Note = serde_json::from_slice(&text).map_err(|_| fault(PlaceFault::Unreadable))?;
    if note.chain != chain.to_string() {
        let expected = chain.to_string();
        return Err(fault(PlaceFault::OtherChain { found: note.chain, expected }));
    }
    let hash = unhex(&note.hash).ok_or_else(|| fault(PlaceFault::Unreadable))?;
    Ok(Head { seq: note.seq, hash })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut digits, byte| {
        let _infallible = write!(digits, "{byte:02x}");
        digits
    })
}

fn unhex(digits: &str) -> Option<[u8; 32]> {
    let pair = |place: usize| u8::from_str_radix(digits.get(2 * place..2 * place + 2)?, 16).ok();
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = pair(place)?;
    }
    (digits.len() == 64).then_some(bytes)
}
