use buttress_core::Checks;

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

    fn check(&self, policy: &str, checks: &mut Checks) {
        let (a, b) = self;
        a.check(policy, checks);
        b.check(policy, checks);
    }
}

impl<A: Key, B: Key, C: Key> Key for (A, B, C) {
    #[inline]
    fn write(&self, head: &Head<'_>, into: &mut KeyWriter<'_>) -> Presence {
        let (a, b, c) = self;
        a.write(head, into).and_then(|| b.write(head, into)).and_then(|| c.write(head, into))
    }

    fn check(&self, policy: &str, checks: &mut Checks) {
        let (a, b, c) = self;
        a.check(policy, checks);
        b.check(policy, checks);
        c.check(policy, checks);
    }
}
