use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;

use buttress_core::BoxError;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower_layer::Layer;
use tower_service::Service;

use super::{MakeMarked, MarkedError, PeekMark, ReadMark};
use crate::{Probe, Strict};

/// The types on both sides of a layer.
pub trait Wire: 'static {
    /// What the outer service is called with.
    type Request: MakeMarked + Send + 'static;
    /// What the inner service is called with; differs if the layer changes the request's body.
    type Inner: PeekMark + Send + 'static;
    /// What the inner service answers with.
    type Response: MakeMarked + Send + 'static;
    /// The error of both.
    type Error: MarkedError + Send + 'static;
}

/// A [`Wire`] spelled out: request, inner request, inner response, error.
pub struct Wiring<Req, In, Res, E>(PhantomData<(Req, In, Res, E)>);

impl<Req, In, Res, E> fmt::Debug for Wiring<Req, In, Res, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wiring")
    }
}

impl<Req, In, Res, E> Wire for Wiring<Req, In, Res, E>
where
    Req: MakeMarked + Send + 'static,
    In: PeekMark + Send + 'static,
    Res: MakeMarked + Send + 'static,
    E: MarkedError + Send + 'static,
{
    type Request = Req;
    type Inner = In;
    type Response = Res;
    type Error = E;
}

/// Plain values with a boxed error.
pub type Plain = Wiring<u32, u32, u32, BoxError>;

/// An HTTP server, whose services never fail.
pub type Server = Wiring<Request<Full<Bytes>>, Request<Full<Bytes>>, Response<Full<Bytes>>, Infallible>;

/// An HTTP client, whose services fail with a boxed error.
pub type Client = Wiring<Request<Full<Bytes>>, Request<Full<Bytes>>, Response<Full<Bytes>>, BoxError>;

/// A layer that can be put through the contract: cloned, shared between threads, over a strict inner service.
///
/// Every such [`Layer`] is one.
pub trait Subject<W: Wire>: Clone + Send + Sync + 'static {
    /// What the layer makes.
    type Service: Served<W>;

    /// Puts the layer over an inner service.
    fn over(&self, inner: Strict<W::Inner, W::Response, W::Error>) -> Self::Service;
}

impl<L, W: Wire> Subject<W> for L
where
    L: Layer<Inner<W>, Service: Served<W>> + Clone + Send + Sync + 'static,
{
    type Service = L::Service;

    fn over(&self, inner: Inner<W>) -> L::Service {
        self.layer(inner)
    }
}

/// What such a layer makes: cloned for each connection, with the inner error, a response that can be read, and a
/// future that can be sent.
pub trait Served<W: Wire>:
    Service<W::Request, Response: ReadMark, Error = W::Error, Future: Send + 'static>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S, W: Wire> Served<W> for S where
    S: Service<W::Request, Response: ReadMark, Error = W::Error, Future: Send + 'static>
        + Clone
        + Send
        + Sync
        + 'static
{
}

pub(super) type Inner<W> = Strict<<W as Wire>::Inner, <W as Wire>::Response, <W as Wire>::Error>;
pub(super) type Outer<L, W> = <L as Subject<W>>::Service;
pub(super) type Answer<L, W> =
    Result<<Outer<L, W> as Service<<W as Wire>::Request>>::Response, <W as Wire>::Error>;
pub(super) type Reply<W> = crate::Reply<<W as Wire>::Response, <W as Wire>::Error>;
pub(super) type InnerProbe<W> = Probe<<W as Wire>::Error>;
