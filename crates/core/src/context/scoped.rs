use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use pin_project_lite::pin_project;

use super::{Context, Entered};

pin_project! {
    /// A future that is polled and dropped with its [`Context`] as the current one.
    #[must_use = "futures do nothing unless polled"]
    pub struct Scoped<F> {
        pub(super) context: Context,
        #[pin]
        pub(super) inner: Option<F>,
    }

    impl<F> PinnedDrop for Scoped<F> {
        fn drop(this: Pin<&mut Self>) {
            // What the future reports while it is dropped belongs to this request too.
            let mut this = this.project();
            if this.inner.is_some() {
                let _entered = Entered::new(this.context);
                this.inner.set(None);
            }
        }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let inner = &mut this.inner;
        this.context.lend(|| {
            let Some(future) = inner.as_mut().as_pin_mut() else {
                return Poll::Pending; // polled again after it was ready
            };
            let polled = future.poll(cx);
            if polled.is_ready() {
                inner.set(None);
            }
            polled
        })
    }
}

impl<F> fmt::Debug for Scoped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").field("context", &self.context).finish_non_exhaustive()
    }
}
