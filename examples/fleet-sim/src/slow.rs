use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

const PIECE_BYTES: usize = 16;

/// A body that waits before every 16 bytes. Its length is known from the start, so headers look as always.
#[derive(Debug)]
pub(crate) struct SlowBody {
    rest: Bytes,
    pace: Interval,
}

impl SlowBody {
    /// `pause` must not be zero.
    pub(crate) fn new(whole: Bytes, pause: Duration) -> Self {
        let mut pace = interval_at(Instant::now() + pause, pause);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { rest: whole, pace }
    }
}

impl Body for SlowBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        ready!(self.pace.poll_tick(cx));
        let size = self.rest.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(size)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len().try_into().unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn every_piece_waits_for_its_pause_and_all_bytes_arrive() {
        let start = Instant::now();
        let mut body = SlowBody::new(Bytes::from(vec![7; 40]), Duration::from_secs(1));
        assert_eq!(body.size_hint().exact(), Some(40));
        let mut pieces = Vec::new();
        while let Some(frame) = body.frame().await {
            pieces.push((start.elapsed().as_secs(), frame.unwrap().into_data().unwrap().len()));
        }
        assert_eq!(pieces, [(1, 16), (2, 16), (3, 8)]);
    }
}
