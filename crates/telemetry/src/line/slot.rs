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

    /// How it begins in JSON.
    pub(crate) fn json_key(self) -> &'static str {
        match self {
            Self::Event => r#","event":"#,
            Self::Message => r#","message":"#,
            Self::CorrelationId => r#","correlation_id":"#,
            Self::RequestId => r#","request_id":"#,
            Self::TraceId => r#","trace_id":"#,
            Self::SpanId => r#","span_id":"#,
            Self::TenantId => r#","tenant_id":"#,
            Self::UserId => r#","user_id":"#,
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

/// What is in the slots of one line, each value behind its key as JSON has it.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    bytes: Vec<u8>,
    places: [Range<usize>; 8],
    /// One bit for each slot that has something in it.
    filled: u8,
}

impl Slots {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.filled = 0;
    }

    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.bytes.clear();
        self.bytes.extend_from_slice(&other.bytes);
        self.places.clone_from(&other.places);
        self.filled = other.filled;
    }

    #[inline]
    pub(crate) fn has(&self, slot: Slot) -> bool {
        self.filled & 1 << slot as u8 != 0
    }

    /// What is in a slot, with its key.
    #[inline]
    pub(crate) fn whole(&self, slot: Slot) -> Option<&[u8]> {
        self.has(slot).then(|| self.bytes.get(self.places[slot as usize].clone())).flatten()
    }

    /// The value in a slot.
    pub(crate) fn value(&self, slot: Slot) -> Option<&[u8]> {
        self.whole(slot)?.get(slot.json_key().len()..)
    }

    /// Fills a slot with what is written; nothing leaves it free.
    pub(crate) fn fill<T>(&mut self, slot: Slot, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(slot.json_key().as_bytes());
        let value = self.bytes.len();
        let told = write(&mut self.bytes);
        let end = self.bytes.len();
        self.filled |= u8::from(value < end) << slot as u8;
        self.places[slot as usize] = start..end;
        told
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}
