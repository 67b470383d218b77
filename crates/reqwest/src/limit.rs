use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use buttress_core::{BoxError, Deadline};
use buttress_http::{TransportError, TransportKind};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use pin_project_lite::pin_project;
use reqwest::Body;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

/// The time limit that a request of reqwest's brought along, from here to the end of the response's body.
///
/// Layers that know deadlines should refuse first and say more; this one is for stacks without them, where a limit
/// that somebody set must hold all the same. At a tie they win, because they are polled first.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    at: Instant,
    allowed: Duration,
}

impl Limit {
    pub(crate) fn from_now(allowed: Duration) -> Self {
        let deadline = Deadline::after(Instant::now().into_std(), allowed);
        Self { at: Instant::from_std(deadline.instant()), allowed }
    }

    pub(crate) fn deadline(self) -> Deadline {
        Deadline::at(self.at.into_std())
    }

    /// Drops the call when the time has passed.
    pub(crate) async fn bound<F>(self, call: F) -> Result<http::Response<Body>, BoxError>
    where
        F: Future<Output = Result<http::Response<Body>, BoxError>>,
    {
        match timeout_at(self.at, call).await {
            Ok(answered) => answered.map(|response| response.map(|body| self.bound_body(body))),
            Err(_) => Err(TransportError::new(TransportKind::TimedOut, self.passed()).into()),
        }
    }

    fn bound_body(self, body: Body) -> Body {
        if body.is_end_stream() {
            return body;
        }
        Body::wrap(LimitedBody { inner: body, timer: sleep_until(self.at), limit: self })
    }

    fn passed(self) -> LimitPassed {
        LimitPassed { allowed: self.allowed }
    }
}

pin_project! {
    struct LimitedBody {
        #[pin]
        inner: Body,
        #[pin]
        timer: Sleep,
        limit: Limit,
    }
}

impl http_body::Body for LimitedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.project();
        if let Poll::Ready(frame) = this.inner.poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        // As an I/O error of this kind, because that is where `reqwest::Error::is_timeout` looks.
        this.timer
            .poll(cx)
            .map(|()| Some(Err(io::Error::new(io::ErrorKind::TimedOut, this.limit.passed()).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[derive(Debug)]
struct LimitPassed {
    allowed: Duration,
}

impl fmt::Display for LimitPassed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no complete answer within {:?}", self.allowed)
    }
}

impl StdError for LimitPassed {}
