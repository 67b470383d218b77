use buttress_core::{Context, CorrelationId, Signal, Verdict};
use http::Request;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::accept::ClientCorrelationId;
use crate::builder::TraceId;
use crate::header::{self, spelled, value_of};
use crate::layer::Settings;
use crate::{Reason, Source, TraceParent};

/// What was decided about the correlation ID of a request.
pub(crate) struct Arrival {
    pub(crate) id: CorrelationId,
    pub(crate) source: Source,
    /// The valid ID of a sender who may not choose one.
    pub(crate) client: Option<ClientCorrelationId>,
    /// The ID as the response bears it.
    pub(crate) echo: Option<HeaderValue>,
}

impl Arrival {
    /// Puts an ID that came in no header where handlers look for it.
    #[inline]
    fn announced<B>(id: CorrelationId, source: Source, request: &mut Request<B>) -> Self {
        let echo = spelled(&id);
        request.extensions_mut().insert(id.clone());
        Self { id, source, client: None, echo }
    }

    /// Whether this is the ID that the surrounding code works under already.
    #[inline]
    pub(crate) fn is_in_scope(&self) -> bool {
        self.source == Source::Inherited && is_current(&self.id)
    }
}

/// Apart, since it is asked only of an ID that was there before.
#[inline(never)]
fn is_current(id: &CorrelationId) -> bool {
    Context::with_current(|context| context.correlation_id() == Some(id))
}

/// A header for IDs that came with a request.
struct Offer<'s, 'h> {
    name: &'s HeaderName,
    source: Source,
    value: Result<&'h HeaderValue, Reason>,
}

impl Settings {
    /// Decides about the ID of a request, and puts it where handlers look for it.
    #[inline]
    pub(crate) fn receive<B>(&self, request: &mut Request<B>) -> Arrival {
        if let Some(id) = request.extensions().get::<CorrelationId>() {
            return Arrival { id: id.clone(), source: Source::Inherited, client: None, echo: spelled(id) };
        }
        let Some(Offer { name, source, value }) = self.offer(request.headers()) else {
            return match self.trace_id {
                TraceId::Ignore => self.minted(Source::Minted, request),
                TraceId::Adopt => self.adopted(request),
            };
        };
        let value = match value {
            Ok(value) => value,
            Err(reason) => return self.rejected(reason, Some(name), request),
        };
        // Step by step: each result around the ID would be one more move of it.
        let id = match CorrelationId::from_bytes(value.as_bytes()) {
            Ok(id) => id,
            Err(why) => return self.rejected(why.into(), Some(name), request),
        };
        if self.is_sensitive(&id) {
            return self.rejected(Reason::Sensitive, Some(name), request);
        }
        let echo = Some(value.clone()); // shares its bytes, where `spelled` copies them
        if !self.accept.trusts(request) {
            return self.untrusted(id, Some(name), request);
        }
        request.extensions_mut().insert(id.clone());
        Arrival { id, source, client: None, echo }
    }

    /// The first header for IDs that is present.
    #[inline]
    fn offer<'s, 'h>(&'s self, headers: &'h HeaderMap) -> Option<Offer<'s, 'h>> {
        let offer = |name, source| Some(Offer { name, source, value: value_of(headers, name)? });
        let alias = || self.aliases.iter().find_map(|alias| offer(alias, Source::Alias));
        offer(&self.header, Source::Header).or_else(alias)
    }

    #[inline]
    fn is_sensitive(&self, id: &CorrelationId) -> bool {
        self.screen.as_ref().is_some_and(|screen| (screen.0)(id.as_str()))
    }

    fn checked(&self, offered: &[u8]) -> Result<CorrelationId, Reason> {
        let id = CorrelationId::from_bytes(offered)?;
        if self.is_sensitive(&id) { Err(Reason::Sensitive) } else { Ok(id) }
    }

    fn minted<B>(&self, source: Source, request: &mut Request<B>) -> Arrival {
        Arrival::announced(self.mint.draw(), source, request)
    }

    /// Takes the trace ID of a valid `traceparent`.
    fn adopted<B>(&self, request: &mut Request<B>) -> Arrival {
        match self.trace_id_in(request.headers()) {
            None => self.minted(Source::Minted, request),
            Some(Err(reason)) => self.rejected(reason, None, request),
            Some(Ok(id)) if !self.accept.trusts(request) => self.untrusted(id, None, request),
            Some(Ok(id)) => Arrival::announced(id, Source::TraceParent, request),
        }
    }

    /// A `traceparent` that is not valid counts as absent.
    fn trace_id_in(&self, headers: &HeaderMap) -> Option<Result<CorrelationId, Reason>> {
        let value = value_of(headers, &header::TRACE_PARENT)?.ok()?;
        let parent = TraceParent::parse(value.to_str().ok()?)?;
        Some(self.checked(parent.trace_id().as_bytes()))
    }

    #[cold]
    fn rejected<B>(&self, reason: Reason, name: Option<&HeaderName>, request: &mut Request<B>) -> Arrival {
        // Nothing inside shall log or forward what was rejected here.
        if let Some(name) = name {
            request.headers_mut().remove(name);
        }
        let observer = self.observer.as_ref().map(|listener| &*listener.0);
        Signal::new("correlation-id", "", Verdict::Passed, reason.as_str()).report(observer);
        self.minted(Source::Rejected(reason), request)
    }

    #[cold]
    fn untrusted<B>(
        &self,
        id: CorrelationId,
        name: Option<&HeaderName>,
        request: &mut Request<B>,
    ) -> Arrival {
        let client = ClientCorrelationId(id);
        request.extensions_mut().insert(client.clone());
        Arrival { client: Some(client), ..self.rejected(Reason::Untrusted, name, request) }
    }
}
