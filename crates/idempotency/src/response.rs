use std::error::Error;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::HeaderList;

/// What is kept of a response. Logs show how large it is, and nothing of what it says.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredResponse {
    status: u16,
    headers: HeaderList,
    body: Option<Bytes>,
}

/// What an attempt leaves for the one that follows if it does not finish: at most [`Checkpoint::MAX_BYTES`].
#[derive(Clone, PartialEq, Eq)]
pub struct Checkpoint(Arc<[u8]>);

/// Something that is larger than a record may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    what: &'static str,
    bytes: usize,
    limit: usize,
}

impl StoredResponse {
    /// The largest body that a record may hold, in bytes: 16 MiB. Layers allow less.
    pub const MAX_BODY_BYTES: usize = 16 << 20;

    /// A response, with its body. The status is one of 100 to 999: a record with another could not be read again.
    ///
    /// # Errors
    ///
    /// If the body is larger than [`MAX_BODY_BYTES`](Self::MAX_BODY_BYTES).
    pub fn new(status: u16, headers: HeaderList, body: Bytes) -> Result<Self, TooLarge> {
        TooLarge::check("body", body.len(), Self::MAX_BODY_BYTES)?;
        Ok(Self { status, headers, body: Some(body) })
    }

    /// A tombstone: the operation is done, and its body is not kept.
    pub const fn without_body(status: u16, headers: HeaderList) -> Self {
        Self { status, headers, body: None }
    }

    /// The status, as HTTP has it.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The headers, in their order.
    pub const fn headers(&self) -> &HeaderList {
        &self.headers
    }

    /// The body; `None` if this is a tombstone.
    pub const fn body(&self) -> Option<&Bytes> {
        self.body.as_ref()
    }

    /// Bytes of headers and body.
    pub fn bytes(&self) -> usize {
        self.headers.as_bytes().len() + self.body.as_ref().map_or(0, Bytes::len)
    }
}

impl fmt::Debug for StoredResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredResponse")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.as_ref().map(Bytes::len))
            .finish()
    }
}

impl Checkpoint {
    /// The largest checkpoint, in bytes: 4 KiB.
    pub const MAX_BYTES: usize = 4 << 10;

    /// A checkpoint with that content, which only the handler understands.
    ///
    /// # Errors
    ///
    /// If there are more than [`MAX_BYTES`](Self::MAX_BYTES).
    pub fn new(content: impl Into<Arc<[u8]>>) -> Result<Self, TooLarge> {
        let content = content.into();
        TooLarge::check("checkpoint", content.len(), Self::MAX_BYTES)?;
        Ok(Self(content))
    }

    /// The content.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checkpoint({} bytes)", self.0.len())
    }
}

impl TooLarge {
    pub(crate) const fn check(what: &'static str, bytes: usize, limit: usize) -> Result<(), Self> {
        if bytes <= limit { Ok(()) } else { Err(Self { what, bytes, limit }) }
    }

    /// How many bytes there are.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many there may be.
    pub const fn limit(&self) -> usize {
        self.limit
    }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, bytes, limit } = self;
        write!(f, "a {what} of {bytes} bytes is more than a record holds ({limit} bytes)")
    }
}

impl Error for TooLarge {}
