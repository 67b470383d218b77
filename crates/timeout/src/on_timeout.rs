use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use buttress_core::Checks;
use pin_project_lite::pin_project;

use crate::reporter::Reporter;

/// What becomes of a call whose time has run out: [`Cancel`] or [`Detach`](crate::Detach).
///
/// Sealed; `F` is the future of the call.
pub trait OnTimeout<F: Future>: Settings {
    /// The call in a form that can be left.
    type Work: Leave<Output = F::Output>;

    /// Takes over a call that is about to begin.
    fn begin(&self, call: F) -> Self::Work;
}

/// The part of [`OnTimeout`] that does not depend on the call.
pub trait Settings {
    /// Notes what is wrong with the settings.
    fn check(&self, checks: &mut Checks) {
        let _ = checks;
    }
}

/// A call that can be left before it is done.
pub trait Leave: Future {
    /// The caller has its answer. The call is dropped after this unless it was moved elsewhere.
    fn leave(self: Pin<&mut Self>, reporter: &Reporter) {
        let _ = reporter;
    }
}

/// Drops a call whose time has run out, at once and before the caller hears of it. The default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cancel;

impl Settings for Cancel {}

impl<F: Future> OnTimeout<F> for Cancel {
    type Work = Cancelled<F>;

    fn begin(&self, call: F) -> Cancelled<F> {
        Cancelled { call }
    }
}

pin_project! {
    /// A call that ends when it is left.
    #[derive(Debug)]
    pub struct Cancelled<F> {
        #[pin]
        call: F,
    }
}

impl<F: Future> Future for Cancelled<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().call.poll(cx)
    }
}

impl<F: Future> Leave for Cancelled<F> {}
