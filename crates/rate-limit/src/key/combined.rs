use super::{Key, KeyWriter, Presence};
use crate::Head;

impl Presence {
    /// Goes on to the next part if this one is there.
    #[inline]
    fn and_then(self, next: impl FnOnce() -> Self) -> Self {
        if self == Self::Present { next() } else { self }
    }
}

impl<A: Key, B: Key> Key for (A, B) {
    #[inline]
    fn write(&self, head: &Head<'_>, into: &mut KeyWriter<'_>) -> Presence {
        let (a, b) = self;
        a.write(head, into).and_then(|| b.write(head, into))
    }
}

impl<A: Key, B: Key, C: Key> Key for (A, B, C) {
    #[inline]
    fn write(&self, head: &Head<'_>, into: &mut KeyWriter<'_>) -> Presence {
        let (a, b, c) = self;
        a.write(head, into).and_then(|| b.write(head, into)).and_then(|| c.write(head, into))
    }
}
