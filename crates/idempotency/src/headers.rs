use std::fmt;

use bytes::{BufMut, Bytes};

use crate::{Malformed, TooLarge};

/// Headers of a stored response: any number of each name, in their order, byte for byte.
///
/// One block of bytes, so that a copy costs a reference count and a store keeps it as it is. For each header: the length
/// of the name as two bytes, the length of the value as two bytes, both with the larger byte first, then name and value.
///
/// ```
/// use buttress_idempotency::HeaderList;
///
/// let mut headers = HeaderList::builder();
/// headers.push(b"link", b"</a>")?;
/// headers.push(b"link", b"\xff")?;
/// let headers = headers.finish();
/// let values: Vec<_> = headers.iter().map(|(name, value)| (name, value)).collect();
/// assert_eq!(values, [(&b"link"[..], "</a>".into()), (&b"link"[..], b"\xff"[..].into())]);
/// assert_eq!(HeaderList::from_bytes(headers.as_bytes().clone())?, headers);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HeaderList(Bytes);

/// Collects the headers of a [`HeaderList`].
#[derive(Clone, Default)]
pub struct HeaderListBuilder(Vec<u8>);

/// What comes before each name and value.
const LENGTHS: usize = 4;

impl HeaderList {
    /// The most that all headers together may take, in bytes: 64 KiB. Layers allow less.
    pub const MAX_BYTES: usize = 64 << 10;

    /// No headers, to begin with.
    pub fn builder() -> HeaderListBuilder {
        HeaderListBuilder::default()
    }

    /// The headers that a store has kept.
    ///
    /// # Errors
    ///
    /// If the lengths do not add up, a name is empty or there is too much.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, Malformed> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(Malformed::new("headers"));
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (_, _, after) = split(rest).ok_or(Malformed::new("headers"))?;
            rest = after;
        }
        Ok(Self(bytes))
    }

    /// The block that [`from_bytes`](Self::from_bytes) takes.
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// Names and values in their order; the values share the memory of the list.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Bytes)> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (name, value, after) = split(rest)?;
            rest = after;
            Some((name, self.0.slice_ref(value)))
        })
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl HeaderListBuilder {
    /// To which so many headers are added, with names and values of so many bytes together.
    #[cfg(feature = "http")]
    pub(crate) fn with_room(headers: usize, bytes: usize) -> Self {
        Self(Vec::with_capacity((headers * LENGTHS + bytes).min(HeaderList::MAX_BYTES)))
    }

    /// Adds a header after those that are there.
    ///
    /// # Errors
    ///
    /// If all together take more than [`HeaderList::MAX_BYTES`], or a name or value more than 65,535 bytes. Nothing is
    /// added then. An empty name is refused as if it were too long.
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), TooLarge> {
        let bytes = self.0.len() + LENGTHS + name.len() + value.len();
        TooLarge::check("list of headers", bytes, HeaderList::MAX_BYTES)?;
        let too_large = TooLarge::check("header", name.len().max(value.len()), usize::from(u16::MAX));
        let (Ok(name_length), Ok(value_length)) = (u16::try_from(name.len()), u16::try_from(value.len()))
        else {
            return too_large;
        };
        if name_length == 0 {
            return TooLarge::check("header without a name", bytes, 0);
        }
        self.0.put_u16(name_length);
        self.0.put_u16(value_length);
        self.0.put_slice(name);
        self.0.put_slice(value);
        Ok(())
    }

    /// The list, which takes no more memory than it needs.
    pub fn finish(self) -> HeaderList {
        HeaderList(self.0.into_boxed_slice().into())
    }
}

impl fmt::Debug for HeaderList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeaderList({} bytes)", self.0.len())
    }
}

impl fmt::Debug for HeaderListBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeaderListBuilder({} bytes)", self.0.len())
    }
}

/// The first header, and what follows.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (lengths, rest) = bytes.split_first_chunk::<LENGTHS>()?;
    let [a, b, c, d] = *lengths;
    let (name, rest) = rest.split_at_checked(u16::from_be_bytes([a, b]).into())?;
    let (value, rest) = rest.split_at_checked(u16::from_be_bytes([c, d]).into())?;
    if name.is_empty() { None } else { Some((name, value, rest)) }
}
