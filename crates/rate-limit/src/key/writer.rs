use std::fmt;
use std::fmt::Write as _;

#[cfg(feature = "http")]
use buttress_http::ClientAddr;

use crate::{KeyHash, KeyHasher};

/// Takes what makes up the key of a request, part by part.
///
/// Nothing of it is kept: it is hashed as it comes. Only where an override must be fetched for a key that was not seen
/// lately is it also put into words, for the source of the override.
pub struct KeyWriter<'a>(Into<'a>);

enum Into<'a> {
    Hash(&'a mut KeyHasher),
    Text(&'a mut String),
}

/// Whether a request has the key that a policy counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It has, and the key was written.
    Present,
    /// It has not.
    Missing,
    /// It has several that contradict each other, and whichever were taken, the service might take another. Refused,
    /// whatever the policy does with missing keys.
    Ambiguous,
}

impl<'a> KeyWriter<'a> {
    /// The hash of a key that goes on from where the keys of its policy begin; or in what way there is none.
    #[inline]
    pub(crate) fn hash(
        start: &KeyHasher,
        write: impl FnOnce(&mut KeyWriter<'_>) -> Presence,
    ) -> Result<KeyHash, Presence> {
        let mut hasher = start.clone();
        match write(&mut KeyWriter(Into::Hash(&mut hasher))) {
            Presence::Present => Ok(hasher.finish()),
            absent => Err(absent),
        }
    }

    /// Puts the key into words, its parts joined by `/`.
    pub(crate) fn spelling(text: &'a mut String) -> Self {
        Self(Into::Text(text))
    }

    /// Adds a part. Each is told from the next: the parts `a`, `bc` are another key than `ab`, `c`.
    #[inline]
    pub fn part(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Into::Hash(hasher) => hasher.part(bytes),
            Into::Text(text) => spell(text, &String::from_utf8_lossy(bytes)),
        }
    }

    /// Adds a part that is put into other words than its bytes are.
    #[inline]
    pub fn part_shown(&mut self, bytes: &[u8], shown: impl fmt::Display) {
        match &mut self.0 {
            Into::Hash(hasher) => hasher.part(bytes),
            Into::Text(text) => spell(text, &shown),
        }
    }

    /// Adds the network of a client.
    #[cfg(feature = "http")]
    #[inline]
    pub(crate) fn client(&mut self, client: &ClientAddr) {
        match &mut self.0 {
            Into::Hash(hasher) => hasher.address(client.network()),
            Into::Text(text) => spell(text, &client.network()),
        }
    }

    /// Adds a part if there is one.
    #[inline]
    pub fn part_or_missing(&mut self, part: Option<impl AsRef<[u8]>>) -> Presence {
        let Some(part) = part else { return Presence::Missing };
        self.part(part.as_ref());
        Presence::Present
    }
}

fn spell(text: &mut String, part: &dyn fmt::Display) {
    let separator = if text.is_empty() { "" } else { "/" };
    // Writing to memory does not fail.
    let _ = write!(text, "{separator}{part}");
}

impl fmt::Debug for KeyWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyWriter").finish_non_exhaustive()
    }
}
