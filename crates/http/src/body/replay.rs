use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// Makes a body that can be sent again, as long as no more than `cap_bytes` of it were read.
///
/// The returned body streams: it hands over each frame as its source gives it, and remembers what it handed over,
/// up to the cap, while the [`Spare`] lives. There is no spare if the body is known beforehand to be larger than
/// the cap; then the body passes through and nothing is remembered. An empty body allocates nothing.
///
/// Pieces below 1 KiB are copied together, so that neither their number nor the buffers they were cut from can make
/// the memory much larger than the cap. A replay may therefore come in other frames than the first attempt; trailers
/// come again too.
pub fn replayable<B: Body>(body: B, cap_bytes: usize) -> (ReplayBody<B>, Option<Spare<B>>) {
    if body.is_end_stream() {
        return (ReplayBody::empty(), Some(Spare { shared: None }));
    }
    let store = Store::new(body, cap_bytes);
    if store.source_hint().lower() > cap_bytes as u64 {
        return (ReplayBody::new(store, None), None);
    }
    let shared = Arc::new(Mutex::new(None));
    let spare = Spare { shared: Some(Arc::clone(&shared)) };
    (ReplayBody::new(store, Some(shared)), Some(spare))
}

/// A piece below so many bytes is copied rather than kept with the buffer it was cut from.
const SMALL: usize = 1024;

/// Where the store waits between two attempts; empty while a body is out.
type Slot<B> = Mutex<Option<Store<B>>>;

/// What was read of a body, and the rest of it.
struct Store<B> {
    /// `None` once it has ended.
    source: Option<B>,
    chunks: Vec<Bytes>,
    /// Small pieces that were handed over after the last chunk.
    tail: BytesMut,
    /// In a box, because few bodies have any, and a body is moved with its request.
    trailers: Option<Box<HeaderMap>>,
    /// How many more bytes may be remembered.
    room: usize,
    lost: Option<NotReplayable>,
}

impl<B: Body> Store<B> {
    fn new(source: B, cap_bytes: usize) -> Self {
        let (chunks, tail) = (Vec::new(), BytesMut::new());
        Self { source: Some(source), chunks, tail, trailers: None, room: cap_bytes, lost: None }
    }

    fn source_hint(&self) -> SizeHint {
        self.source.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }

    fn remember(&mut self, chunk: &Bytes) {
        match self.room.checked_sub(chunk.len()) {
            Some(room) if chunk.len() < SMALL => {
                self.room = room;
                self.tail.extend_from_slice(chunk);
            }
            Some(room) => {
                self.room = room;
                self.gather();
                self.chunks.push(chunk.clone());
            }
            None => self.lose(NotReplayable::OverCap),
        }
    }
}

impl<B> Store<B> {
    /// Makes one chunk of the small pieces.
    fn gather(&mut self) {
        if !self.tail.is_empty() {
            self.chunks.push(self.tail.split().freeze());
        }
    }

    fn lose(&mut self, why: NotReplayable) {
        self.lost = Some(why);
        self.room = 0;
        (self.chunks, self.tail) = (Vec::new(), BytesMut::new());
        self.trailers = None;
    }
}

/// A body made by [`replayable`]: the first of its kind streams its source, later ones begin with what was read.
///
/// Dropping it hands what it remembers, and the unread rest of the source, back to its [`Spare`].
pub struct ReplayBody<B> {
    /// `None` only for an empty body, and while being dropped.
    store: Option<Store<B>>,
    shared: Option<Arc<Slot<B>>>,
    /// The next remembered chunk to hand over.
    next: usize,
    trailers_sent: bool,
}

impl<B> ReplayBody<B> {
    fn new(store: Store<B>, shared: Option<Arc<Slot<B>>>) -> Self {
        Self { store: Some(store), shared, next: 0, trailers_sent: false }
    }

    fn empty() -> Self {
        Self { store: None, shared: None, next: 0, trailers_sent: false }
    }

    /// The part of the source that was not read yet; `None` once it has ended, and for an empty body.
    ///
    /// For adapters that know a shorter way for a source that is whole in memory.
    pub fn source(&self) -> Option<&B> {
        self.store.as_ref().and_then(|store| store.source.as_ref())
    }

    /// Whether anybody may still ask for another body.
    fn has_spare(&self) -> bool {
        self.shared.as_ref().is_some_and(|shared| Arc::strong_count(shared) > 1)
    }
}

