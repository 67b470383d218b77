use http::{Extensions, HeaderMap, Response, StatusCode};

/// What settling sees of a response: everything but its body.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    status: StatusCode,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
}

impl<'a> ResponseHead<'a> {
    pub(crate) fn new<B>(response: &'a Response<B>) -> Self {
        Self { status: response.status(), headers: response.headers(), extensions: response.extensions() }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The header.
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// What the service wants to tell the layers around it, such as how much a request has used.
    pub fn extensions(&self) -> &'a Extensions {
        self.extensions
    }

    /// One thing that the service wants to tell the layers around it.
    pub fn extension<T: Clone + Send + Sync + 'static>(&self) -> Option<&'a T> {
        self.extensions.get()
    }
}
