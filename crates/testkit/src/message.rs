//! HTTP requests and responses with as few words as a test can have.
//!
//! Bodies are `Full<Bytes>`, which an Axum router takes as it is; for a service that wants another body, say
//! `get("/").map(Body::new)`.

use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;
use tower_service::Service;

/// A `GET` without a body.
///
/// # Panics
///
/// If the path is no URI.
#[track_caller]
pub fn get(path: &str) -> Request<Full<Bytes>> {
    request(Method::GET, path, Full::default())
}

/// A `POST` with a body.
///
/// # Panics
///
/// If the path is no URI.
#[track_caller]
pub fn post(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    request(Method::POST, path, Full::new(body.into()))
}

/// A request with that method and body.
///
/// # Panics
///
/// If the path is no URI.
#[track_caller]
pub fn request<B>(method: Method, path: &str, body: B) -> Request<B> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    match path.parse() {
        Ok(uri) => *request.uri_mut() = uri,
        Err(why) => panic!("{path:?} is no URI: {why}"),
    }
    request
}

/// A response with that status and body.
pub fn response(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}

/// The whole body.
///
/// # Panics
///
/// If the body fails.
pub async fn read<B>(body: B) -> Bytes
where
    B: Body,
    B::Error: std::fmt::Debug,
{
    match body.collect().await {
        Ok(all) => all.to_bytes(),
        Err(why) => panic!("the body failed: {why:?}"),
    }
}

/// A response that was read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// What layers left for one another.
    pub extensions: Extensions,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// A header as text; `None` if it is missing or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text, with a mark in place of every byte that is none.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a request through a clone of the service, once that is ready, and reads the answer to its end.
///
/// Any HTTP service will do, an Axum router with its state included.
///
/// # Panics
///
/// If the service or the response's body fails.
pub async fn send<S, B, R>(service: &S, request: Request<B>) -> Answer
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: std::fmt::Debug,
    R: Body,
    R::Error: std::fmt::Debug,
{
    match service.clone().oneshot(request).await {
        Ok(response) => {
            let (parts, body) = response.into_parts();
            let body = read(body).await;
            Answer { status: parts.status, headers: parts.headers, extensions: parts.extensions, body }
        }
        Err(why) => panic!("the service failed: {why:?}"),
    }
}

/// Sends a `GET` to each path and returns the statuses; see [`send`].
///
/// # Panics
///
/// If the service or a response's body fails.
pub async fn statuses<S, R>(service: &S, paths: impl IntoIterator<Item = &str>) -> Vec<StatusCode>
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>> + Clone,
    S::Error: std::fmt::Debug,
    R: Body,
    R::Error: std::fmt::Debug,
{
    let mut statuses = Vec::new();
    for path in paths {
        statuses.push(send(service, get(path)).await.status);
    }
    statuses
}
