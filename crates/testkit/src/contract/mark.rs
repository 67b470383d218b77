use std::convert::Infallible;
use std::fmt;
use std::future::Future;

use buttress_core::BoxError;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::BodyExt;

/// The header that carries a mark over HTTP.
const HEADER: &str = "x-mark";

/// Something that can be made with a number in it, by which it is recognised on the other side of a layer.
pub trait MakeMarked {
    /// One with that mark.
    fn marked(mark: u32) -> Self;
}

/// Something whose mark can be seen without taking it apart, such as a request that arrived.
pub trait PeekMark {
    /// The mark, if it has kept it.
    fn peek_mark(&self) -> Option<u32>;
}

/// Something whose mark can be read in full, such as a response with its body.
pub trait ReadMark {
    /// The mark, if everything has kept it.
    fn read_mark(self) -> impl Future<Output = Option<u32>>;
}

/// An error of an inner service.
pub trait MarkedError: fmt::Debug + Sized {
    /// An error with that mark; `None` if there can be no error.
    fn marked(mark: u32) -> Option<Self>;

    /// The mark, if this is the very error that was made and not a new one.
    fn mark(&self) -> Option<u32>;
}

impl MakeMarked for u32 {
    fn marked(mark: u32) -> Self {
        mark
    }
}

impl PeekMark for u32 {
    fn peek_mark(&self) -> Option<u32> {
        Some(*self)
    }
}

impl ReadMark for u32 {
    async fn read_mark(self) -> Option<u32> {
        Some(self)
    }
}

impl MakeMarked for String {
    fn marked(mark: u32) -> Self {
        mark.to_string()
    }
}

impl PeekMark for String {
    fn peek_mark(&self) -> Option<u32> {
        self.parse().ok()
    }
}

impl ReadMark for String {
    async fn read_mark(self) -> Option<u32> {
        self.parse().ok()
    }
}

/// A `GET /mark` without a body.
impl<B: From<Bytes>> MakeMarked for Request<B> {
    fn marked(mark: u32) -> Self {
        let mut request = crate::message::request(http::Method::GET, "/mark", B::from(Bytes::new()));
        request.headers_mut().insert(HEADER, mark.into());
        request
    }
}

impl<B> PeekMark for Request<B> {
    fn peek_mark(&self) -> Option<u32> {
        in_headers(self.headers())
    }
}

/// A response of status 200 with the mark in a header and in the body.
impl<B: From<Bytes>> MakeMarked for Response<B> {
    fn marked(mark: u32) -> Self {
        let mut response = Response::new(B::from(Bytes::from(mark.to_string())));
        response.headers_mut().insert(HEADER, mark.into());
        response
    }
}

impl<B: Body> ReadMark for Response<B> {
    async fn read_mark(self) -> Option<u32> {
        let mark = in_headers(self.headers())?;
        let body = self.into_body().collect().await.ok()?.to_bytes();
        (body == mark.to_string()).then_some(mark)
    }
}

fn in_headers(headers: &HeaderMap) -> Option<u32> {
    headers.get(HEADER)?.to_str().ok()?.parse().ok()
}

/// The error with which an inner service fails in a [`Suite`](super::Suite).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InnerFailed(pub u32);

impl fmt::Display for InnerFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the inner service failed with mark {}", self.0)
    }
}

impl std::error::Error for InnerFailed {}

impl MarkedError for BoxError {
    fn marked(mark: u32) -> Option<Self> {
        Some(InnerFailed(mark).into())
    }

    fn mark(&self) -> Option<u32> {
        self.downcast_ref::<InnerFailed>().map(|failed| failed.0)
    }
}

impl MarkedError for Infallible {
    fn marked(_: u32) -> Option<Self> {
        None
    }

    fn mark(&self) -> Option<u32> {
        match *self {}
    }
}
