//! The places of a line that have an order of their own.

use std::ops::Range;

/// What has a fixed place in a line, in the order of the places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Event,
    Message,
    CorrelationId,
    RequestId,
    TraceId,
    SpanId,
    TenantId,
    UserId,
}

impl Slot {
    /// The slots that say whose line it is. If the context does not fill one, a field of that name may.
    pub(crate) const WHOSE: [Self; 6] =
        [Self::CorrelationId, Self::RequestId, Self::TraceId, Self::SpanId, Self::TenantId, Self::UserId];

    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "event" => Some(Self::Event),
            "message" => Some(Self::Message),
            "correlation_id" => Some(Self::CorrelationId),
            "request_id" => Some(Self::RequestId),
            "trace_id" => Some(Self::TraceId),
            "span_id" => Some(Self::SpanId),
            "tenant_id" => Some(Self::TenantId),
            "user_id" => Some(Self::UserId),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Message => "message",
            Self::CorrelationId => "correlation_id",
            Self::RequestId => "request_id",
            Self::TraceId => "trace_id",
            Self::SpanId => "span_id",
            Self::TenantId => "tenant_id",
            Self::UserId => "user_id",
        }
    }
}

/// What is in the slots of one line, written as values.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    bytes: Vec<u8>,
    places: [Range<usize>; 8],
}

impl Slots {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.places = Default::default();
    }

    /// The value in a slot; none has no bytes.
    pub(crate) fn get(&self, slot: Slot) -> Option<&[u8]> {
        let place = &self.places[slot as usize];
        (!place.is_empty()).then(|| &self.bytes[place.clone()])
    }

    /// Fills a slot with what is written.
    pub(crate) fn fill<T>(&mut self, slot: Slot, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let start = self.bytes.len();
        let told = write(&mut self.bytes);
        self.places[slot as usize] = start..self.bytes.len();
        told
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}
