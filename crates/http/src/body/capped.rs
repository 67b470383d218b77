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
    /// The frame that would cross the cap is dropped whole. After the failure the body has ended.
    #[derive(Debug)]
    pub struct CappedBody<B> {
        #[pin]
        inner: B,
        cap_bytes: u64,
        left: u64,
        ended: bool,
    }
}

impl<B> CappedBody<B> {
    /// Limits a body to `cap_bytes` of data; trailers do not count.
    pub fn new(inner: B, cap_bytes: u64) -> Self {
        Self { inner, cap_bytes, left: cap_bytes, ended: false }
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
        let this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        let frame = ready!(this.inner.poll_frame(cx));
        let size = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Buf::remaining),
            Some(Err(_)) | None => 0,
        };
        let Some(left) = this.left.checked_sub(size as u64) else {
            *this.ended = true;
            return Poll::Ready(Some(Err(BodyTooLarge::new(*this.cap_bytes).into())));
        };
        *this.left = left;
        *this.ended = !matches!(frame, Some(Ok(_)));
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.ended { SizeHint::with_exact(0) } else { self.inner.size_hint() }
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
    async fn a_body_that_was_cut_has_ended() {
        let mut body = CappedBody::new(Full::new(Bytes::from_static(b"fives")), 4);
        assert!(!body.is_end_stream());
        assert!(body.frame().await.is_some_and(|frame| frame.is_err()));
        assert!(body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
        assert!(body.frame().await.is_none());
    }
}
