use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use buttress_core::{Context, CorrelationId};

use crate::carry::scope_in;
use crate::offered::agreed;
use crate::{Carried, Mint, Reason, Source, TraceParent};

/// The header that carries the ID, over HTTP and in messages.
pub(crate) const CORRELATION_ID: &str = "x-correlation-id";
pub(crate) const TRACE_PARENT: &str = "traceparent";
const TRACE_STATE: &str = "tracestate";

/// The longest `tracestate` that is passed on; Trace Context asks for no more.
const TRACE_STATE_MAX_BYTES: usize = 512;

/// The headers of a queue message: names and text.
///
/// Names are compared without regard to case, because brokers and bridges rewrite it. Implement it for your
/// broker's own headers, or copy them into a `Vec<(String, String)>`.
pub trait Carrier {
    /// Every value under a name.
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]>;

    /// Makes a value the only one under a name, which is lower-case; the value is visible ASCII and spaces.
    fn set(&mut self, name: &'static str, value: &str);
}

/// Writes the current correlation ID into a message, and says which it was; without one it writes nothing.
///
/// An ID that the message already has is replaced: messages are forwarded, and what a stranger wrote would go along.
///
/// ```
/// use std::collections::HashMap;
/// use buttress_core::{Context, CorrelationId};
/// use buttress_correlation_id::{extract, inject};
///
/// # fn main() -> Result<(), buttress_core::InvalidCorrelationId> {
/// let request = Context::new().with_correlation_id(CorrelationId::new("order-17")?);
/// let mut headers = HashMap::new();
/// request.run(|| inject(&mut headers));
/// assert_eq!(headers["x-correlation-id"], "order-17");
/// assert_eq!(extract(&headers).id().as_str(), "order-17");
/// # Ok(())
/// # }
/// ```
pub fn inject(carrier: &mut impl Carrier) -> Option<CorrelationId> {
    let id = Context::with_current(|context| context.correlation_id().cloned())?;
    carrier.set(CORRELATION_ID, id.as_str());
    Some(id)
}

/// Reads the correlation ID of a message as strictly as that of a request, and mints one if there is none to use.
pub fn extract(carrier: &impl Carrier) -> Extracted {
    let offer = agreed(carrier.values(CORRELATION_ID));
    match offer.map(|value| Ok(CorrelationId::from_bytes(value?)?)) {
        Some(Ok(id)) => Extracted { id, source: Source::Header },
        Some(Err(reason)) => Extracted::minted(Source::Rejected(reason)),
        None => Extracted::minted(Source::Minted),
    }
}

/// Copies `traceparent` and `tracestate` from one carrier to another, unaltered.
///
/// A `traceparent` that is not valid is left behind, and then the `tracestate` too, as Trace Context demands.
/// A `tracestate` is left behind if it has more than 512 bytes or bytes that are not visible ASCII.
pub fn pass_trace(from: &impl Carrier, to: &mut impl Carrier) {
    let parent = agreed(from.values(TRACE_PARENT)).and_then(Result::ok);
    let Some(parent) = parent.and_then(|text| TraceParent::parse(str::from_utf8(text).ok()?)) else {
        return;
    };
    to.set(TRACE_PARENT, parent.as_str());
    if let Some(state) = trace_state(from) {
        to.set(TRACE_STATE, &state);
    }
}

/// All `tracestate` values as one list, in their order.
fn trace_state(from: &impl Carrier) -> Option<String> {
    let mut state = String::new();
    for value in from.values(TRACE_STATE) {
        let text = str::from_utf8(value).ok()?;
        if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return None;
        }
        if !state.is_empty() {
            state.push(',');
        }
        state.push_str(text);
        if state.len() > TRACE_STATE_MAX_BYTES {
            return None;
        }
    }
    (!state.is_empty()).then_some(state)
}

/// The correlation ID under which a message is to be worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extracted {
    id: CorrelationId,
    source: Source,
}

impl Extracted {
    fn minted(source: Source) -> Self {
        Self { id: Mint::default().draw(), source }
    }

    /// The ID.
    pub fn id(&self) -> &CorrelationId {
        &self.id
    }

    /// The ID by value.
    pub fn into_id(self) -> CorrelationId {
        self.id
    }

    /// Where it came from.
    pub fn source(&self) -> Source {
        self.source
    }

    /// Why the message's own ID was not used, if it had one.
    pub fn rejected(&self) -> Option<Reason> {
        match self.source {
            Source::Rejected(reason) => Some(reason),
            _ => None,
        }
    }

    /// Works on the message under its ID, in a tracing span `correlated` that tells the ID and where it came from.
    pub fn scope<F>(self, future: F) -> Carried<F> {
        let span = tracing::info_span!(
            target: "buttress_correlation_id",
            "correlated",
            correlation_id = self.id.as_str(),
            correlation_id_source = %self.source,
        );
        scope_in(span, self.id, future)
    }
}

impl Carrier for Vec<(String, String)> {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_bytes())
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.push((name.to_owned(), value.to_owned()));
    }
}

impl Carrier for BTreeMap<String, String> {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_bytes())
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.retain(|key, _| !key.eq_ignore_ascii_case(name));
        self.insert(name.to_owned(), value.to_owned());
    }
}

impl<H: BuildHasher> Carrier for HashMap<String, String, H> {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_bytes())
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.retain(|key, _| !key.eq_ignore_ascii_case(name));
        self.insert(name.to_owned(), value.to_owned());
    }
}

#[cfg(feature = "http")]
impl Carrier for http::HeaderMap {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).iter().map(http::HeaderValue::as_bytes)
    }

    fn set(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = http::HeaderValue::from_str(value) {
            // Full only past 24,576 names, which no server or client lets through.
            let _ = self.try_insert(http::HeaderName::from_static(name), value);
        }
    }
}
