use buttress_core::{Context, CorrelationId, Signal, Verdict};
use http::Request;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::accept::ClientCorrelationId;
use crate::builder::TraceId;
use crate::layer::Settings;
use crate::message::TRACE_PARENT;
use crate::offered::{agreed, read};
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
    fn named(id: CorrelationId, source: Source) -> Self {
        let echo = HeaderValue::from_str(id.as_str()).ok(); // an ID is always a header value
        Self { id, source, client: None, echo }
    }

    /// Whether this is the ID that the surrounding code works under already.
    pub(crate) fn is_in_scope(&self) -> bool {
        self.source == Source::Inherited
            && Context::with_current(|context| context.correlation_id() == Some(&self.id))
    }
}

/// An ID that came with a request.
struct Offer<'a> {
    source: Source,
    /// The header that it stood in, if that header is for IDs only.
    header: Option<&'a HeaderName>,
    told: Result<Told, Reason>,
}

struct Told {
    id: CorrelationId,
    /// The whole value of the header, which costs less to clone than to build.
    value: Option<HeaderValue>,
}

impl Settings {
    /// Decides about the ID of a request, and puts it where handlers look for it.
    pub(crate) fn receive<B>(&self, request: &mut Request<B>) -> Arrival {
        if let Some(id) = request.extensions().get::<CorrelationId>() {
            return Arrival::named(id.clone(), Source::Inherited);
        }
        let arrival = match self.offer(request.headers()) {
            None => Arrival::named(self.mint.draw(), Source::Minted),
            Some(offer) => self.judge(offer, request),
        };
        request.extensions_mut().insert(arrival.id.clone());
        if let Some(client) = &arrival.client {
            request.extensions_mut().insert(client.clone());
        }
        arrival
    }

    fn judge<B>(&self, offer: Offer<'_>, request: &mut Request<B>) -> Arrival {
        let Offer { source, header, told } = offer;
        let (reason, client) = match told {
            Ok(Told { id, value }) if self.accept.trusts(request) => {
                return match value {
                    Some(_) => Arrival { id, source, client: None, echo: value },
                    None => Arrival::named(id, source),
                };
            }
            Ok(Told { id, .. }) => (Reason::Untrusted, Some(ClientCorrelationId(id))),
            Err(reason) => (reason, None),
        };
        // Nothing inside shall log or forward what was rejected here.
        if let Some(header) = header {
            request.headers_mut().remove(header);
        }
        let observer = self.observer.as_ref().map(|listener| &*listener.0);
        Signal::new("correlation-id", "", Verdict::Passed, reason.as_str()).report(observer);
        Arrival { client, ..Arrival::named(self.mint.draw(), Source::Rejected(reason)) }
    }

    /// The ID under the first name that is present.
    fn offer(&self, headers: &HeaderMap) -> Option<Offer<'_>> {
        if headers.is_empty() {
            return None;
        }
        let aliased = || self.aliases.iter().find_map(|alias| self.offer_in(headers, alias, Source::Alias));
        self.offer_in(headers, &self.header, Source::Header)
            .or_else(aliased)
            .or_else(|| self.trace_offer(headers))
    }

    fn offer_in<'a>(
        &'a self,
        headers: &HeaderMap,
        name: &'a HeaderName,
        source: Source,
    ) -> Option<Offer<'a>> {
        let value = agreed(headers.get_all(name).iter())?;
        let told = value.and_then(|value| {
            let id = self.screened(read(value, HeaderValue::to_str)?)?;
            Ok(Told { id, value: Some(value.clone()) })
        });
        Some(Offer { source, header: Some(name), told })
    }

    /// The trace ID of a valid `traceparent`, if wanted; one that is not valid counts as absent.
    fn trace_offer(&self, headers: &HeaderMap) -> Option<Offer<'_>> {
        if self.trace_id == TraceId::Ignore {
            return None;
        }
        let value = agreed(headers.get_all(TRACE_PARENT).iter())?.ok()?;
        let parent = TraceParent::parse(value.to_str().ok()?)?;
        let id = CorrelationId::new(parent.trace_id()).ok()?;
        let told = self.screened(id).map(|id| Told { id, value: None });
        Some(Offer { source: Source::TraceParent, header: None, told })
    }

    fn screened(&self, id: CorrelationId) -> Result<CorrelationId, Reason> {
        match &self.screen {
            Some(screen) if (screen.0)(id.as_str()) => Err(Reason::Sensitive),
            _ => Ok(id),
        }
    }
}
