//! Who is counted.
//!
//! A key is written part by part into a keyed hash: nothing of it is kept, logged or shown. Each of these takes no
//! allocation.
//!
//! | key | counts |
//! |---|---|
//! | `client_addr` | each client address; each IPv6 network of 64 bits |
//! | `header` | each value of a header, such as an API key |
//! | `extension` | what a layer outside has put into the extensions: a principal, a tenant, a route's template |
//! | `host` | each host and port that is asked, for clients |
//! | `with`, `with_ref` | what a closure finds |
//! | `everyone` | all requests together |
//! | a tuple of keys, `a.and(b)` | each combination |

#[cfg(feature = "http")]
mod address;
#[cfg(feature = "http")]
mod combined;
mod find;
#[cfg(feature = "http")]
mod found;
#[cfg(feature = "http")]
mod host;
mod writer;

#[cfg(feature = "http")]
pub use address::{ByClientAddr, client_addr};
#[cfg(feature = "http")]
pub(crate) use find::HttpKey;
pub(crate) use find::{FindKey, PlainKey};
#[cfg(feature = "http")]
pub use found::{ByHeader, Everyone, everyone, extension, header, with, with_ref};
#[cfg(feature = "http")]
pub use host::{ByHost, host};
pub use writer::{KeyWriter, Presence};

#[cfg(feature = "http")]
use buttress_core::Checks;

#[cfg(feature = "http")]
use crate::{KeyHash, KeyHasher};

/// Finds the key that a policy counts a request by.
#[cfg(feature = "http")]
pub trait Key: Send + Sync + 'static {
    /// Writes the key of a request, always in the same number of parts, if the request has it.
    fn write(&self, head: &crate::Head<'_>, into: &mut KeyWriter<'_>) -> Presence;

    /// Hashes what [`write`](Self::write) writes, on from where the keys of a policy begin.
    #[doc(hidden)]
    #[inline]
    fn hash(&self, head: &crate::Head<'_>, start: &KeyHasher) -> Result<KeyHash, Presence> {
        KeyWriter::hash(start, |into| self.write(head, into))
    }

    /// Notes what is wrong with its settings, each under the name of the policy; by default there are none.
    fn check(&self, policy: &str, checks: &mut Checks) {
        let _ = (policy, checks);
    }

    /// Counts each combination of this key and another. A request that lacks either has no key.
    fn and<K: Key>(self, other: K) -> (Self, K)
    where
        Self: Sized,
    {
        (self, other)
    }
}
