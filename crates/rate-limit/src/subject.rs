use std::fmt;
use std::marker::PhantomData;

use crate::told::Told;

/// What a layer limits, and so what its policies look at: requests over [`Http`](crate::Http), or [`Plain`] ones.
///
/// Nobody else can implement it.
pub trait Subject: Clone + Send + Sync + 'static {
    /// What keys, costs and exemptions look at.
    type Head<'a>;

    /// What settling looks at.
    type Answer<'a>;

    /// What the response is to be told.
    #[doc(hidden)]
    type Mark: Default + Send;

    /// Whether the request is a CORS preflight.
    #[doc(hidden)]
    fn is_preflight(head: &Self::Head<'_>) -> bool;

    /// Whether a response may be told anything.
    #[doc(hidden)]
    fn marks(&self) -> bool;

    #[doc(hidden)]
    fn mark(&self, told: &Told<'_>) -> Self::Mark;
}

/// The requests and responses of one service, seen as a [`Subject`].
pub trait Limits<Req, Res>: Subject {
    #[doc(hidden)]
    fn head<'a>(&'a self, request: &'a Req) -> Self::Head<'a>;

    #[doc(hidden)]
    fn answer(response: &Res) -> Self::Answer<'_>;

    #[doc(hidden)]
    fn stamp(mark: Self::Mark, response: &mut Res);
}

/// Requests and responses of any type, looked at as they are.
pub struct Plain<Req, Res>(PhantomData<fn(Req) -> Res>);

impl<Req, Res> Plain<Req, Res> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<Req: 'static, Res: 'static> Subject for Plain<Req, Res> {
    type Head<'a> = &'a Req;
    type Answer<'a> = &'a Res;
    type Mark = ();

    fn is_preflight(_: &&Req) -> bool {
        false
    }

    fn marks(&self) -> bool {
        false
    }

    fn mark(&self, _: &Told<'_>) {}
}

impl<Req: 'static, Res: 'static> Limits<Req, Res> for Plain<Req, Res> {
    fn head<'a>(&'a self, request: &'a Req) -> &'a Req {
        request
    }

    fn answer(response: &Res) -> &Res {
        response
    }

    fn stamp((): (), _: &mut Res) {}
}

impl<Req, Res> Clone for Plain<Req, Res> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<Req, Res> fmt::Debug for Plain<Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plain")
    }
}
