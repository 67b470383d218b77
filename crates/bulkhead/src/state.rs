use std::mem::ManuallyDrop;
use std::pin::Pin;

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::aside::Aside;
use crate::permit::Permit;

pin_project! {
    /// How far a call is.
    ///
    /// Nothing of it but the future is dropped with it: [`clear`](Self::clear) does that, and whoever owns a state
    /// calls it first. So the drop of a call that has ended is one comparison, and the rest stands in one place, out
    /// of line, not in each function that holds a call, a second time for panics.
    #[project = StateProjection]
    pub(crate) enum State<S, Req, J>
    where
        S: Service<Req>,
    {
        Running { #[pin] future: S::Future, permit: ManuallyDrop<Permit> },
        // Apart, so that a call which runs at once does not carry the room for it.
        Aside { aside: ManuallyDrop<Option<Pin<Box<Aside<S, Req, J>>>>> },
        Ended,
    }
}

impl<S: Service<Req>, Req, J> State<S, Req, J> {
    #[inline]
    pub(crate) fn running(future: S::Future, permit: Permit) -> Self {
        Self::Running { future, permit: ManuallyDrop::new(permit) }
    }

    pub(crate) fn aside(aside: Pin<Box<Aside<S, Req, J>>>) -> Self {
        Self::Aside { aside: ManuallyDrop::new(Some(aside)) }
    }

    /// Drops the future, and then gives out the permit that it ran with, if it did: in this order, so that nothing of
    /// the call is left when its permit returns, and whether or not that drop panics.
    #[inline]
    pub(crate) fn end(mut self: Pin<&mut Self>) -> Option<Permit> {
        let StateProjection::Running { permit, .. } = self.as_mut().project() else { return None };
        let permit = permit.take();
        self.set(Self::Ended);
        Some(permit)
    }

    /// Drops all that is left.
    #[cold]
    #[inline(never)]
    pub(crate) fn clear(mut self: Pin<&mut Self>) {
        if let StateProjection::Aside { aside } = self.as_mut().project() {
            let aside = aside.take();
            self.set(Self::Ended);
            drop(aside);
        } else {
            drop(self.end());
        }
    }
}