impl<B: Body + Unpin> Body for ReplayBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        let remembers = this.has_spare();
        let Some(store) = &mut this.store else { return Poll::Ready(None) };
        if let Some(chunk) = store.chunks.get(this.next) {
            this.next += 1;
            return Poll::Ready(Some(Ok(Frame::data(chunk.clone()))));
        }
        if let Some(source) = &mut store.source {
            match ready!(Pin::new(source).poll_frame(cx)) {
                Some(Ok(frame)) => return Poll::Ready(Some(Ok(this.pass_on(frame, remembers)))),
                Some(Err(error)) => {
                    store.source = None;
                    store.lose(NotReplayable::Broken);
                    return Poll::Ready(Some(Err(error)));
                }
                None => store.source = None,
            }
        }
        let trailers = if this.trailers_sent { None } else { store.trailers.clone() };
        this.trailers_sent = true;
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(*trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.store.as_ref().is_none_or(|store| {
            self.next >= store.chunks.len()
                && (self.trailers_sent || store.trailers.is_none())
                && store.source.as_ref().is_none_or(Body::is_end_stream)
        })
    }

    fn size_hint(&self) -> SizeHint {
        let Some(store) = &self.store else { return SizeHint::with_exact(0) };
        let remembered: u64 = store.chunks.iter().skip(self.next).map(|chunk| chunk.len() as u64).sum();
        let mut hint = store.source_hint();
        if store.trailers.is_some() {
            // A known length would be sent as `Content-Length`, and HTTP/1 has no trailers beside that.
            hint = SizeHint::new();
        } else if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(remembered));
        }
        hint.set_lower(hint.lower().saturating_add(remembered));
        hint
    }
}

impl<B: Body> ReplayBody<B> {
    /// Hands a frame of the source over, and remembers it if somebody may ask again.
    fn pass_on(&mut self, frame: Frame<B::Data>, remembers: bool) -> Frame<Bytes> {
        let frame = frame.map_data(|mut data| data.copy_to_bytes(data.remaining()));
        let Some(store) = &mut self.store else { return frame };
        if !remembers {
            // Nobody can ask any more; what was handed over already is of no use.
            store.lose(NotReplayable::OverCap);
        } else if store.lost.is_none() {
            if let Some(chunk) = frame.data_ref() {
                store.remember(chunk);
                self.next = store.chunks.len();
            } else {
                store.trailers = frame.trailers_ref().cloned().map(Box::new);
            }
        }
        self.trailers_sent = frame.is_trailers();
        frame
    }
}

impl<B> Drop for ReplayBody<B> {
    fn drop(&mut self) {
        let Some(shared) = &self.shared else { return };
        if let Some(store) = self.store.as_mut().filter(|store| store.lost.is_some()) {
            // It will not be sent again, and may hold a connection.
            store.source = None;
        }
        *lock(shared) = self.store.take();
    }
}

impl<B> fmt::Debug for ReplayBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayBody").field("next", &self.next).finish_non_exhaustive()
    }
}

/// The means to send a body again; see [`replayable`].
pub struct Spare<B> {
    /// `None` for an empty body, which is always there.
    shared: Option<Arc<Slot<B>>>,
}

impl<B> Spare<B> {
    /// The body once more, from its beginning.
    ///
    /// The earlier one must have been dropped; one at a time is out.
    ///
    /// # Errors
    ///
    /// Says why there is no other: the earlier one still lives, more than the cap was read, the source failed.
    pub fn again(&mut self) -> Result<ReplayBody<B>, NotReplayable> {
        let Some(shared) = &self.shared else { return Ok(ReplayBody::empty()) };
        let mut slot = lock(shared);
        let Some(mut store) = slot.take() else { return Err(NotReplayable::InUse) };
        if let Some(why) = store.lost {
            *slot = Some(store);
            return Err(why);
        }
        store.gather();
        Ok(ReplayBody::new(store, Some(Arc::clone(shared))))
    }

    /// Whether [`again`](Self::again) would succeed now.
    ///
    /// # Errors
    ///
    /// As [`again`](Self::again).
    pub fn check(&self) -> Result<(), NotReplayable> {
        let Some(shared) = &self.shared else { return Ok(()) };
        match &*lock(shared) {
            None => Err(NotReplayable::InUse),
            Some(store) => store.lost.map_or(Ok(()), Err),
        }
    }
}

impl<B> fmt::Debug for Spare<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spare").finish_non_exhaustive()
    }
}

/// Why a body cannot be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotReplayable {
    /// The transport has not let go of the earlier body.
    InUse,
    /// More than the cap was read, so its beginning is no longer known.
    OverCap,
    /// Its source failed.
    Broken,
}

impl fmt::Display for NotReplayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InUse => "the request body is still being sent",
            Self::OverCap => "more of the request body was sent than is kept for another attempt",
            Self::Broken => "the source of the request body failed",
        })
    }
}

impl Error for NotReplayable {}

/// Nothing panics while the lock is held, and a store is whole at every moment, so poison means nothing.
fn lock<B>(slot: &Slot<B>) -> MutexGuard<'_, Option<Store<B>>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
