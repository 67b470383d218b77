#[cfg(feature = "http")]
use super::Key;
use super::{KeyWriter, Presence};
#[cfg(feature = "http")]
use crate::{Head, Http};
use crate::{KeyHash, KeyHasher, Subject};

/// What finds the key of a request, as policies hold it.
///
/// It hashes, too, so that what a key writes and what the hash takes in are compiled together.
pub(crate) trait FindKey<W: Subject>: Send + Sync {
    /// The key, hashed on from where the keys of its policy begin; or in what way there is none.
    fn hash(&self, head: &W::Head<'_>, start: &KeyHasher) -> Result<KeyHash, Presence>;

    /// Puts the key into words, its parts joined by `/`.
    fn spell(&self, head: &W::Head<'_>, text: &mut String);
}

/// A key of a policy over HTTP.
#[cfg(feature = "http")]
pub(crate) struct HttpKey<K>(pub(crate) K);

#[cfg(feature = "http")]
impl<K: Key> FindKey<Http> for HttpKey<K> {
    fn hash(&self, head: &Head<'_>, start: &KeyHasher) -> Result<KeyHash, Presence> {
        self.0.hash(head, start)
    }

    fn spell(&self, head: &Head<'_>, text: &mut String) {
        self.0.write(head, &mut KeyWriter::spelling(text));
    }
}

/// A key of a policy over anything else, as a closure writes it.
pub(crate) struct PlainKey<F>(pub(crate) F);

impl<W, F> FindKey<W> for PlainKey<F>
where
    W: Subject,
    F: Fn(&W::Head<'_>, &mut KeyWriter<'_>) -> Presence + Send + Sync,
{
    fn hash(&self, head: &W::Head<'_>, start: &KeyHasher) -> Result<KeyHash, Presence> {
        KeyWriter::hash(start, |into| (self.0)(head, into))
    }

    fn spell(&self, head: &W::Head<'_>, text: &mut String) {
        (self.0)(head, &mut KeyWriter::spelling(text));
    }
}
