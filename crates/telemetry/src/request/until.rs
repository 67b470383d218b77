use http::Response;
use http_body::Body;

use super::{LoggedBody, OpenRecord};

/// Says until when a request lasts: its record is closed, and its line written, when the record is dropped.
pub trait Until<B> {
    /// The body of the response as it leaves the layer.
    type Body;

    /// The head of the response is there.
    fn keep(&self, response: Response<B>, record: OpenRecord) -> Response<Self::Body>;
}

/// A request lasts until the body of its response has been read, has failed or is dropped. The default.
///
/// The body becomes a [`LoggedBody`], without an allocation. [`UntilBodyEndAs`] keeps the type.
#[derive(Clone, Copy, Debug, Default)]
pub struct UntilBodyEnd;

impl<B: Body> Until<B> for UntilBodyEnd {
    type Body = LoggedBody<B>;

    fn keep(&self, response: Response<B>, record: OpenRecord) -> Response<LoggedBody<B>> {
        response.map(|body| LoggedBody::new(body, record))
    }
}

/// As [`UntilBodyEnd`], and the body keeps its type: the function turns the logged body back into it, which boxes it,
/// such as `axum::body::Body::new`.
#[derive(Clone, Copy, Debug)]
pub struct UntilBodyEndAs<W>(pub W);

impl<B: Body, W: Fn(LoggedBody<B>) -> B> Until<B> for UntilBodyEndAs<W> {
    type Body = B;

    fn keep(&self, response: Response<B>, mut record: OpenRecord) -> Response<B> {
        // What is over already needs no box.
        if response.body().is_end_stream() {
            record.sent(0);
            record.ended();
            return response;
        }
        response.map(|body| (self.0)(LoggedBody::new(body, record)))
    }
}

/// A request lasts until the head of its response is there, however long the body takes. The body stays as it is, and
/// the line does not know how much of it was sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct UntilHead;

impl<B> Until<B> for UntilHead {
    type Body = B;

    fn keep(&self, response: Response<B>, mut record: OpenRecord) -> Response<B> {
        record.ended();
        response
    }
}
