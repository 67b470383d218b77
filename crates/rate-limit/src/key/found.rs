use std::fmt;

use http::HeaderName;

use super::{Key, KeyWriter, Presence};
use crate::Head;

/// One count of all requests; made by [`everyone`].
#[derive(Clone, Copy, Debug)]
pub struct Everyone;

/// Counts all requests together.
pub fn everyone() -> Everyone {
    Everyone
}

impl Key for Everyone {
    #[inline]
    fn write(&self, _: &Head<'_>, _: &mut KeyWriter<'_>) -> Presence {
        Presence::Present
    }
}

/// The value of a header; made by [`header`].
#[derive(Clone, Debug)]
pub struct ByHeader(HeaderName);

/// Counts each value of a header for itself, such as an API key.
///
/// A request that sends it several times with different values is refused: whichever were taken, the service might
/// take another. An empty value is no value.
///
/// Whoever sends it may send what he likes. Count by it only behind a check of it, or beside a policy that counts by
/// address, so that making up values gains nothing.
pub fn header(name: HeaderName) -> ByHeader {
    ByHeader(name)
}

impl Key for ByHeader {
    #[inline]
    fn write(&self, head: &Head<'_>, into: &mut KeyWriter<'_>) -> Presence {
        let mut values = head.headers().get_all(&self.0).iter();
        let Some(value) = values.next() else { return Presence::Missing };
        if values.any(|other| other != value) {
            return Presence::Ambiguous;
        }
        into.part_or_missing(Some(value.as_bytes()).filter(|value| !value.is_empty()))
    }
}

/// A key that a closure writes.
struct Written<F>(F);

impl<F> Key for Written<F>
where
    F: Fn(&Head<'_>, &mut KeyWriter<'_>) -> Presence + Send + Sync + 'static,
{
    #[inline]
    fn write(&self, head: &Head<'_>, into: &mut KeyWriter<'_>) -> Presence {
        (self.0)(head, into)
    }
}

impl<F> fmt::Debug for Written<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Written").finish_non_exhaustive()
    }
}

/// Counts by what another layer, the router or the application has put into the extensions of a request: its
/// principal, its tenant, its route.
///
/// ```
/// use axum::extract::MatchedPath;
/// use buttress_rate_limit::{Policy, Quota, key};
///
/// #[derive(Clone)]
/// struct Principal {
///     tenant: String,
/// }
///
/// // Each tenant and route. A route's template is few; a path is whatever a stranger makes it.
/// let key = (
///     key::extension(|principal: &Principal| &principal.tenant),
///     key::extension(|route: &MatchedPath| route.as_str()),
/// );
/// let policy = Policy::named("per-tenant-and-route").key(key).quota(Quota::per_minute(600));
/// ```
pub fn extension<T, K>(part: impl Fn(&T) -> &K + Send + Sync + 'static) -> impl Key + fmt::Debug
where
    T: Clone + Send + Sync + 'static,
    K: AsRef<[u8]> + ?Sized,
{
    Written(move |head: &Head<'_>, into: &mut KeyWriter<'_>| {
        into.part_or_missing(head.extension::<T>().map(|value| part(value).as_ref()))
    })
}

/// Counts by what a closure makes of a request; `None` is a request without a key.
pub fn with<K: AsRef<[u8]>>(
    part: impl Fn(&Head<'_>) -> Option<K> + Send + Sync + 'static,
) -> impl Key + fmt::Debug {
    Written(move |head: &Head<'_>, into: &mut KeyWriter<'_>| into.part_or_missing(part(head)))
}

/// Counts by what a closure finds in a request, without copying it.
///
/// ```
/// use buttress_rate_limit::{Policy, Quota, key};
///
/// let first_segment = key::with_ref(|head| head.path().split('/').nth(1));
/// let policy = Policy::named("per-section").key(first_segment).quota(Quota::per_second(50));
/// ```
pub fn with_ref<K: AsRef<[u8]> + ?Sized>(
    part: impl for<'a> Fn(&Head<'a>) -> Option<&'a K> + Send + Sync + 'static,
) -> impl Key + fmt::Debug {
    Written(move |head: &Head<'_>, into: &mut KeyWriter<'_>| {
        into.part_or_missing(part(head).map(AsRef::as_ref))
    })
}
