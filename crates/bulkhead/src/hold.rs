use buttress_core::{Context, Deadline};

use crate::permit::Permit;
#[cfg(feature = "http")]
pub use over_http::{UntilBodyEnd, UntilBodyEndAs, UntilHead};

/// Says when a call is over, so that its permit returns, and until when it may wait for one.
///
/// The permit returns when it is dropped: a response that keeps it makes the call last as long.
pub trait Hold<Req, Res> {
    /// The response as it leaves the layer.
    type Held;

    /// The deadline of a request.
    fn deadline(&self, request: &Req) -> Option<Deadline>;

    /// The response has come. The call is over after this, unless its permit is taken out and kept, as by the response.
    /// Without a permit it was never begun: the response is a refusal.
    fn hold(&self, response: Res, permit: &mut Option<Permit>) -> Self::Held;
}

/// A call is over when its response is there. Its deadline is that of the current [`Context`].
#[derive(Clone, Copy, Debug, Default)]
pub struct UntilResponse;

impl<Req, Res> Hold<Req, Res> for UntilResponse {
    type Held = Res;

    fn deadline(&self, _: &Req) -> Option<Deadline> {
        Context::with_current(Context::deadline)
    }

    #[inline]
    fn hold(&self, response: Res, _: &mut Option<Permit>) -> Res {
        response
    }
}

#[cfg(feature = "http")]
mod over_http {
    use buttress_core::Deadline;
    use buttress_http::deadline_of;
    use http::{Request, Response};
    use http_body::Body;

    use super::Hold;
    use crate::body::HeldBody;
    use crate::permit::Permit;

    /// A call is over when its response body is: read to the end, broken off or dropped. The default over HTTP.
    ///
    /// The body becomes a [`HeldBody`], without an allocation. [`UntilBodyEndAs`] keeps the type.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct UntilBodyEnd;

    impl<A, B: Body> Hold<Request<A>, Response<B>> for UntilBodyEnd {
        type Held = Response<HeldBody<B>>;

        fn deadline(&self, request: &Request<A>) -> Option<Deadline> {
            deadline_of(request.extensions())
        }

        #[inline]
        fn hold(&self, response: Response<B>, permit: &mut Option<Permit>) -> Self::Held {
            response.map(|body| HeldBody::new(body, permit.take()))
        }
    }

    /// As [`UntilBodyEnd`], and the body keeps its type: the function turns the held body back into it, which boxes
    /// it. `axum::body::Body::new`, `reqwest::Body::wrap`, `UnsyncBoxBody::new`.
    ///
    /// ```
    /// use buttress_bulkhead::{BulkheadLayer, UntilBodyEndAs};
    ///
    /// let layer = BulkheadLayer::inbound("reports").hold(UntilBodyEndAs(axum::body::Body::new)).build()?;
    /// let router: axum::Router = axum::Router::new().layer(layer);
    /// # Ok::<(), buttress_core::ConfigError>(())
    /// ```
    #[derive(Clone, Copy, Debug)]
    pub struct UntilBodyEndAs<W>(pub W);

    impl<A, B, W> Hold<Request<A>, Response<B>> for UntilBodyEndAs<W>
    where
        B: Body,
        W: Fn(HeldBody<B>) -> B,
    {
        type Held = Response<B>;

        fn deadline(&self, request: &Request<A>) -> Option<Deadline> {
            deadline_of(request.extensions())
        }

        fn hold(&self, response: Response<B>, permit: &mut Option<Permit>) -> Response<B> {
            // What holds nothing needs no box: a refusal, and a body that is over already.
            match permit.take_if(|_| !response.body().is_end_stream()) {
                Some(permit) => response.map(|body| (self.0)(HeldBody::new(body, Some(permit)))),
                None => response,
            }
        }
    }

    /// A call is over when the head of its response is there, however long the body takes. The body stays as it is.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct UntilHead;

    impl<A, B> Hold<Request<A>, Response<B>> for UntilHead {
        type Held = Response<B>;

        fn deadline(&self, request: &Request<A>) -> Option<Deadline> {
            deadline_of(request.extensions())
        }

        #[inline]
        fn hold(&self, response: Response<B>, _: &mut Option<Permit>) -> Response<B> {
            response
        }
    }
}
