use std::mem::ManuallyDrop;
use std::pin::Pin;

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::aside::Aside;
use crate::permit::Permit;

pin_project! {
    /// How far a call is.
    ///
    /// Nothing is dropped by itself but the future: [`clear`](Self::clear) does that, once. So the drop of a call that
    /// has ended is one comparison, and the rest stands in one place, out of line, not in each function that holds a
    /// call, a second time for panics.
    pub(crate) struct State<S, Req, J>
    where
        S: Service<Req>,
    {
        #[pin]
        stage: Stage<S, Req, J>,
    }

    impl<S, Req, J> PinnedDrop for State<S, Req, J>
    where
        S: Service<Req>,
    {
        fn drop(mut this: Pin<&mut Self>) {
            // Once is enough. But after a loop the compiler knows that nothing is left to drop.
            while !matches!(this.stage, Stage::Ended) {
                this.as_mut().clear();
            }
        }
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<S, Req, J>
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
        Self { stage: Stage::Running { future, permit: ManuallyDrop::new(permit) } }
    }

    pub(crate) fn aside(aside: Pin<Box<Aside<S, Req, J>>>) -> Self {
        Self { stage: Stage::Aside { aside: ManuallyDrop::new(Some(aside)) } }
    }

    /// The call, if it runs.
    #[inline]
    pub(crate) fn as_running(self: Pin<&mut Self>) -> Option<Pin<&mut S::Future>> {
        match self.project().stage.project() {
            StageProjection::Running { future, .. } => Some(future),
            _ => None,
        }
    }

    /// The call, if it found no room.
    pub(crate) fn as_aside(self: Pin<&mut Self>) -> Option<Pin<&mut Aside<S, Req, J>>> {
        match self.project().stage.project() {
            StageProjection::Aside { aside } => aside.as_mut().map(Pin::as_mut),
            _ => None,
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running { .. })
    }

    /// Drops the future, and then gives out the permit that it ran with, if it did: in this order, so that nothing of
    /// the call is left when its permit returns, and whether or not that drop panics.
    #[inline]
    pub(crate) fn end(self: Pin<&mut Self>) -> Option<Permit> {
        let mut stage = self.project().stage;
        let StageProjection::Running { permit, .. } = stage.as_mut().project() else { return None };
        let permit = permit.take();
        stage.set(Stage::Ended);
        Some(permit)
    }

    /// Drops all that is left.
    #[cold]
    #[inline(never)]
    pub(crate) fn clear(mut self: Pin<&mut Self>) {
        let mut stage = self.as_mut().project().stage;
        if let StageProjection::Aside { aside } = stage.as_mut().project() {
            let aside = aside.take();
            stage.set(Stage::Ended);
            drop(aside);
        } else {
            drop(self.end());
        }
    }
}
