use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, TRAILER, TRANSFER_ENCODING,
};
use http::response::Parts;
use http::{HeaderMap, Response};
use http_body::Body;

use super::HttpKept;
use crate::Discard;

/// A failed response on its way out: its head, what could be read of its body, and the body while it is read.
pub struct Draining<B> {
    head: Parts,
    /// `None` once it has ended or was let go.
    body: Option<B>,
    chunks: Vec<Bytes>,
    read_bytes: usize,
    is_whole: bool,
}

/// A body that comes in more pieces than this is not worth the connection that reading it would save.
const MOST_FRAMES: usize = 1_024;

impl<B, W, Res> Discard<Response<Res>> for HttpKept<B, W>
where
    Res: Body + Unpin + From<Bytes>,
{
    type Rest = Draining<Res>;

    fn begin(response: Response<Res>) -> Draining<Res> {
        let (head, body) = response.into_parts();
        Draining { head, body: Some(body), chunks: Vec::new(), read_bytes: 0, is_whole: false }
    }

    fn poll_drain(rest: &mut Draining<Res>, cap_bytes: usize, cx: &mut Context<'_>) -> Poll<()> {
        rest.poll_drain(cap_bytes, cx)
    }

    fn release(rest: &mut Draining<Res>) {
        rest.body = None;
    }

    fn give_back(rest: Draining<Res>) -> Response<Res> {
        rest.into_response()
    }
}

impl<B: Body + Unpin> Draining<B> {
    fn poll_drain(&mut self, cap_bytes: usize, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(body) = &mut self.body {
            self.is_whole = body.is_end_stream();
            // What is to come would be read for nothing if the end cannot come within the cap.
            let total = (self.read_bytes as u64).saturating_add(body.size_hint().lower());
            if self.is_whole || total > cap_bytes as u64 || self.chunks.len() >= MOST_FRAMES {
                break;
            }
            match ready!(Pin::new(body).poll_frame(cx)) {
                Some(Ok(frame)) => self.keep(frame.into_data().ok()),
                end => {
                    self.is_whole = end.is_none();
                    break;
                }
            }
        }
        Poll::Ready(())
    }

    /// Trailers are kept as an empty chunk: they count as a frame.
    fn keep(&mut self, data: Option<B::Data>) {
        let chunk = data.map_or_else(Bytes::new, |mut data| data.copy_to_bytes(data.remaining()));
        self.read_bytes += chunk.len();
        self.chunks.push(chunk);
    }
}

impl<B: From<Bytes>> Draining<B> {
    /// The response as it came, or without any body if not all of it was read: half a body would be a lie.
    fn into_response(mut self) -> Response<B> {
        if !self.is_whole {
            describe_nothing(&mut self.head.headers);
            return Response::from_parts(self.head, B::from(Bytes::new()));
        }
        Response::from_parts(self.head, B::from(joined(self.chunks)))
    }
}

fn joined(mut chunks: Vec<Bytes>) -> Bytes {
    if chunks.len() < 2 {
        return chunks.pop().unwrap_or_default();
    }
    let mut whole = BytesMut::with_capacity(chunks.iter().map(Bytes::len).sum());
    whole.extend(chunks);
    whole.freeze()
}

fn describe_nothing(headers: &mut HeaderMap) {
    for name in [CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, TRAILER, TRANSFER_ENCODING] {
        headers.remove(name);
    }
}

impl<B> fmt::Debug for Draining<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draining").field("read_bytes", &self.read_bytes).finish_non_exhaustive()
    }
}
