use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use buttress_core::BoxError;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

/// One thing that a [`ScriptedBody`] does.
#[derive(Debug)]
pub enum Step {
    /// Gives a frame of data.
    Data(Bytes),
    /// Gives trailers.
    Trailers(HeaderMap),
    /// Waits for some time before it goes on.
    Wait(Duration),
    /// Waits until the test says [`BodyProbe::release`].
    Hold,
    /// Fails, and is at its end.
    Fail(BoxError),
}

/// A body that does what the test wrote down, and tells its [`BodyProbe`] how far it was read.
///
/// Its size hint is unknown, as that of a stream is, unless it is [`sized`](Self::sized).
pub struct ScriptedBody {
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
    sized: bool,
    probe: BodyProbe,
}

/// The hand and the eye of a test at one body. Clones share.
#[derive(Clone, Debug, Default)]
pub struct BodyProbe(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    frames: usize,
    bytes: usize,
    polls: usize,
    ended: bool,
    dropped: bool,
    released: usize,
    waker: Option<Waker>,
}

impl ScriptedBody {
    /// A body and its probe.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> (Self, BodyProbe) {
        let probe = BodyProbe::default();
        let steps = steps.into_iter().collect();
        (Self { steps, sleep: None, sized: false, probe: probe.clone() }, probe)
    }

    /// The same body with an exact size hint.
    #[must_use]
    pub fn sized(mut self) -> Self {
        self.sized = true;
        self
    }

    fn bytes_left(&self) -> u64 {
        let data = |step: &Step| if let Step::Data(data) = step { data.len() as u64 } else { 0 };
        self.steps.iter().map(data).sum()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a body that is not `Unpin` could not go into a replayable one"
    )]
    fn poll_wait(&mut self, wait: Duration, cx: &mut Context<'_>) -> Poll<()> {
        self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(wait))).as_mut().poll(cx)
    }

    /// Waits where the script says so.
    fn poll_go_on(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let done = match self.steps.front() {
                Some(&Step::Wait(wait)) => self.poll_wait(wait, cx),
                Some(Step::Hold) => self.probe.poll_released(cx),
                _ => return Poll::Ready(()),
            };
            if done.is_pending() {
                return Poll::Pending;
            }
            self.sleep = None;
            self.steps.pop_front();
        }
    }

    fn next_frame(&mut self) -> Option<Result<Frame<Bytes>, BoxError>> {
        match self.steps.pop_front()? {
            Step::Data(data) => Some(Ok(Frame::data(data))),
            Step::Trailers(trailers) => Some(Ok(Frame::trailers(trailers))),
            Step::Fail(error) => {
                self.steps.clear();
                Some(Err(error))
            }
            Step::Wait(_) | Step::Hold => None,
        }
    }
}

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.probe.lock().polls += 1;
        if self.poll_go_on(cx).is_pending() {
            return Poll::Pending;
        }
        let frame = self.next_frame();
        self.probe.saw(frame.as_ref());
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.sized && self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if self.sized { SizeHint::with_exact(self.bytes_left()) } else { SizeHint::default() }
    }
}

impl Drop for ScriptedBody {
    fn drop(&mut self) {
        self.probe.lock().dropped = true;
    }
}

impl fmt::Debug for ScriptedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedBody").field("steps", &self.steps).finish_non_exhaustive()
    }
}

impl BodyProbe {
    /// Lets the body pass one [`Step::Hold`], the one where it waits or the next.
    pub fn release(&self) {
        let mut seen = self.lock();
        seen.released += 1;
        let waker = seen.waker.take();
        drop(seen);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Frames given so far, trailers included.
    pub fn frames_read(&self) -> usize {
        self.lock().frames
    }

    /// Bytes of data given so far.
    pub fn bytes_read(&self) -> usize {
        self.lock().bytes
    }

    /// How often the body was polled.
    pub fn polls(&self) -> usize {
        self.lock().polls
    }

    /// Whether the reader was told of the end, or of a failure.
    pub fn is_ended(&self) -> bool {
        self.lock().ended
    }

    /// Whether the body was dropped, read to its end or not.
    pub fn is_dropped(&self) -> bool {
        self.lock().dropped
    }

    fn poll_released(&self, cx: &Context<'_>) -> Poll<()> {
        let mut seen = self.lock();
        if let Some(left) = seen.released.checked_sub(1) {
            seen.released = left;
            return Poll::Ready(());
        }
        seen.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn saw(&self, frame: Option<&Result<Frame<Bytes>, BoxError>>) {
        let mut seen = self.lock();
        match frame {
            Some(Ok(frame)) => {
                seen.frames += 1;
                seen.bytes += frame.data_ref().map_or(0, Bytes::len);
            }
            Some(Err(_)) | None => seen.ended = true,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
