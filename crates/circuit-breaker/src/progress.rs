use std::fmt;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll};

use buttress_core::Classify;
use pin_project_lite::pin_project;

use crate::guard::Guard;

pin_project! {
    /// How far a call is.
    ///
    /// Nothing is dropped by itself but the future and the classifier: `clear` does that, once. So the drop of a call
    /// that has ended is one comparison, and the rest stands in one place, out of line, not in each function that holds
    /// a call, a second time for panics.
    pub(crate) struct Progress<F, C, A> {
        #[pin]
        stage: Stage<F, C, A>,
    }

    impl<F, C, A> PinnedDrop for Progress<F, C, A> {
        fn drop(this: Pin<&mut Self>) {
            let mut stage = this.project().stage;
            // Once is enough. But after a loop the compiler knows that nothing is left to drop.
            while !matches!(*stage, Stage::Ended) {
                stage.as_mut().clear();
            }
        }
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<F, C, A> {
        Running { #[pin] future: F, guard: ManuallyDrop<Guard>, classify: C },
        Answered { answer: ManuallyDrop<Option<A>> },
        Ended,
    }
}

impl<F, C, A> Progress<F, C, A> {
    #[inline]
    pub(crate) fn running(future: F, guard: Guard, classify: C) -> Self {
        Self { stage: Stage::Running { future, guard: ManuallyDrop::new(guard), classify } }
    }

    pub(crate) fn answered(answer: A) -> Self {
        Self { stage: Stage::Answered { answer: ManuallyDrop::new(Some(answer)) } }
    }

    /// Polls the call, if it runs.
    #[inline]
    pub(crate) fn poll_call<T, E>(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Option<Poll<Result<T, E>>>
    where
        F: Future<Output = Result<T, E>>,
        C: Classify<T, E>,
    {
        let mut stage = self.project().stage;
        let StageProjection::Running { future, guard, classify } = stage.as_mut().project() else {
            return None;
        };
        guard.enter();
        let Poll::Ready(result) = future.poll(cx) else {
            guard.waits();
            return Some(Poll::Pending);
        };
        if guard.is_open() {
            let outcome = classify.classify(result.as_ref());
            guard.settle(outcome, || classify.retry_after(result.as_ref()));
        } else {
            guard.release();
        }
        stage.set(Stage::Ended);
        Some(Poll::Ready(result))
    }

    /// The answer of a call that never ran, once.
    #[cold]
    #[inline(never)]
    pub(crate) fn poll_answer(self: Pin<&mut Self>) -> Poll<A> {
        let mut stage = self.project().stage;
        let StageProjection::Answered { answer } = stage.as_mut().project() else { return Poll::Pending };
        let answer = answer.take();
        stage.set(Stage::Ended);
        answer.map_or(Poll::Pending, Poll::Ready)
    }
}

impl<F, C, A> Stage<F, C, A> {
    /// Drops all that is left: the future first, and its guard after it, whether or not that drop panics.
    #[cold]
    #[inline(never)]
    fn clear(mut self: Pin<&mut Self>) {
        match self.as_mut().project() {
            StageProjection::Running { guard, .. } => {
                let guard = guard.take();
                self.set(Self::Ended);
                drop(guard);
            }
            StageProjection::Answered { answer } => {
                let answer = answer.take();
                self.set(Self::Ended);
                drop(answer);
            }
            StageProjection::Ended => {}
        }
    }
}

impl<F, C, A> fmt::Debug for Progress<F, C, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.stage {
            Stage::Running { guard, .. } => f.debug_tuple("Running").field(&**guard).finish(),
            Stage::Answered { .. } => f.write_str("Answered"),
            Stage::Ended => f.write_str("Ended"),
        }
    }
}
