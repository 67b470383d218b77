use std::fmt;
use std::mem;
use std::sync::Arc;

use buttress_core::CorrelationId;
use http::Request;
use http::request::Parts;

/// Whose correlation IDs are used.
#[derive(Clone, Default)]
pub enum Accept {
    /// Everybody's. The default: an ID that passes the checks can do no harm but to be used twice.
    #[default]
    Any,
    /// Nobody's; every request gets a new ID.
    Never,
    /// Those of requests for which a closure says yes.
    When(Arc<dyn Fn(&Parts) -> bool + Send + Sync>),
}

impl Accept {
    /// Uses the IDs of requests for which a closure says yes.
    ///
    /// It is asked only where a valid ID was offered. Who sent the request should be known from something that
    /// the sender cannot write, such as an extension with the address of the peer.
    pub fn when(trusts: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        Self::When(Arc::new(trusts))
    }

    /// Whether the sender of a request may choose its ID.
    #[inline]
    pub(crate) fn trusts<B>(&self, request: &mut Request<B>) -> bool {
        match self {
            Self::Any => true,
            Self::Never => false,
            Self::When(trusts) => ask(&**trusts, request),
        }
    }
}

/// Shows a request's parts to a closure, without the body.
#[inline(never)]
fn ask<B>(trusts: &dyn Fn(&Parts) -> bool, request: &mut Request<B>) -> bool {
    let (mut parts, ()) = Request::new(()).into_parts();
    swap(request, &mut parts);
    let trusted = trusts(&parts);
    swap(request, &mut parts);
    trusted
}

/// Exchanges a request's parts, whose body nobody may take.
fn swap<B>(request: &mut Request<B>, parts: &mut Parts) {
    mem::swap(request.method_mut(), &mut parts.method);
    mem::swap(request.uri_mut(), &mut parts.uri);
    mem::swap(request.version_mut(), &mut parts.version);
    mem::swap(request.headers_mut(), &mut parts.headers);
    mem::swap(request.extensions_mut(), &mut parts.extensions);
}

impl fmt::Debug for Accept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "Any",
            Self::Never => "Never",
            Self::When(_) => "When(..)",
        })
    }
}

/// A valid correlation ID that its sender was not trusted to choose; in the extensions of the request.
///
/// It is also the field `client_correlation_id` of the request's span, so that a caller who asks about its own ID
/// can be answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientCorrelationId(pub CorrelationId);
