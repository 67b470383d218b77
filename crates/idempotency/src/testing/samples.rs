use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use buttress_core::Entropy;
use bytes::Bytes;

use crate::{Claim, Fingerprint, HeaderList, OwnerToken, RecordId, Scope, StoredResponse, WhenAbandoned};

/// A claim of a record that no run has used, by a new owner, with a lease and a retention of an hour.
///
/// # Panics
///
/// Never.
pub fn claim() -> Claim {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let entropy = Entropy::system();
    let mut id = [0; 32];
    for chunk in id.chunks_exact_mut(8) {
        chunk.copy_from_slice(&entropy.draw().to_be_bytes());
    }
    id[8..16].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    Claim {
        id: RecordId::from_bytes(id),
        scope: Scope::from_bits(entropy.draw()),
        fingerprint: Fingerprint::from_bytes([7; 32]),
        owner: OwnerToken::draw(&entropy),
        lease: Duration::from_secs(3_600),
        retain: Duration::from_secs(3_600),
        when_abandoned: WhenAbandoned::TakeOver,
    }
}

/// A response with two headers of one name, bytes that are no text, and this body.
///
/// # Panics
///
/// If the body is too large.
pub fn response(body: impl Into<Bytes>) -> Arc<StoredResponse> {
    let mut headers = HeaderList::builder();
    for value in [&b"</a>"[..], b"\xff\x00", b""] {
        headers.push(b"link", value).unwrap_or_else(|error| panic!("{error}"));
    }
    let response = StoredResponse::new(201, headers.finish(), body.into());
    Arc::new(response.unwrap_or_else(|error| panic!("{error}")))
}
