use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::chain::{ChainId, Head};
use super::hex;
use super::key::{SigningKey, VerifyingKey};
use super::merkle::{Hash, Tree};

const ORIGIN: &str = "buttress-audit/";
const HEAD: &str = "head ";
const SUBTREES: &str = "subtrees ";
const SIGNATURE: &str = "\u{2014} ";

/// The most bytes that a note is read with.
pub(crate) const MAX_NOTE: usize = 16 * 1024;

/// What a log held at one moment: enough to see later that it was changed or cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    chain: ChainId,
    head: Head,
    root: Hash,
    tree: Tree,
}

impl Checkpoint {
    pub(crate) fn new(chain: ChainId, head: Head, tree: Tree) -> Self {
        Self { chain, head, root: tree.root(), tree }
    }

    /// Which log it is of.
    pub fn chain(&self) -> ChainId {
        self.chain
    }

    /// How many records the log had.
    pub fn size(&self) -> u64 {
        self.head.seq
    }

    /// The last of these records.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The root of the Merkle tree (RFC 6962) over the lines, each without its line feed.
    pub fn root(&self) -> [u8; 32] {
        self.root
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The text that is signed: origin, size, root, and two lines of our own, the head and what is needed to go on
    /// with the tree where older lines are no longer kept.
    fn text(&self) -> String {
        let mut text = format!("{ORIGIN}{}\n{}\n{}\n", self.chain, self.size(), STANDARD.encode(self.root));
        let subtrees = self.tree.subtrees().concat();
        let head = Hex(&self.head.hash);
        let _infallible = write!(text, "{HEAD}{head}\n{SUBTREES}{}\n", STANDARD.encode(subtrees));
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let chain = lines.next()?.strip_prefix(ORIGIN)?.parse().ok()?;
        let size = lines.next()?.parse().ok().filter(|size| *size > 0)?;
        let _root = lines.next()?;
        let hash = hex::decode(lines.next()?.strip_prefix(HEAD)?.as_bytes())?;
        let subtrees = STANDARD.decode(lines.next()?.strip_prefix(SUBTREES)?).ok()?;
        let (subtrees, rest) = subtrees.as_chunks::<32>();
        let tree = Tree::resume(size, subtrees.to_vec()).filter(|_| rest.is_empty())?;
        // Compared as a whole: there is one way to write a checkpoint, and a root that is not that of the subtrees,
        // a line too many or a number with a plus sign is not it.
        Some(Self::new(chain, Head { seq: size, hash }, tree)).filter(|found| found.text() == text)
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::fmt(self.0, f)
    }
}

/// A signed checkpoint, in the form of C2SP signed notes and checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: Box<str>,
    /// How long the signed part is.
    signed: usize,
    checkpoint: Checkpoint,
}

impl Note {
    pub(crate) fn sign(checkpoint: Checkpoint, key: &SigningKey) -> Self {
        let mut text = checkpoint.text();
        let signed = text.len();
        let public = key.verifying_key();
        let signature = STANDARD.encode([&public.id()[..], &key.sign(&text)].concat());
        let _infallible = writeln!(text, "\n{SIGNATURE}{} {signature}", public.name());
        Self { text: text.into(), signed, checkpoint }
    }

    /// Reads a note, with any number of signatures from one on. Whether they are true is not asked here, see
    /// [`is_signed`](Self::is_signed).
    ///
    /// # Errors
    ///
    /// [`BadNote`] if it is not a signed note with a checkpoint of an audit log in it.
    pub fn parse(text: &str) -> Result<Self, BadNote> {
        Self::read(text).ok_or(BadNote)
    }

    fn read(text: &str) -> Option<Self> {
        let signed = text.find("\n\n")? + 1;
        let signatures = text.get(signed + 1..)?.strip_suffix('\n')?;
        let is_whole = text.len() <= MAX_NOTE && signatures.split('\n').all(|line| signature(line).is_some());
        let checkpoint = Checkpoint::parse(&text[..signed])?;
        is_whole.then(|| Self { text: text.into(), signed, checkpoint })
    }

    /// What was signed.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The whole note, line by line, as [`parse`](Self::parse) takes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether one of these keys has signed it, and none of them has a false signature on it. Signatures of other
    /// keys, a witness's for example, are passed over.
    pub fn is_signed(&self, keys: &[VerifyingKey]) -> bool {
        let (text, signatures) = self.text.split_at(self.signed);
        let mut verdicts =
            signatures.split('\n').filter_map(signature).filter_map(|(name, id, signature)| {
                let key = keys.iter().find(|key| key.name() == name && key.id() == id)?;
                Some(signature.try_into().is_ok_and(|signature| key.is_true(text, &signature)))
            });
        verdicts.next().is_some_and(|first| first && verdicts.all(|verdict| verdict))
    }
}

/// Whose signature a line is, and the signature.
fn signature(line: &str) -> Option<(&str, [u8; 4], Vec<u8>)> {
    let (name, coded) = line.strip_prefix(SIGNATURE)?.split_once(' ')?;
    let bytes = STANDARD.decode(coded).ok()?;
    let (id, signature) = bytes.split_first_chunk()?;
    Some((name, *id, signature.to_vec()))
}

/// That a text is not a signed checkpoint of an audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadNote;

impl fmt::Display for BadNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a signed checkpoint of an audit log")
    }
}

impl std::error::Error for BadNote {}

#[cfg(test)]
mod tests;
