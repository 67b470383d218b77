use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

/// How a body came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyEnd {
    /// All of it was handed over.
    Complete,
    /// It failed on the way.
    Failed,
    /// It was dropped before its end: the other side left, or a layer gave up.
    Dropped,
}

pin_project! {
    /// A body that tells, once, how many bytes it handed over and how it ended, also when it is dropped.
    pub struct CountedBody<B, F: FnOnce(u64, BodyEnd)> {
        #[pin]
        inner: B,
        bytes: u64,
        tell: Option<F>,
    }

    impl<B, F: FnOnce(u64, BodyEnd)> PinnedDrop for CountedBody<B, F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(tell) = this.tell.take() {
                tell(*this.bytes, BodyEnd::Dropped);
            }
        }
    }
}

impl<B: Body, F: FnOnce(u64, BodyEnd)> CountedBody<B, F> {
    /// Counts a body's data; trailers do not count.
    pub fn new(inner: B, tell: F) -> Self {
        let mut tell = Some(tell);
        // A reader that sees an empty body does not poll it, so nobody would notice its end.
        if inner.is_end_stream()
            && let Some(tell) = tell.take()
        {
            tell(0, BodyEnd::Complete);
        }
        Self { inner, bytes: 0, tell }
    }
}

impl<B: Body, F: FnOnce(u64, BodyEnd)> Body for CountedBody<B, F> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.as_mut().project();
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        let end = match &frame {
            Some(Ok(frame)) => {
                *this.bytes += frame.data_ref().map_or(0, Buf::remaining) as u64;
                // A reader may stop here, knowing that nothing follows.
                this.inner.is_end_stream().then_some(BodyEnd::Complete)
            }
            Some(Err(_)) => Some(BodyEnd::Failed),
            None => Some(BodyEnd::Complete),
        };
        if let Some(end) = end
            && let Some(tell) = this.tell.take()
        {
            tell(*this.bytes, end);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B: fmt::Debug, F: FnOnce(u64, BodyEnd)> fmt::Debug for CountedBody<B, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountedBody")
            .field("inner", &self.inner)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use bytes::Bytes;
    use http_body_util::{BodyExt, Empty, Full};

    use super::*;

    #[tokio::test]
    async fn a_body_read_to_its_end_is_complete() {
        let told = Cell::new(None);
        let body = CountedBody::new(Full::new(Bytes::from_static(b"four")), |bytes, end| {
            told.set(Some((bytes, end)));
        });
        assert!(body.collect().await.is_ok());
        assert_eq!(told.get(), Some((4, BodyEnd::Complete)));
    }

    #[test]
    fn a_body_left_behind_is_told_as_dropped() {
        let told = Cell::new(None);
        drop(CountedBody::new(Full::new(Bytes::from_static(b"four")), |bytes, end| {
            told.set(Some((bytes, end)));
        }));
        assert_eq!(told.get(), Some((0, BodyEnd::Dropped)));
    }

    #[test]
    fn an_empty_body_is_complete_before_anybody_reads_it() {
        let told = Cell::new(None);
        drop(CountedBody::new(Empty::<Bytes>::new(), |bytes, end| {
            told.set(Some((bytes, end)));
        }));
        assert_eq!(told.get(), Some((0, BodyEnd::Complete)));
    }

    #[tokio::test]
    async fn a_body_that_breaks_is_told_as_failed_with_what_came_before() {
        struct Breaks(bool);
        impl Body for Breaks {
            type Data = Bytes;
            type Error = &'static str;
            fn poll_frame(
                mut self: Pin<&mut Self>,
                _: &mut Context<'_>,
            ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
                let first = !std::mem::replace(&mut self.0, true);
                Poll::Ready(Some(if first {
                    Ok(Frame::data(Bytes::from_static(b"ab")))
                } else {
                    Err("broken")
                }))
            }
        }
        let told = Cell::new(None);
        let body = CountedBody::new(Breaks(false), |bytes, end| {
            told.set(Some((bytes, end)));
        });
        assert!(body.collect().await.is_err());
        assert_eq!(told.get(), Some((2, BodyEnd::Failed)));
    }

    #[test]
    fn hints_pass_through() {
        let body = CountedBody::new(Full::new(Bytes::from_static(b"four")), |_, _| {});
        assert_eq!(body.size_hint().exact(), Some(4));
        assert!(!body.is_end_stream());
    }
}
