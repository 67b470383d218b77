use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use buttress_http::ReplayBody;
use buttress_retry::WrapBody;
use bytes::Bytes;
use http_body::Body as _;
use reqwest::Body;

/// Lets a retry layer of `buttress-retry` stand on a service that takes reqwest's bodies, such as
/// [`Reqwest`](crate::Reqwest).
///
/// A body in memory stays one: each attempt shares its bytes, has a `Content-Length`, and can follow a redirect
/// with status 307 or 308. A stream is wrapped, and read by each attempt as far as it is remembered.
///
/// ```
/// use buttress_reqwest::{AsReqwestBody, Client, Reqwest};
/// use buttress_retry::RetryLayer;
/// use tower::ServiceBuilder;
///
/// let http = reqwest::Client::new();
/// let retry = RetryLayer::builder().wrap_body(AsReqwestBody).build()?;
/// let stack = ServiceBuilder::new().layer(retry).service(Reqwest::new(http.clone()));
/// let client = Client::over("inventory", http, stack);
/// # Ok::<(), buttress_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AsReqwestBody;

impl WrapBody<Body> for AsReqwestBody {
    type Out = Body;

    fn wrap(&self, body: ReplayBody<Body>) -> Body {
        let in_memory = body.source().is_some_and(|source| source.as_bytes().is_some());
        if body.is_end_stream() || in_memory { whole(body).into() } else { Body::wrap(body) }
    }
}

/// The bytes of a body in memory, which are one frame and there at once.
///
/// The body is dropped here and not by the transport, so it is back for the next attempt whenever that begins.
fn whole(mut body: ReplayBody<Body>) -> Bytes {
    match Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        _ => Bytes::new(),
    }
}

#[cfg(test)]
mod tests {
    use buttress_http::replayable;

    use super::*;

    #[test]
    fn a_body_in_memory_is_the_same_bytes_for_every_attempt() {
        let bytes = Bytes::from(vec![b'x'; 4000]);
        let (body, spare) = replayable(Body::from(bytes.clone()), 4000);
        let mut spare = spare.expect("it fits");
        let first = AsReqwestBody.wrap(body);
        // While the transport still holds the first.
        let second = AsReqwestBody.wrap(spare.again().expect("it is back"));
        let third = AsReqwestBody.wrap(spare.again().expect("it is back"));
        for body in [&first, &second, &third] {
            assert_eq!(body.as_bytes().map(<[u8]>::as_ptr), Some(bytes.as_ptr()), "shared and not copied");
            assert_eq!(body.as_bytes(), Some(&bytes[..]));
        }
    }

    #[test]
    fn a_body_above_the_cap_and_an_empty_one_stay_as_they_were() {
        let (body, spare) = replayable(Body::from("more than fits"), 4);
        assert!(spare.is_none());
        assert_eq!(AsReqwestBody.wrap(body).as_bytes(), Some(&b"more than fits"[..]));
        let (body, spare) = replayable(Body::default(), 4);
        assert_eq!(AsReqwestBody.wrap(body).as_bytes(), Some(&b""[..]));
        let again = spare.expect("nothing always fits").again().expect("nothing is always there");
        assert_eq!(AsReqwestBody.wrap(again).as_bytes(), Some(&b""[..]));
    }

    #[test]
    fn a_stream_stays_one() {
        let (body, _spare) = replayable(Body::wrap(Body::from("streamed")), 1000);
        assert_eq!(AsReqwestBody.wrap(body).as_bytes(), None);
    }
}
