use serde::Serializer;

use super::serializer::written;
use crate::mask::Mask;

/// A list or map of which nothing may be seen: its parts are dropped, and a mask is written at its end.
pub(super) struct Closed<S> {
    pub(super) inner: S,
    pub(super) mask: Mask<'static>,
}

impl<S: Serializer> Closed<S> {
    pub(super) fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_str(&written(self.mask))
    }
}
