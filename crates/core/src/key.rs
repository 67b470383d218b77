use std::borrow::Cow;
use std::fmt;
use std::hash::Hash;

/// What can name one instance of a layer's state among many, such as one breaker or one bulkhead: owned, comparable,
/// printable.
pub trait Key: Hash + Eq + Clone + fmt::Display + Send + Sync + 'static {}

impl<K: Hash + Eq + Clone + fmt::Display + Send + Sync + 'static> Key for K {}

/// Says which of many instances a request belongs to, for layers that keep a breaker, a bulkhead or the like per key.
///
/// A key that is borrowed from the request costs no allocation while its instance is known.
pub trait KeyOf<Req> {
    /// The key as it is looked up, such as `str` for keys that are kept as `String`.
    type Key: ?Sized + ToOwned + Hash + Eq;

    /// The key of a request; `None` sends it to the instance that all requests without a key share.
    fn key_of<'a>(&self, request: &'a Req) -> Option<Cow<'a, Self::Key>>;
}

/// Names the instance by what a closure makes of the request, owned: `KeyWith(|request: &Job| Some(request.tenant))`.
#[derive(Clone, Copy, Debug)]
pub struct KeyWith<F>(pub F);

impl<F, Req, K> KeyOf<Req> for KeyWith<F>
where
    F: Fn(&Req) -> Option<K>,
    K: Hash + Eq + Clone,
{
    type Key = K;

    fn key_of<'a>(&self, request: &'a Req) -> Option<Cow<'a, K>> {
        (self.0)(request).map(Cow::Owned)
    }
}

/// Names the instance by what a closure finds in the request, borrowed; made by [`KeyRef::new`].
#[derive(Clone, Copy, Debug)]
pub struct KeyRef<F>(F);

impl<F> KeyRef<F> {
    /// Names the instance by what the closure finds: `KeyRef::new(|request: &Job| Some(&*request.host))`.
    pub fn new<Req, K: ?Sized>(find: F) -> Self
    where
        F: for<'a> Fn(&'a Req) -> Option<&'a K>,
    {
        Self(find)
    }
}

impl<F, Req, K> KeyOf<Req> for KeyRef<F>
where
    F: for<'a> Fn(&'a Req) -> Option<&'a K>,
    K: ?Sized + ToOwned + Hash + Eq + 'static,
{
    type Key = K;

    fn key_of<'a>(&self, request: &'a Req) -> Option<Cow<'a, K>> {
        (self.0)(request).map(Cow::Borrowed)
    }
}
