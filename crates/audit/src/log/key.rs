use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _};
use sha2::{Digest, Sha256};

use super::hex;

mod error;
mod file;

pub use error::KeyError;

/// Ed25519, as signed notes number their algorithms.
const ALGORITHM: u8 = 1;

const SECRET: &str = "PRIVATE+KEY+";

/// The name of a key that was given none.
const NAME: &str = "buttress-audit";

/// Signs checkpoints. Whoever has it can write another past: keep it away from the log that it signs.
///
/// It is kept in a file of one line in the form of Go's `note` package, `PRIVATE+KEY+<name>+<id>+<base64>`.
#[derive(Clone)]
pub struct SigningKey {
    public: VerifyingKey,
    secret: ed25519_dalek::SigningKey,
    path: Option<PathBuf>,
}

impl SigningKey {
    /// A new key, from the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`] if the name is empty or has blanks or a plus sign in it; [`KeyError::Entropy`].
    pub fn generate(name: &str) -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(KeyError::Entropy)?;
        Self::from_seed(name, &seed).ok_or_else(|| KeyError::Name { name: name.to_owned() })
    }

    /// The key in a file that nobody else may read.
    ///
    /// # Errors
    ///
    /// [`KeyError::Io`], [`KeyError::Malformed`], or [`KeyError::Exposed`] if others than owner and group may read
    /// it or others than the owner may write it.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        file::load(path.as_ref())
    }

    /// The key in a file; if there is none, a new one is made and written there, for its owner only (mode 0600).
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load) and [`generate`](Self::generate).
    pub fn load_or_create(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        file::load_or_create(path.as_ref())
    }

    /// What checks its signatures; not a secret.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// The file that it was read from.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(super) fn sign(&self, text: &str) -> [u8; 64] {
        self.secret.sign(text.as_bytes()).to_bytes()
    }

    pub(super) fn from_seed(name: &str, seed: &[u8; 32]) -> Option<Self> {
        let secret = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = VerifyingKey::new(name, secret.verifying_key())?;
        Some(Self { public, secret, path: None })
    }

    fn to_text(&self) -> String {
        let VerifyingKey { name, id, .. } = &self.public;
        format!("{SECRET}{name}+{}+{}\n", Id(*id), coded(self.secret.as_bytes()))
    }

    fn from_text(text: &str) -> Option<Self> {
        let (name, id, seed) = parts(text.trim().strip_prefix(SECRET)?)?;
        Self::from_seed(name, &seed).filter(|key| key.public.id == id)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("public", &self.public)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Checks the signatures of checkpoints. Written `<name>+<id>+<base64>`, as Go's `note` package does.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    name: Box<str>,
    id: [u8; 4],
    key: ed25519_dalek::VerifyingKey,
}

impl VerifyingKey {
    fn new(name: &str, key: ed25519_dalek::VerifyingKey) -> Option<Self> {
        let fits = !name.is_empty() && !name.contains(|sign: char| sign == '+' || sign.is_whitespace());
        let id = Sha256::new()
            .chain_update(name)
            .chain_update([b'\n', ALGORITHM])
            .chain_update(key.as_bytes())
            .finalize();
        fits.then(|| Self { name: name.into(), id: [id[0], id[1], id[2], id[3]], key })
    }

    /// What the key is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first bytes of a hash over name and key, by which a signature says whose it is.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    pub(super) fn is_true(&self, text: &str, signature: &[u8; 64]) -> bool {
        self.key.verify_strict(text.as_bytes(), &Signature::from_bytes(signature)).is_ok()
    }

    /// The keys in a file, one in a line; empty lines and lines that begin with `#` are passed over.
    ///
    /// # Errors
    ///
    /// [`KeyError::Io`], or [`KeyError::Malformed`] if a line is something else or there is no key.
    pub fn load_all(path: impl AsRef<Path>) -> Result<Vec<Self>, KeyError> {
        file::load_public(path.as_ref())
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}+{}", self.name, Id(self.id), coded(self.key.as_bytes()))
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({self})")
    }
}

/// That a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAKey;

impl fmt::Display for NotAKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a verifying key is written <name>+<8 hex digits>+<base64>")
    }
}

impl std::error::Error for NotAKey {}

impl FromStr for VerifyingKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let (name, id, key) = parts(text).ok_or(NotAKey)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&key).map_err(|_| NotAKey)?;
        Self::new(name, key).filter(|key| key.id == id && !key.key.is_weak()).ok_or(NotAKey)
    }
}

struct Id([u8; 4]);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::fmt(&self.0, f)
    }
}

fn coded(key: &[u8; 32]) -> String {
    STANDARD.encode([&[ALGORITHM], &key[..]].concat())
}

/// Name, ID and bytes of a key. The base64 may have plus signs too, so it is what follows the second one.
fn parts(text: &str) -> Option<(&str, [u8; 4], [u8; 32])> {
    let mut parts = text.splitn(3, '+');
    let (name, id, key) = (parts.next()?, parts.next()?, parts.next()?);
    let key = STANDARD.decode(key).ok()?;
    let (algorithm, key) = key.split_first()?;
    (*algorithm == ALGORITHM).then_some((name, hex::decode(id.as_bytes())?, key.try_into().ok()?))
}

#[cfg(test)]
mod tests;
