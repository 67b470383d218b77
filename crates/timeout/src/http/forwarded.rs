use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use buttress_core::Reject;
use pin_project_lite::pin_project;

use super::forward::ForwardRules;
use crate::TimedOut;
use crate::watch::Why;

pin_project! {
    /// The response to a request that tells how much time is left, or the refusal to send it.
    #[must_use = "futures do nothing unless polled"]
    pub struct Forwarded<F, J> {
        #[pin]
        stage: Stage<F, J>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<F, J> {
        Sent { #[pin] call: F },
        Late { late: TimedOut, rules: Arc<ForwardRules<J>> },
        Refused,
    }
}

impl<F, J> Forwarded<F, J> {
    #[inline]
    pub(super) fn sent(call: F) -> Self {
        Self { stage: Stage::Sent { call } }
    }

    /// A call that never begins.
    pub(super) fn late(late: TimedOut, rules: Arc<ForwardRules<J>>) -> Self {
        Self { stage: Stage::Late { late, rules } }
    }
}

impl<F, J, Res, E> Future for Forwarded<F, J>
where
    F: Future<Output = Result<Res, E>>,
    J: Reject<Res, E>,
{
    type Output = Result<Res, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut stage = self.project().stage;
        let refusal = match stage.as_mut().project() {
            StageProjection::Sent { call } => return call.poll(cx),
            StageProjection::Late { late, rules } => rules.face.refuse(Why::Late(*late)),
            StageProjection::Refused => return Poll::Pending, // polled again after it was ready
        };
        stage.set(Stage::Refused);
        Poll::Ready(refusal)
    }
}

impl<F, J> fmt::Debug for Forwarded<F, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_sent = matches!(self.stage, Stage::Sent { .. });
        f.debug_struct("Forwarded").field("is_sent", &is_sent).finish_non_exhaustive()
    }
}
