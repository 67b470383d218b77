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
    /// Whoever owns one calls [`end`](Self::end) in its drop. Nothing is dropped without that but the future and the
    /// classifier, so that the drop of a call that has ended is one comparison, and the rest stands in one place, out
    /// of line, not in each function that holds a call, a second time for panics.
    #[project = ProgressProjection]
    pub(crate) enum Progress<F, C, A> {
        Running { #[pin] future: F, guard: ManuallyDrop<Guard>, classify: C },
        Answered { answer: ManuallyDrop<Option<A>> },
        Ended,
    }
}

impl<F, C, A> Progress<F, C, A> {
    #[inline]
    pub(crate) fn running(future: F, guard: Guard, classify: C) -> Self {
        Self::Running { future, guard: ManuallyDrop::new(guard), classify }
    }

    pub(crate) fn answered(answer: A) -> Self {
        Self::Answered { answer: ManuallyDrop::new(Some(answer)) }
    }

    /// Polls the call, if it runs.
    #[inline]
    pub(crate) fn poll_call<T, E>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Option<Poll<Result<T, E>>>
    where
        F: Future<Output = Result<T, E>>,
        C: Classify<T, E>,
    {
        let ProgressProjection::Running { future, guard, classify } = self.as_mut().project() else {
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
        self.set(Self::Ended);
        Some(Poll::Ready(result))
    }

    /// The answer of a call that never ran, once.
    #[cold]
    #[inline(never)]
    pub(crate) fn poll_answer(mut self: Pin<&mut Self>) -> Poll<A> {
        let ProgressProjection::Answered { answer } = self.as_mut().project() else { return Poll::Pending };
        let answer = answer.take();
        self.set(Self::Ended);
        answer.map_or(Poll::Pending, Poll::Ready)
    }

    /// Drops all that is left.
    #[inline]
    pub(crate) fn end(mut self: Pin<&mut Self>) {
        // Once is enough. But after a loop the compiler knows that nothing is left to drop.
        while !matches!(*self, Self::Ended) {
            self.as_mut().clear();
        }
    }

    /// The future first, and its guard after it, whether or not that drop panics.
    #[cold]
    #[inline(never)]
    fn clear(mut self: Pin<&mut Self>) {
        match self.as_mut().project() {
            ProgressProjection::Running { guard, .. } => {
                let guard = guard.take();
                self.set(Self::Ended);
                drop(guard);
            }
            ProgressProjection::Answered { answer } => {
                let answer = answer.take();
                self.set(Self::Ended);
                drop(answer);
            }
            ProgressProjection::Ended => {}
        }
    }
}

impl<F, C, A> fmt::Debug for Progress<F, C, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running { guard, .. } => f.debug_tuple("Running").field(&**guard).finish(),
            Self::Answered { .. } => f.write_str("Answered"),
            Self::Ended => f.write_str("Ended"),
        }
    }
}
