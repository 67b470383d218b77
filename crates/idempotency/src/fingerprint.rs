use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use sha2::{Digest, Sha256};

use crate::{Fingerprint, RecordId, Scope};

/// A hash over parts with their lengths, so that no two lists of parts are one.
pub(crate) struct Parted(Sha256);

impl Parted {
    /// For one purpose, whose name keeps its hashes apart from all others.
    pub(crate) fn of(purpose: &str) -> Self {
        Self(Sha256::new()).with(purpose.as_bytes())
    }

    pub(crate) fn with(mut self, part: &[u8]) -> Self {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
        self
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// Which record a key means: the caller's own, whatever others call theirs.
pub(crate) fn record_id(secret: &[u8], scope: &[u8], key: &str) -> RecordId {
    let inner =
        Parted::of("buttress idempotency record 1").with(secret).with(scope).with(key.as_bytes()).finish();
    // Hashed twice, so that the secret cannot be had by lengthening what is known.
    RecordId::from_bytes(Parted::of("buttress idempotency id 1").with(secret).with(&inner).finish())
}

/// The caller, for stores that bound what one may fill.
pub(crate) fn scope_of(secret: &[u8], scope: &[u8]) -> Scope {
    let hash = Parted::of("buttress idempotency scope 1").with(secret).with(scope).finish();
    Scope::from_bits(hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first)))
}

/// All that makes two requests the same.
pub(crate) fn fingerprint(head: &Parts, body: &[u8]) -> Fingerprint {
    let header = |name| head.headers.get(name).map_or(&b""[..], http::HeaderValue::as_bytes);
    let content_type = header(CONTENT_TYPE).split(|byte| *byte == b';').next().unwrap_or_default();
    let hash = Parted::of("buttress idempotency request 1")
        .with(head.method.as_str().as_bytes())
        .with(head.uri.path().as_bytes())
        .with(if head.uri.query().is_some() { b"?" } else { b"" })
        .with(head.uri.query().unwrap_or_default().as_bytes())
        .with(&content_type.trim_ascii().to_ascii_lowercase())
        .with(&header(CONTENT_ENCODING).to_ascii_lowercase())
        .with(body);
    Fingerprint::from_bytes(hash.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &str, uri: &str, content_type: &str, body: &str) -> Fingerprint {
        let request = http::Request::builder().method(method).uri(uri).header(CONTENT_TYPE, content_type);
        fingerprint(&request.body(()).unwrap().into_parts().0, body.as_bytes())
    }

    #[test]
    fn each_part_of_a_request_counts() {
        let one = of("POST", "/a?b=1", "text/plain", "c");
        for other in [
            of("PATCH", "/a?b=1", "text/plain", "c"),
            of("POST", "/b?b=1", "text/plain", "c"),
            of("POST", "/a?b=2", "text/plain", "c"),
            of("POST", "/a", "text/plain", "c"),
            of("POST", "/a?b=1", "text/html", "c"),
            of("POST", "/a?b=1", "text/plain", "d"),
        ] {
            assert_ne!(one, other);
        }
        assert_eq!(one, of("POST", "/a?b=1", "Text/Plain; charset=utf-8", "c"));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(record_id(b"", b"ab", "c"), record_id(b"", b"a", "bc"));
        assert_ne!(record_id(b"s", b"a", "c"), record_id(b"", b"a", "c"));
        assert_ne!(of("POST", "/a?", "", ""), of("POST", "/a", "", ""));
    }
}
