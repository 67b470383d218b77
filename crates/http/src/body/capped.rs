use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use buttress_core::BoxError;
use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// A body that fails with [`BodyTooLarge`] instead of handing over more than so many bytes.
    ///
    /// A body that announces more than the cap fails before anything is read. Otherwise the frame that would cross the
    /// cap is dropped whole. After a failure the body has ended, and what it was made from is gone.
    #[derive(Debug)]
    pub struct CappedBody<B> {
        #[pin]
        inner: Option<B>,
        cap_bytes: u64,
        left: u64,
    }
}

impl<B> CappedBody<B> {
    /// Limits a body to `cap_bytes` of data; trailers do not count.
    pub fn new(inner: B, cap_bytes: u64) -> Self {
        Self { inner: Some(inner), cap_bytes, left: cap_bytes }
    }
}

impl<B> Body for CappedBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        let left = if inner.size_hint().lower() > *this.left {
            None
        } else {
            match ready!(inner.poll_frame(cx)) {
                Some(Ok(frame)) => {
                    let size = frame.data_ref().map_or(0, Buf::remaining) as u64;
                    this.left.checked_sub(size).map(|left| (left, frame))
                }
                end => {
                    this.inner.set(None);
                    return Poll::Ready(end.map(|frame| frame.map_err(Into::into)));
                }
            }
        };
        let Some((left, frame)) = left else {
            this.inner.set(None);
            return Poll::Ready(Some(Err(BodyTooLarge::new(*this.cap_bytes).into())));
        };
        *this.left = left;
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let Some(inner) = &self.inner else { return SizeHint::with_exact(0) };
        let hint = inner.size_hint();
        // A body that will fail has no length to announce.
        if hint.lower() > self.left { SizeHint::new() } else { hint }
    }
}

/// A body that held more than its cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyTooLarge {
    cap_bytes: u64,
}

impl BodyTooLarge {
    /// For a reader that counts by itself.
    pub fn new(cap_bytes: u64) -> Self {
        Self { cap_bytes }
    }

    /// The cap that was crossed, in bytes.
    pub fn cap_bytes(&self) -> u64 {
        self.cap_bytes
    }
}

impl fmt::Display for BodyTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "body is larger than {} bytes", self.cap_bytes)
    }
}

impl Error for BodyTooLarge {}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};

    use super::*;

    async fn read(text: &'static str, cap_bytes: u64) -> Result<Bytes, BoxError> {
        CappedBody::new(Full::new(Bytes::from_static(text.as_bytes())), cap_bytes)
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
    }

    #[tokio::test]
    async fn a_body_may_fill_its_cap_and_not_cross_it() {
        assert_eq!(read("four", 4).await.ok(), Some(Bytes::from_static(b"four")));
        let error = read("fives", 4).await.expect_err("one byte too many");
        assert_eq!(error.downcast_ref::<BodyTooLarge>(), Some(&BodyTooLarge { cap_bytes: 4 }));
    }

    #[tokio::test]
    async fn a_body_is_cut_where_its_length_was_not_announced() {
        let parts = [Ok::<_, Infallible>(Frame::data("ab")), Ok(Frame::data("cd")), Ok(Frame::data("e"))];
        let mut parts = parts.into_iter();
        let mut body = CappedBody::new(BodyFn(move || parts.next()), 4);
        for _ in 0..2 {
            assert!(body.frame().await.is_some_and(|frame| frame.is_ok()));
        }
        assert!(body.frame().await.is_some_and(|frame| frame.is_err()));
        assert!(body.frame().await.is_none());
    }

    /// A body whose frames a closure makes.
    struct BodyFn<F>(F);

    impl<F> Body for BodyFn<F>
    where
        F: FnMut() -> Option<Result<Frame<&'static str>, Infallible>> + Unpin,
    {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready((self.0)().map(|frame| frame.map(|frame| frame.map_data(Bytes::from))))
        }
    }

    #[tokio::test]
    async fn a_body_that_was_cut_has_ended() {
        let mut body = CappedBody::new(Full::new(Bytes::from_static(b"fives")), 4);
        assert!(!body.is_end_stream());
        assert_eq!(body.size_hint().exact(), None, "no length is announced for what will not come");
        assert!(body.frame().await.is_some_and(|frame| frame.is_err()));
        assert!(body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
        assert!(body.frame().await.is_none());
    }
}
