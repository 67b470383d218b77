use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};
use http::request::Parts;
use sha2::{Digest, Sha256};

use crate::terms::Terms;
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

    /// All values of a header, and how many there are.
    fn with_each<V: AsRef<[u8]>>(
        self,
        headers: &HeaderMap,
        name: &HeaderName,
        form: impl Fn(&[u8]) -> V,
    ) -> Self {
        let values = headers.get_all(name);
        let counted = self.with(&(values.iter().count() as u64).to_be_bytes());
        values.iter().fold(counted, |hash, value| hash.with(form(value.as_bytes()).as_ref()))
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// Which record a key means: the caller's own at this layer, whatever others call theirs.
pub(crate) fn record_id(terms: &Terms, caller: &[u8], key: &str) -> RecordId {
    let secret = &terms.secret;
    let hash = Parted::of("buttress idempotency record 2").with(secret).with(terms.name.as_bytes());
    RecordId::from_bytes(keyed(hash.with(caller).with(key.as_bytes()).finish(), secret))
}

/// The caller, for stores that bound what one may fill.
pub(crate) fn scope_of(secret: &[u8], caller: &[u8]) -> Scope {
    let hash = keyed(Parted::of("buttress idempotency scope 2").with(secret).with(caller).finish(), secret);
    Scope::from_bits(hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first)))
}

/// All that makes two requests the same.
pub(crate) fn fingerprint(terms: &Terms, endpoint: &str, head: &Parts, body: &[u8]) -> Fingerprint {
    let seen = terms.uri.as_ref().and_then(|uri| uri(head));
    let uri = seen.as_ref().unwrap_or(&head.uri);
    let mut hash = Parted::of("buttress idempotency request 2")
        .with(&terms.secret)
        .with(endpoint.as_bytes())
        .with(head.method.as_str().as_bytes())
        .with(uri.path().as_bytes())
        .with(if uri.query().is_some() { b"?" } else { b"" })
        .with(uri.query().unwrap_or_default().as_bytes())
        .with_each(&head.headers, &CONTENT_TYPE, |value| essence(value).to_ascii_lowercase())
        .with_each(&head.headers, &CONTENT_ENCODING, <[u8]>::to_ascii_lowercase);
    for name in &*terms.compared {
        hash = hash.with(name.as_str().as_bytes()).with_each(&head.headers, name, <[u8]>::to_vec);
    }
    Fingerprint::from_bytes(keyed(hash.with(body).finish(), &terms.secret))
}

/// Hashed once more, so that a secret cannot be had by lengthening what is known.
fn keyed(hash: [u8; 32], secret: &[u8]) -> [u8; 32] {
    if secret.is_empty() {
        hash
    } else {
        Parted::of("buttress idempotency keyed 2").with(secret).with(&hash).finish()
    }
}

/// A media type without its parameters.
fn essence(value: &[u8]) -> &[u8] {
    value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> Terms {
        Terms::default()
    }

    fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn of(method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Fingerprint {
        fingerprint(&terms(), "", &request(method, uri, headers), body.as_bytes())
    }

    #[test]
    fn each_part_of_a_request_counts() {
        let plain = [("content-type", "text/plain")];
        let gzip = [("content-type", "text/plain"), ("content-encoding", "gzip")];
        let both = [gzip[0], gzip[1], ("content-encoding", "br")];
        let list = [
            of("POST", "/a?b=1", &plain, "c"),
            of("PATCH", "/a?b=1", &plain, "c"),
            of("POST", "/b?b=1", &plain, "c"),
            of("POST", "/a?b=2", &plain, "c"),
            of("POST", "/a", &plain, "c"),
            of("POST", "/a?", &plain, "c"),
            of("POST", "/%61", &plain, "c"),
            of("POST", "/a?b=1", &[("content-type", "text/html")], "c"),
            of("POST", "/a?b=1", &[], "c"),
            of("POST", "/a?b=1", &gzip, "c"),
            of("POST", "/a?b=1", &both, "c"),
            of("POST", "/a?b=1", &plain, "d"),
        ];
        for (at, one) in list.iter().enumerate() {
            assert!(!list[..at].contains(one), "request {at} is as good as an earlier one");
        }
        assert_eq!(list[0], of("POST", "/a?b=1", &[("content-type", "Text/Plain; charset=utf-8")], "c"));
    }

    #[test]
    fn endpoints_chosen_headers_and_the_secret_count() {
        let head = request("POST", "/a", &[("x-version", "1")]);
        let plain = fingerprint(&terms(), "", &head, b"");
        assert_ne!(plain, fingerprint(&terms(), "POST /v1/a", &head, b""));
        assert_ne!(plain, fingerprint(&Terms { secret: [1; 16].into(), ..terms() }, "", &head, b""));
        let picky = Terms { compared: [HeaderName::from_static("x-version")].into(), ..terms() };
        let other = request("POST", "/a", &[("x-version", "2")]);
        assert_eq!(plain, fingerprint(&terms(), "", &other, b""));
        assert_ne!(fingerprint(&picky, "", &head, b""), fingerprint(&picky, "", &other, b""));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let named = |name: &str| Terms { name: name.into(), ..terms() };
        assert_ne!(record_id(&terms(), b"ab", "c"), record_id(&terms(), b"a", "bc"));
        assert_ne!(record_id(&named("ab"), b"c", "d"), record_id(&named("a"), b"bc", "d"));
        let secret = Terms { secret: b"s"[..].into(), ..terms() };
        assert_ne!(record_id(&secret, b"a", "c"), record_id(&terms(), b"a", "c"));
    }
}
